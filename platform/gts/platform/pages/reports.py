"""What the job page says about a report: pure functions from its JSON to sentences, a chart and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from gts.platform.pages.charts import Interval, interval_chart
from gts.platform.pages.wording import amount, compact, counted, duration, percent, points, size
from gts.tasks.measures import NAMES, shown

_CONFIDENCE = 0.9
_SAME = 0.0005  # differences that would read as 0.0 points


@dataclass(frozen=True)
class ReportView:
    """A report in sentences, a chart and tables."""

    metric: str
    value: float
    interval: str
    method: str
    verdict: str
    chart: Markup
    figures: tuple[tuple[str, str, str], ...]
    teachers: tuple[Mapping[str, Any], ...]
    generators: tuple[Mapping[str, Any], ...]
    generation_note: str
    models: tuple[Mapping[str, Any], ...]
    students: tuple[Mapping[str, Any], ...]
    tests: tuple[tuple[str, tuple[float, ...], int], ...]
    measured: tuple[str, ...]
    notes: tuple[str, ...]


def metric_name(metric: str) -> str:
    """A metric as people say it.

    Example:
        >>> metric_name("macro_f1")
        'macro F1'
    """
    return NAMES.get(metric, metric.replace("_", " "))


def interval_sentence(estimate: Mapping[str, Any]) -> str:
    """An estimate's interval in words.

    Example:
        >>> interval_sentence({"value": 0.86, "low": 0.84, "high": 0.91, "n": 64})
        '84% to 91% with 90% confidence, from 64 labelled texts'
    """
    number = estimate.get("n")
    source = f", from {counted(number, 'labelled text')}" if number is not None else ""
    if estimate.get("low") is None or estimate.get("high") is None:
        return f"{percent(estimate['value'])}{source}"
    confidence = percent(estimate.get("confidence", _CONFIDENCE))
    return f"{percent(estimate['low'])} to {percent(estimate['high'])} with {confidence} confidence{source}"


def report_view(report: Mapping[str, Any]) -> ReportView:
    """A finished job's report."""
    estimate, seed = report["estimate"], report["seed_only"]
    metric = metric_name(str(estimate["metric"]))
    test = report.get("test") or {}
    titles = {"student": "Student", "seed_only": "Your labels alone"}
    names = shown(test.get("student") or {})
    return ReportView(
        metric=metric,
        value=estimate["value"],
        interval=interval_sentence(estimate),
        method=str(estimate.get("method") or ""),
        verdict=verdict(report),
        chart=interval_chart(
            [_interval("Student", estimate, strong=True), _interval("Your labels alone", seed, strong=False)]
        ),
        figures=_figures(report),
        teachers=tuple(report.get("teachers") or ()),
        generators=tuple(
            {**entry, "dropped": most_first(entry.get("rejected") or {})}
            for entry in report.get("generators") or ()
        ),
        generation_note=str(report.get("generation_note") or ""),
        models=tuple(
            {**model, "faults": most_first(model.get("faults") or {})} for model in report.get("models") or ()
        ),
        students=tuple(
            {**student, "chosen": student.get("tier") == report.get("tier")}
            for student in report.get("students") or ()
        ),
        tests=tuple(
            (titles.get(who, who), tuple(scores[name] for name in names), scores.get("n", 0))
            for who, scores in test.items()
            if scores
        ),
        measured=tuple(metric_name(name) for name in names),
        notes=tuple(str(note) for note in report.get("notes") or ()),
    )


def most_first(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Reasons with their numbers, the largest first.

    Example:
        >>> most_first({"copy": 3, "length": 12})
        (('length', 12), ('copy', 3))
    """
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def verdict(report: Mapping[str, Any]) -> str:
    """What came of the job, in one sentence.

    Example:
        >>> scores = {"estimate": {"value": 0.86}, "seed_only": {"value": 0.8}, "published": "student"}
        >>> verdict(scores)
        'The teachers helped: +6.0 points over training on your labels alone.'
    """
    difference = report["estimate"]["value"] - report["seed_only"]["value"]
    if report.get("published", "student") != "student":
        return "Nothing beat training on your labels alone, so that student was published."
    if difference > _SAME:
        return f"The teachers helped: {points(difference)} over training on your labels alone."
    if difference < -_SAME:
        return f"Measured {points(difference)} against training on your labels alone, within the noise."
    return "As good as training on your labels alone."


def _figures(report: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Name, value and remark of the numbers that stand out."""
    chosen: Mapping[str, Any] = next(
        (item for item in report.get("students") or () if item.get("tier") == report.get("tier")), {}
    )
    parameters = f"{compact(chosen['parameters'])} parameters" if chosen.get("parameters") else ""
    figures = [("Tier", str(report.get("tier") or "–"), parameters)]
    if chosen.get("bytes"):
        figures.append(("Size", size(chosen["bytes"]), "on disk"))
    if chosen.get("texts_per_second"):
        figures.append(("Speed", f"{chosen['texts_per_second']:,.0f}", "texts a second, one core"))
    counts = report.get("counts") or {}
    further = [
        f"{counts[key]:,} {word}"
        for key, word in (("pool", "unlabelled"), ("generated", "generated"))
        if counts.get(key)
    ]
    figures.append(("Learnt from", f"{counts.get('gold', 0):,} labelled", ", ".join(further)))
    if report.get("seconds") is not None:
        figures.append(("Cost", duration(report["seconds"]), ", ".join(["of computing", *_paid(report)])))
    return tuple(figures)


def _paid(report: Mapping[str, Any]) -> list[str]:
    """What language models were asked for and what that cost, where any were."""
    tokens, money = report.get("tokens"), report.get("paid", report.get("money"))
    said = [f"{counted(tokens, 'token')} of language models"] if tokens else []
    return [*said, f"{amount(money)} paid"] if money else said


def _interval(label: str, estimate: Mapping[str, Any], *, strong: bool) -> Interval:
    value = estimate["value"]
    low, high = estimate.get("low"), estimate.get("high")
    return Interval(label, value, value if low is None else low, value if high is None else high, strong)
