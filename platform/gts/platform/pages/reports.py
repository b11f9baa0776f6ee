"""What the job page says about a report: pure functions from its JSON to sentences, a chart and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from gts.platform.pages.charts import Interval, interval_chart
from gts.platform.pages.languages import ENGLISH, Language
from gts.platform.pages.wording import amount, compact, duration, percent, points, size
from gts.platform.pages.words import STEPS, metric_name
from gts.tasks.measures import AGREEMENT, measured_of, shown

_CONFIDENCE = 0.9
_VAGUE = 0.4
"""Width of an interval that says next to nothing."""
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
    ablation: tuple[Mapping[str, Any], ...]
    tests: tuple[tuple[str, tuple[float, ...], int], ...]
    measured: tuple[str, ...]
    notes: tuple[str, ...]
    findings: tuple[Mapping[str, Any], ...]


def interval_sentence(estimate: Mapping[str, Any], language: Language = ENGLISH) -> str:
    """An estimate's interval in words.

    Example:
        >>> interval_sentence({"value": 0.86, "low": 0.84, "high": 0.91, "n": 64})
        '84% to 91% with 90% confidence, from 64 labelled texts'
    """
    number = estimate.get("n")
    if estimate.get("low") is None or estimate.get("high") is None:
        value = percent(estimate["value"])
        if number is None:
            return value
        return language.ngettext(
            "%(value)s, from %(num)s labelled text",
            "%(value)s, from %(num)s labelled texts",
            number,
            value=value,
        )
    values = {
        "low": percent(estimate["low"]),
        "high": percent(estimate["high"]),
        "confidence": percent(estimate.get("confidence", _CONFIDENCE)),
    }
    if number is None:
        return language.gettext("%(low)s to %(high)s with %(confidence)s confidence", **values)
    if estimate["high"] - estimate["low"] > _VAGUE:
        return language.gettext(
            "too few labelled texts to say much: %(low)s to %(high)s with %(confidence)s confidence", **values
        )
    if estimate.get("metric") == AGREEMENT:
        return language.gettext(
            "%(low)s to %(high)s with %(confidence)s confidence, from %(num)s texts with guessed labels",
            num=f"{number:,}",
            **values,
        )
    return language.ngettext(
        "%(low)s to %(high)s with %(confidence)s confidence, from %(num)s labelled text",
        "%(low)s to %(high)s with %(confidence)s confidence, from %(num)s labelled texts",
        number,
        **values,
    )


def report_view(report: Mapping[str, Any], language: Language = ENGLISH) -> ReportView:
    """A finished job's report."""
    estimate, seed = report["estimate"], report["seed_only"]
    test = report.get("test") or {}
    student, alone = language.gettext("Student"), language.gettext("Your labels alone")
    titles = {"student": student, "seed_only": alone}
    names = shown(test.get("student") or {})
    return ReportView(
        metric=metric_name(str(estimate["metric"]), language),
        value=estimate["value"],
        interval=interval_sentence(estimate, language),
        method=str(estimate.get("method") or ""),
        verdict=verdict(report, language),
        chart=interval_chart(
            [_interval(student, measured_of(report), strong=True), _interval(alone, seed, strong=False)],
            language,
        ),
        figures=_figures(report, language),
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
        ablation=tuple({**row, "name": step_name(row, language)} for row in report.get("ablation") or ()),
        tests=tuple(
            (titles.get(who, who), tuple(scores[name] for name in names), scores.get("n", 0))
            for who, scores in test.items()
            if scores
        ),
        measured=tuple(metric_name(name, language) for name in names),
        notes=tuple(str(note) for note in report.get("notes") or ()),
        findings=tuple(report.get("findings") or ()),
    )


def step_name(row: Mapping[str, Any], language: Language = ENGLISH) -> str:
    """What a student of the ablation learnt from, in words.

    Example:
        >>> step_name({"variant": "plain", "pool": 2000, "generators": []})
        'labels and teachers, 2,000 unlabelled texts'
    """
    name = language.text(STEPS.get(str(row["variant"]), str(row["variant"])))
    pool = (
        language.ngettext("%(num)s unlabelled text", "%(num)s unlabelled texts", row["pool"])
        if row["pool"]
        else ""
    )
    return language.gettext(", ").join(filter(None, (name, pool, *row["generators"])))


