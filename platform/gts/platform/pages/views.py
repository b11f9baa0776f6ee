"""What the pages say about jobs: pure functions from values to what templates show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from markupsafe import Markup

from gts.orchestrator.records import Decision, Event, Job, StageRun
from gts.orchestrator.states import JobState
from gts.platform.pages.charts import curve_chart
from gts.platform.pages.languages import ENGLISH, Language, mark
from gts.platform.pages.moments import lived_moments
from gts.platform.pages.wording import duration, percent
from gts.platform.pages.words import metric_name, stage_name

_STATE_WORDS = {
    JobState.QUEUED: mark("Queued"),
    JobState.RUNNING: mark("Running"),
    JobState.WAITING: mark("Waiting for you"),
    JobState.SUCCEEDED: mark("Done"),
    JobState.FAILED: mark("Failed"),
    JobState.CANCELLED: mark("Cancelled"),
}


@dataclass(frozen=True)
class JobLine:
    """A job as the list shows it; ``progress`` (0 to 1) only while a stage reports it."""

    id: str
    name: str
    state: str
    state_word: str
    detail: str
    progress: float | None
    quality: float | None
    metric: str
    created_at: datetime


@dataclass(frozen=True)
class StageLine:
    """A stage with its cost; shares (0 to 1) are relative to the longest stage of the job.

    ``tokens`` are those of the language models it asked; ``None`` where it asked none.
    """

    name: str
    state: str
    seconds: float | None
    forecast: float | None
    cached: bool
    share: float
    forecast_share: float | None
    progress: float | None
    message: str
    tokens: int | None = None


@dataclass(frozen=True)
class DecisionLine:
    """A choice of the planner, what was expected of it and what came."""

    action: str
    reason: str
    expected: str
    came: str


@dataclass(frozen=True)
class JobPageView:
    """Everything about a job that is not its report."""

    job: Job
    line: JobLine
    stages: tuple[StageLine, ...]
    seconds: float
    forecast: float | None
    decisions: tuple[DecisionLine, ...]
    curve: Markup
    error: Mapping[str, Any] | None
    kept: str
    is_live: bool
    is_stopping: bool
    may_cancel: bool
    spoken: str


def state_word(state: JobState | str, language: Language = ENGLISH) -> str:
    """A state as people say it.

    Example:
        >>> state_word("succeeded")
        'Done'
    """
    return language.text(_STATE_WORDS[JobState(state)])


def job_line(job: Job, latest: Sequence[Event] = (), language: Language = ENGLISH) -> JobLine:
    """A job as the list shows it.

    Args:
        job: The job.
        latest: Its newest events, for the progress of a running one.
        language: What it is said in.
    """
    stage, fraction, _ = _last_progress(latest, language) if job.state == JobState.RUNNING else ("", None, "")
    estimate = (job.report or {}).get("estimate") or {}
    return JobLine(
        id=job.id,
        name=job.name,
        state=job.state.value,
        state_word=language.gettext("Stopping") if _is_stopping(job) else state_word(job.state, language),
        detail=_detail(job, stage, language),
        progress=fraction,
        quality=estimate.get("value"),
        metric=metric_name(str(estimate.get("metric", "")), language),
        created_at=job.created_at,
    )


def job_page(
    job: Job,
    stages: Sequence[StageRun],
    decisions: Sequence[Decision],
    latest: Sequence[Event],
    language: Language = ENGLISH,
) -> JobPageView:
    """A job with its stages and decisions as far as they have come, since it was continued if it was."""
    has_told = job.state in (JobState.SUCCEEDED, JobState.WAITING)
    report = (job.report or {}) if has_told else {}
    if report.get("stages"):
        done = stage_lines(
            [
                (
                    _title(item, language),
                    "finished",
                    item.get("seconds"),
                    item.get("forecast_seconds"),
                    item.get("cached"),
                )
                for item in report["stages"]
            ]
        )
        lines = tuple(
            replace(line, tokens=item.get("tokens"))
            for line, item in zip(done, report["stages"], strict=True)
        )
    else:
        lines = stage_lines(
            [
                (
                    _title({"name": run.name, "detail": run.detail}, language),
                    run.state if job.state == JobState.RUNNING or run.state != "running" else "stopped",
                    run.seconds,
                    run.forecast_seconds,
                    run.cached,
                )
                for run in stages
            ],
            _last_progress(latest, language),
        )
    finished = [line for line in lines if line.state == "finished"]
    spent = sum(line.seconds or 0.0 for line in finished if not line.cached)
    forecasts = [line.forecast for line in finished if line.forecast is not None and not line.cached]
    return JobPageView(
        job=job,
        line=job_line(job, latest, language),
        stages=lines,
        seconds=spent,
        forecast=sum(forecasts) if forecasts else None,
        decisions=tuple(
            [report_decision(item, language) for item in report["decisions"]]
            if report.get("decisions")
            else [stored_decision(item, language) for item in decisions]
        ),
        curve=_curve(report.get("decisions") or [_as_reported(item) for item in decisions], language),
        error=job.error,
        kept=_kept(job, len(finished), spent, language),
        is_live=job.state.is_active,
        is_stopping=_is_stopping(job),
        may_cancel=not job.state.has_ended and not job.cancel_requested,
        spoken=_spoken(job, lines, language),
    )


def stage_lines(
    stages: Sequence[tuple[str, str, float | None, float | None, bool | None]],
    progress: tuple[str, float | None, str] = ("", None, ""),
) -> tuple[StageLine, ...]:
    """Stages with bars that can be compared.

    Args:
        stages: Title, state, seconds, forecast in seconds, and whether an earlier run had done it.
        progress: Stage name, fraction and message of the newest progress report.

    Example:
        >>> stage_lines([("teach", "finished", 5.0, 10.0, False)])[0].share
        0.5
    """
    longest = max([value for stage in stages for value in stage[2:4] if value], default=1.0)
    lines = []
    for title, state, seconds, forecast, cached in stages:
        running = state == "running"
        lines.append(
            StageLine(
                name=title,
                state=state,
                seconds=seconds,
                forecast=forecast,
                cached=bool(cached),
                share=_share(running, progress[1], 0.0 if cached else seconds or 0.0, forecast) / longest,
                forecast_share=None if forecast is None else forecast / longest,
                progress=progress[1] if running else None,
                message=progress[2] if running else "",
            )
        )
    return tuple(lines)


def _share(running: bool, fraction: float | None, seconds: float, forecast: float | None) -> float:
    return (fraction or 0.0) * (forecast or 0.0) if running else seconds


def _spoken(job: Job, lines: Sequence[StageLine], language: Language) -> str:
    """What a screen reader says when it changes; no percentages, they would never stop."""
    running = next((line.name for line in reversed(lines) if line.state == "running"), "")
    done = sum(line.state == "finished" for line in lines)
    state = state_word(job.state, language)
    if not running:
        return language.ngettext(
            "%(state)s. %(num)s stage done.", "%(state)s. %(num)s stages done.", done, state=state
        )
    return language.ngettext(
        "%(state)s: %(stage)s. %(num)s stage done.",
        "%(state)s: %(stage)s. %(num)s stages done.",
        done,
        state=state,
        stage=running,
    )


def stored_decision(decision: Decision, language: Language = ENGLISH) -> DecisionLine:
    """A decision of a job that has no report."""
    expected, came = (_facts(facts or {}, language) for facts in (decision.forecast, decision.outcome))
    return DecisionLine(decision.action, decision.reason, expected, came)


def report_decision(decision: Mapping[str, Any], language: Language = ENGLISH) -> DecisionLine:
    """A decision as reports hold it.

    Example:
        >>> report_decision({"action": "distil", "reason": "r", "forecast_seconds": 9, "seconds": 8, "outcome": "0.84"})
        DecisionLine(action='distil', reason='r', expected='9.0 s', came='0.84, 8.0 s')
    """
    forecast = decision.get("forecast") or {"seconds": decision.get("forecast_seconds")}
    outcome = decision.get("outcome")
    said = outcome if isinstance(outcome, Mapping) else {"outcome": outcome or None}
    came = {**said, **{name: decision.get(name) for name in ("seconds", "value", "low", "high")}}
    return DecisionLine(
        str(decision.get("action", "")),
        str(decision.get("reason", "")),
        _facts(forecast, language),
        _facts(came, language),
    )


def _as_reported(decision: Decision) -> dict[str, Any]:
    return {"action": decision.action, **(decision.outcome or {})}


def _curve(decisions: Sequence[Mapping[str, Any]], language: Language) -> Markup:
    """Quality with its interval over the seconds of the job; nothing before there is a student."""
    spent = sum(decision.get("seconds") or 0.0 for decision in decisions)
    return curve_chart(lived_moments(decisions), spent, language)


def _title(stage: Mapping[str, Any], language: Language) -> str:
    return stage_name(f"{stage['name']} {stage.get('detail') or ''}".strip(), language)


def _is_stopping(job: Job) -> bool:
    return job.cancel_requested and not job.state.has_ended


def _detail(job: Job, stage: str, language: Language) -> str:
    if job.state == JobState.RUNNING:
        return stage
    if job.state == JobState.FAILED:
        return str((job.error or {}).get("message", ""))
    if job.state == JobState.WAITING:
        return language.ngettext("%(num)s question", "%(num)s questions", job.open_questions)
    if job.state == JobState.SUCCEEDED:
        tier = (job.report or {}).get("tier")
        return language.gettext("%(tier)s student", tier=tier) if tier else ""
    return ""


def _last_progress(latest: Sequence[Event], language: Language) -> tuple[str, float | None, str]:
    """Stage, fraction and message of the stage that runs, from the newest events."""
    for event in reversed(latest):
        if event.kind == "progress":
            fraction = event.data.get("fraction")
            return (
                stage_name(str(event.data.get("stage") or ""), language),
                min(1.0, max(0.0, float(fraction))) if isinstance(fraction, int | float) else None,
                str(event.data.get("message") or ""),
            )
        if event.kind == "stage_started":
            started = {"name": event.data.get("name", ""), "detail": event.data.get("detail")}
            return _title(started, language), None, ""
        if event.kind in ("stage_finished", "state"):
            break
    return "", None, ""


def _kept(job: Job, finished: int, seconds: float, language: Language) -> str:
    if job.state not in (JobState.FAILED, JobState.CANCELLED):
        return ""
    if not finished:
        return language.gettext("Your data is kept. No stage had finished.")
    return language.ngettext(
        "Your data and %(num)s finished stage (%(time)s of computing) are kept. "
        "Running it again goes on from there.",
        "Your data and %(num)s finished stages (%(time)s of computing) are kept. "
        "Running it again goes on from there.",
        finished,
        time=duration(seconds, language),
    )


def _facts(values: Mapping[str, Any], language: Language) -> str:
    """A small mapping in words: seconds as a duration, shares as percentages, the rest as it is."""
    parts = []
    for key, value in values.items():
        if value is None or isinstance(value, Mapping | list) or key in ("low", "high"):
            continue
        name = key.replace("_", " ")
        if key in ("seconds", "forecast_seconds"):
            parts.append(duration(float(value), language))
        elif key in ("outcome", "summary", "message", "text"):
            parts.append(str(value))
        elif key == "value" and values.get("low") is not None and values.get("high") is not None:
            low, high = percent(values["low"]), percent(values["high"])
            parts.append(f"{percent(value)} ({low} – {high})")
        elif isinstance(value, float):
            parts.append(f"{name} {value:.3g}")
        else:
            parts.append(f"{name} {value}")
    return ", ".join(parts)
