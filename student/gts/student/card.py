"""The model card: a view of a job's report, as the README.md of the student's repository.

No text of the user's data appears in it, only label names (escaped), counts and measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gts.student.card_types import WORDS, names_of
from gts.student.card_usage import usage
from gts.student.layout import CARD, StudentManifest
from gts.student.markup import plain, table
from gts.tasks import measures

Report = Mapping[str, Any]

_METRIC_IDS = {
    "accuracy": "accuracy",
    "spearman": "spearmanr",
    "rouge1": "rouge",
    "rouge2": "rouge",
    "rougeL": "rouge",
}
"""Measures by the Hub's names; all others are F1."""
_CONFIDENCE = 0.9
_SHOWN_LABELS = 100


def write_card(
    folder: Path, report: Report, manifest: StudentManifest, repository: str | None = None
) -> None:
    """Write README.md into a student folder; arguments as in :func:`model_card`."""
    path = folder / CARD
    path.write_text(model_card(report, manifest, repository), "utf-8")
    path.chmod(0o644)


def model_card(report: Report, manifest: StudentManifest, repository: str | None = None) -> str:
    """The model card.

    Args:
        report: A job's report (docs/architecture.md, "Report").
        manifest: The student's ``gts.json``.
        repository: ``namespace/name`` under which it is published; None: a placeholder is shown.
    """
    where = repository or f"YOUR-NAMESPACE/{manifest.task.name}"
    sections = [
        _head(report, manifest),
        _quality(report),
        _making(report, manifest),
        _cost(report),
        _speed(report),
        usage(manifest, where),
        _limits(report, manifest),
        _lineage(manifest),
    ]
    return f"---\n{_front_matter(report, manifest)}---\n\n" + "\n\n".join(filter(None, sections)) + "\n"


def _front_matter(report: Report, manifest: StudentManifest) -> str:
    metric = _METRIC_IDS.get(report.get("metric", "accuracy"), "f1")
    tag = WORDS[manifest.task.type].tag
    tags = ["gts", tag, manifest.tier, "onnx", "few-shot", "knowledge-distillation"]
    fields: dict[str, Any] = {
        "license": manifest.licence,
        "language": [manifest.task.language] if manifest.task.language else None,
        "library_name": _library(manifest),
        "pipeline_tag": tag,
        "tags": tags,
        "base_model": manifest.base_model,
        "metrics": [metric],
    }
    known = {key: value for key, value in fields.items() if value is not None}
    return yaml.safe_dump(known, sort_keys=False, allow_unicode=True)


def _library(manifest: StudentManifest) -> str:
    if manifest.task.type != "classification":
        return "gts"
    return "model2vec" if manifest.tier == "static" else "transformers"


def _head(report: Report, manifest: StudentManifest) -> str:
    if manifest.task.type != "classification":
        return _head_of_rows(report, manifest)
    labels = manifest.labels
    shown = ", ".join(f"**{plain(label)}**" for label in labels[:_SHOWN_LABELS])
    more = f" and {len(labels) - _SHOWN_LABELS} more" if len(labels) > _SHOWN_LABELS else ""
    how = "any number of these labels, or none" if manifest.multi_label else "one of these labels"
    kind = {
        "static": "a table of token vectors with a linear head (Model2Vec form)",
        "mini": "a small transformer",
        "base": "a transformer",
    }[manifest.tier]
    return (
        f"# {plain(manifest.task.name)}\n\nA text classifier: it gives a text {how}: {shown}{more}.\n\n"
        f"It is {kind}, made with GTS from {_count(report, 'gold', 'labelled text')}."
    )


def _head_of_rows(report: Report, manifest: StudentManifest) -> str:
    words = WORDS[manifest.task.type]
    kind = "a small network on token vectors" if manifest.tier == "static" else "a small transformer"
    parts = [
        f"# {plain(manifest.task.name)}",
        f"{words.what}.",
        names_of(manifest),
        f"It is {kind}, made with GTS from {_count(report, 'gold', words.noun)}.",
    ]
    return "\n\n".join(filter(None, parts))