def most_first(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Reasons with their numbers, the largest first.

    Example:
        >>> most_first({"copy": 3, "length": 12})
        (('length', 12), ('copy', 3))
    """
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def verdict(report: Mapping[str, Any], language: Language = ENGLISH) -> str:
    """What came of the job, in one sentence.

    Example:
        >>> scores = {"estimate": {"value": 0.86}, "seed_only": {"value": 0.8}, "published": "student"}
        >>> verdict(scores)
        'The teachers helped: +6.0 points over training on your labels alone.'
    """
    if report["estimate"].get("metric") == AGREEMENT:
        return language.gettext(
            "Nobody labelled anything: this says how often the student agrees with guesses, not how often it is right."
        )
    difference = measured_of(report)["value"] - report["seed_only"]["value"]
    if report.get("published", "student") != "student":
        return language.gettext("Nothing beat training on your labels alone, so that student was published.")
    by = points(difference, language)
    if difference > _SAME:
        return language.gettext(
            "The teachers helped: %(points)s over training on your labels alone.", points=by
        )
    if difference < -_SAME:
        return language.gettext(
            "Measured %(points)s against training on your labels alone, within the noise.", points=by
        )
    return language.gettext("As good as training on your labels alone.")


def _figures(report: Mapping[str, Any], language: Language) -> tuple[tuple[str, str, str], ...]:
    """Name, value and remark of the numbers that stand out."""
    chosen: Mapping[str, Any] = next(
        (item for item in report.get("students") or () if item.get("tier") == report.get("tier")), {}
    )
    parameters = chosen.get("parameters")
    remark = language.gettext("%(num)s parameters", num=compact(parameters)) if parameters else ""
    figures = [(language.gettext("Tier"), str(report.get("tier") or "–"), remark)]
    if chosen.get("bytes"):
        figures.append((language.gettext("Size"), size(chosen["bytes"]), language.gettext("on disk")))
    if chosen.get("texts_per_second"):
        figures.append(
            (
                language.gettext("Speed"),
                f"{chosen['texts_per_second']:,.0f}",
                language.gettext("texts a second, one core"),
            )
        )
    counts = report.get("counts") or {}
    further = []
    if counts.get("pool"):
        further.append(language.gettext("%(num)s unlabelled", num=f"{counts['pool']:,}"))
    if counts.get("generated"):
        further.append(language.gettext("%(num)s generated", num=f"{counts['generated']:,}"))
    if counts.get("guessed"):
        learnt_from = language.gettext("%(num)s guessed", num=f"{counts['guessed']:,}")
    else:
        learnt_from = language.gettext("%(num)s labelled", num=f"{counts.get('gold', 0):,}")
    figures.append((language.gettext("Learnt from"), learnt_from, language.gettext(", ").join(further)))
    if report.get("seconds") is not None:
        spent = [language.gettext("of computing"), *_paid(report, language)]
        figures.append(
            (
                language.gettext("Cost"),
                duration(report["seconds"], language),
                language.gettext(", ").join(spent),
            )
        )
    return tuple(figures)


def _paid(report: Mapping[str, Any], language: Language) -> list[str]:
    """What language models were asked for and what that cost, where any were."""
    tokens, money = report.get("tokens"), report.get("paid", report.get("money"))
    said = []
    if tokens:
        said.append(
            language.ngettext("%(num)s token of language models", "%(num)s tokens of language models", tokens)
        )
    if money:
        said.append(language.gettext("%(amount)s paid", amount=amount(money)))
    return said


def _interval(label: str, estimate: Mapping[str, Any], *, strong: bool) -> Interval:
    value = estimate["value"]
    low, high = estimate.get("low"), estimate.get("high")
    return Interval(label, value, value if low is None else low, value if high is None else high, strong)
