"""Live progress on standard error, and the report of a finished job as a person reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from gts.platform.cli.output import plain, print_table, stderr, stdout
from gts.platform.cli.understood import print_findings


class Progress:
    """Shows a job's events: a bar on a terminal, plain lines elsewhere.

    Events are mappings ``{"kind", "data"}``, as :class:`gts.orchestrator.recorder.Recorder` writes them.
    """

    def __init__(self) -> None:
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._console = stderr()
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._stages: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, event: Mapping[str, Any]) -> None:
        """Show one event."""
        kind, data = str(event.get("kind", "")), event.get("data") or {}
        if kind == "progress":
            stage, message = str(data.get("stage", "")), str(data.get("message", ""))
            self._advance(stage, float(data.get("fraction", 0.0)), message)
        elif line := _LINES.get(kind, _plain_line)(data):
            self._console.print(f"{kind.replace('_', ' ')}: {plain(line)}", markup=False, soft_wrap=True)

    def _advance(self, stage: str, fraction: float, message: str) -> None:
        if not self._console.is_terminal:
            return
        if stage not in self._stages:
            self._stages[stage] = self._bars.add_task(stage, total=1.0)
        label = f"{plain(stage)} {message}".strip()
        self._bars.update(self._stages[stage], completed=min(1.0, fraction), description=label[:60])


def _started_line(data: Mapping[str, Any]) -> str:
    forecast = data.get("forecast_seconds")
    expected = f", about {forecast:.0f} s" if forecast else ""
    return f"{data.get('name', '')} {data.get('detail', '')}".strip() + expected


def _finished_line(data: Mapping[str, Any]) -> str:
    seconds = data.get("seconds")
    took = "done before" if data.get("cached") else f"{seconds:.1f} s" if seconds is not None else "done"
    return f"{data.get('name', '')}, {took}"


def _decision_line(data: Mapping[str, Any]) -> str:
    return f"{data.get('action', '')}: {data.get('reason', '')}"


def _outcome_line(data: Mapping[str, Any]) -> str:
    outcome = data.get("outcome") or {}
    return str(outcome.get("outcome") or "")


def _plain_line(data: Mapping[str, Any]) -> str:
    return str(data.get("message") or data.get("state") or "")


_LINES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "stage_started": _started_line,
    "stage_finished": _finished_line,
    "decision": _decision_line,
    "outcome": _outcome_line,
}


def print_report(report: Mapping[str, Any]) -> None:
    """The report of a job, on standard output."""
    console = stdout()
    estimate, seed = report["estimate"], report["seed_only"]
    console.print(
        f"[bold]{report['name']}[/]" if _is_name(report["name"]) else plain(report["name"]), soft_wrap=True
    )
    rows = [("expected on new texts", report["tier"], *_measured(estimate))]
    if measured := report.get("measured"):
        rows.append(("on held-out gold: student", "", *_measured(measured)))
    rows.append(("on held-out gold: seed-only", "", *_measured(seed)))
    for who, scores in (report.get("test") or {}).items():
        rows.append(
            (
                f"{who.replace('_', '-')} on the test file",
                "",
                f"{scores[report['metric']]:.3f}",
                f"n = {scores['n']}",
            )
        )
    print_table(("", "tier", str(estimate["metric"]), "90 % interval"), rows, "")
    stages = [
        (
            stage["name"],
            stage.get("detail", ""),
            _seconds(stage.get("forecast_seconds")),
            "cached" if stage.get("cached") else _seconds(stage["seconds"]),
        )
        for stage in report.get("stages", ())
    ]
    print_table(("stage", "detail", "forecast s", "actual s"), stages, "no stages")
    students = [
        (
            student["tier"],
            f"{student['estimate']:.3f}" if student.get("estimate") is not None else "",
            f"{student.get('bytes', 0) / 1e6:.1f}",
            f"{student.get('texts_per_second') or 0:,.0f}",
        )
        for student in report.get("students", ())
    ]
    print_table(("student", "estimate", "MB", "texts/s"), students, "no students")
    _print_models(report)
    for decision in report.get("decisions", ()):
        outcome = f" -> {decision['outcome']}" if decision.get("outcome") else ""
        line = plain(f"- {decision['action']}: {decision['reason']}{outcome}")
        console.print(line, markup=False, soft_wrap=True)
    for line in _left_out(report):
        console.print(plain(line), markup=False, soft_wrap=True)
    for note in report.get("notes", ()):
        console.print(f"note: {plain(str(note))}", markup=False, soft_wrap=True)
    print_findings(report.get("findings", ()))
    console.print(f"{report['seconds']:.1f} s in all", markup=False)


def _print_models(report: Mapping[str, Any]) -> None:
    models = [
        (
            model["name"],
            f"{model['calls']:,}",
            f"{model['cached']:,}",
            f"{model['tokens']:,}",
            f"{model['money']:.4g}",
            f"{model.get('paid', model['money']):.4g}",
            ", ".join(
                [f"{reason} {count}" for reason, count in model["faults"].items()]
                + (["left out"] if model.get("problem") else [])
            ),
        )
        for model in report.get("models", ())
    ]
    if models:
        columns = ("language model", "calls", "known before", "tokens", "money", "paid", "faults")
        print_table(columns, models, "")
        stdout().print(
            "known before: answers that were kept from an earlier time and cost nothing now; "
            "money: what the budget counts, paid: what this job cost",
            markup=False,
            soft_wrap=True,
        )


def _left_out(report: Mapping[str, Any]) -> list[str]:
    """Teachers, generators and language models that a task named and that came to nothing, with the reason."""
    lines = [
        f"teacher {row['name']}: {row['reason']}"
        for row in report.get("teachers", ())
        if row.get("value") is None and not row.get("used")
    ]
    generators = report.get("generators") or ()
    lines += [
        f"generator {row['name']}: {row['reason']}"
        for row in generators
        if not row.get("used") and not row.get("accepted")
    ]
    if not generators and report.get("generation_note"):
        lines.append(f"generators: {report['generation_note']}")
    return lines


def _is_name(name: str) -> bool:
    return name.replace("-", "").replace("_", "").replace(".", "").isalnum()


def _measured(estimate: Mapping[str, Any]) -> tuple[str, str]:
    low, high = estimate.get("low"), estimate.get("high")
    interval = f"{low:.3f} - {high:.3f}" if low is not None and high is not None else ""
    return f"{estimate['value']:.3f}", interval


def _seconds(value: float | None) -> str:
    return f"{value:.1f}" if value is not None else ""