def _quality(report: Report) -> str:
    parts = ["## How good it is"]
    estimate, seed = report.get("estimate"), report.get("seed_only")
    if estimate:
        parts.append(_sentence(estimate))
    if seed:
        beside = (
            f"This student reaches {_percent(measures.measured_of(report)['value'])} there."
            if estimate
            else ""
        )
        parts.append(
            f"On held-out labelled texts the same kind of student trained on the labelled texts alone, without generator and teacher "
            f"(*seed only*), reaches {_percent(seed['value'])}, interval {_interval(seed)}. {beside}".strip()
        )
    test = report.get("test") or {}
    names = {"student": "this student", "seed_only": "seed only"}
    measured = measures.shown(test.get("student") or {})
    rows = [
        (title, *(_percent(test[key][name]) for name in measured), str(test[key]["n"]))
        for key, title in names.items()
        if test.get(key)
    ]
    if rows:
        parts += [
            "On the test texts, which no training has seen:",
            table(("", *(measures.NAMES[name] for name in measured), "texts"), rows),
        ]
    elif len(parts) > 1:
        parts.append(
            "There were no test texts; the numbers above are estimates from the labelled texts themselves."
        )
    return "\n\n".join(parts) if len(parts) > 1 else ""


def _sentence(estimate: Report) -> str:
    if estimate["metric"] == measures.AGREEMENT:
        return (
            f"Nobody had labelled anything: {estimate['n']} texts were labelled by what is said of the labels. On such texts the "
            f"student says what was guessed **{_percent(estimate['value'])}** of the time, which is no accuracy: how often "
            "the guesses are right is not known."
        )
    metric = measures.NAMES.get(estimate["metric"], plain(estimate["metric"]))
    method = f" ({plain(estimate['method'])})" if estimate.get("method") else ""
    return (
        f"Estimated {metric} on new texts of the same kind: **{_percent(estimate['value'])}**. It lies between "
        f"{_interval(estimate)} with {_percent(estimate.get('confidence', _CONFIDENCE))} confidence, from {estimate['n']} "
        f"labelled texts{method}."
    )


def _interval(estimate: Report) -> str:
    return f"{_percent(estimate['low'])} and {_percent(estimate['high'])}"


def _making(report: Report, manifest: StudentManifest) -> str:
    parts = ["## How it was made"]
    is_guessed = (report.get("counts") or {}).get("guessed")
    counts = [
        _count(report, "guessed", "text with a guessed label")
        if is_guessed
        else _count(report, "gold", "labelled text"),
        _count(report, "pool", "unlabelled text"),
        _count(report, "generated", "generated text"),
    ]
    parts.append(f"From {counts[0]}, {counts[1]} and {counts[2]}.")
    teachers = [
        (
            plain(t["name"]),
            _value(t.get("value")),
            "yes" if t.get("used") else "no",
            plain(t.get("reason", "")),
        )
        for t in report.get("teachers") or []
    ]
    if teachers:
        parts += [
            "Teachers, measured on the labelled texts:",
            table(("teacher", "measure", "used", "why"), teachers),
        ]
    parts += [_generator(generator) for generator in report.get("generators") or []]
    if not report.get("generators") and report.get("generation_note"):
        parts.append(plain(report["generation_note"]))
    students = [
        (
            plain(s["tier"]) + (" (this one)" if s["tier"] == manifest.tier else ""),
            _value(s.get("estimate")),
            _value(s.get("seed_only")),
        )
        for s in report.get("students") or []
    ]
    if students:
        parts += [
            "Students that were tried, with teachers and generator and without them:",
            table(("tier", "estimate", "seed only"), students),
        ]
    steps = [
        (_step(row), _value(row["value"]), f"{_value(row['low'])} to {_value(row['high'])}")
        for row in report.get("ablation") or []
    ]
    if len(steps) > 1:
        parts += [
            "What each step brought to this tier, on held-out labelled texts:",
            table(("learnt from", "estimate", "interval"), steps),
        ]
    if report.get("published") == "seed_only":
        parts.append(
            "What teachers and generator added did not help by this measure, so the seed-only student is published."
        )
    return "\n\n".join(parts)


def _step(row: Report) -> str:
    words = {
        "seed-only": "labels alone",
        "plain": "labels and teachers",
        "refined": "the same, trained end to end",
        "generated": "the same and generated texts",
    }
    by = f" by {plain(' and '.join(row['generators']))}" if row["generators"] else ""
    pool = f", {row['pool']:,} unlabelled texts" if row["pool"] else ""
    return f"{words.get(row['variant'], plain(row['variant']))}{by}{pool}"


def _generator(generator: Report) -> str:
    used = "its texts are used" if generator.get("used") else "its texts are not used"
    why = f" ({plain(generator['reason'])})" if generator.get("reason") else ""
    rejected = ", ".join(f"{plain(reason)} {n}" for reason, n in (generator.get("rejected") or {}).items())
    return (
        f"Generator {plain(generator['name'])}: {used}{why}. Accepted texts: {generator.get('accepted', 0)}; "
        f"rejected: {rejected or 'none'}."
    )


def _cost(report: Report) -> str:
    rows = [
        (
            plain(" ".join(filter(None, (stage["name"], stage.get("detail"))))),
            _seconds(stage.get("forecast_seconds")),
            "kept from before" if stage.get("cached") else _seconds(stage.get("seconds")),
        )
        for stage in report.get("stages") or []
    ]
    if not rows:
        return ""
    total = f"\n\nAll together {_seconds(report['seconds'])}." if report.get("seconds") is not None else ""
    return f"## What it cost\n\n{table(('stage', 'forecast', 'actual'), rows)}{total}{_models(report)}"


def _models(report: Report) -> str:
    rows = [
        (
            plain(model["name"]),
            f"{model.get('calls') or 0:,}",
            f"{model.get('cached') or 0:,}",
            f"{model.get('tokens') or 0:,}",
            f"{model.get('paid', model.get('money')) or 0:.4g}",
        )
        for model in report.get("models") or []
    ]
    if not rows:
        return ""
    header = ("language model", "calls", "known before", "tokens", "paid")
    return f"\n\nLanguage models that were asked, as generators or teachers:\n\n{table(header, rows)}"


def _speed(report: Report) -> str:
    rows = [
        (
            plain(s["tier"]),
            _number(s.get("parameters")),
            _megabytes(s.get("bytes")),
            _number(s.get("texts_per_second")),
            "–" if s.get("latency_ms") is None else f"{s['latency_ms']:.2f} ms",
        )
        for s in report.get("students") or []
    ]
    if not rows:
        return ""
    header = ("tier", "parameters", "size", "texts a second", "one text")
    rounded = "".join(f"\n\n{_rounded(s)}" for s in report["students"] if s.get("int8_agreement") is not None)
    return f"## Speed and size\n\nOn one core of a CPU, from text to label:\n\n{table(header, rows)}{rounded}"


def _rounded(student: Report) -> str:
    """Which of its ONNX files a transformer is served from, and why."""
    loss = student.get("int8_loss")
    cost = (
        ""
        if loss is None
        else f", which gives up {100 * loss:.2g}% of the right answers by its own probabilities"
    )
    return (
        f"The {plain(student['tier'])} student is served in {student['serving']}: its int8 file decides "
        f"{100 * student['int8_agreement']:.1f}% of its texts as the fp32 file does{cost}."
    )


def _limits(report: Report, manifest: StudentManifest) -> str:
    if manifest.task.type != "classification":
        language = manifest.task.language
        own = [
            WORDS[manifest.task.type].limit,
            f"It was made for texts in the language `{language}`." if language else "",
            "Its measures hold for texts like those it was made from; on other kinds of text it may be much worse.",
            "Its thresholds were found on the held-out labelled rows; few rows find them roughly.",
        ]
        return "## Limits\n\n" + "\n".join(f"- {line}" for line in own if line)
    lines = [
        "It knows only the labels above"
        + (": a text that fits none of them gets one all the same." if not manifest.multi_label else "."),
        f"It reads the first {manifest.max_length} tokens of a text.",
        "Its measures hold for texts like those it was made from; on other kinds of text it may be much worse.",
        "Its scores are calibrated by one temperature, found on the held-out labelled texts; few texts find it roughly.",
    ]
    if language := manifest.task.language:
        lines.insert(1, f"It was made for texts in the language `{language}`.")
    if manifest.tier == "static":
        lines.append(
            "It does not see the order of words: what depends on it (negation, who did what to whom) is lost on it."
        )
    if manifest.tier == "static":
        lines.append("The ONNX files expect ids without special tokens.")
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)


def _lineage(manifest: StudentManifest) -> str:
    base = f"`{manifest.base_model}`" if manifest.base_model else "no other model"
    made = manifest.created_at.date().isoformat()
    return (
        f"## Lineage and licence\n\nDescends from {base}. Made on {made} with GTS {plain(manifest.gts_version)}. "
        f"Published under `{manifest.licence}`; the texts it was made from are not part of it."
    )


def _count(report: Report, key: str, noun: str) -> str:
    number = (report.get("counts") or {}).get(key, 0)
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f}%"


def _value(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"


def _megabytes(value: float | None) -> str:
    return "–" if value is None else f"{value / 1e6:.1f} MB"
