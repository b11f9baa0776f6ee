"""What a page says of two revisions held against each other: pure functions from the comparison to sentences and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gts.platform.pages.languages import ENGLISH, Language, mark
from gts.platform.pages.wording import capital, compact, percent, points, size
from gts.platform.pages.words import metric_name
from gts.platform.versions_flips import in_words

_SHORT_COMMIT = 10
_VERDICTS = {"better": mark("better"), "worse": mark("worse"), "other": mark("another answer")}
_SAID = (mark("alike"), mark("not alike"), mark("no label"), mark("nothing"))
"""What :func:`in_words` says that is not of the model."""
_ORIGINS = {
    "given": mark("your rows"),
    "test": mark("the test rows of the job"),
    "gold": mark("the labelled rows of the job"),
}


Line = tuple[str, str, str, str]
"""What was measured, of the one, of the other, the difference."""


@dataclass(frozen=True)
class SideView:
    """One of the two."""

    commit: str
    short_commit: str
    retired: str


@dataclass(frozen=True)
class FlipLine:
    """A row whose answer flipped."""

    verdict: str
    kind: str
    text: str
    wanted: str
    old: str
    new: str


@dataclass(frozen=True)
class AskedView:
    """What both answered about the same rows.

    Attributes:
        sentence: Whether the difference is more than chance.
        is_beyond: Whether it is.
        basis: Which rows, and how many.
        notes: What one must know of them.
        measures: Name, of the one, of the other, difference.
        labels: The same of the F1 of each label or type.
        flips: How many answers flipped, in words.
        examples: Some of them.
    """

    sentence: str
    is_beyond: bool
    basis: str
    notes: tuple[str, ...]
    measures: tuple[Line, ...]
    labels: tuple[Line, ...]
    flips: str
    examples: tuple[FlipLine, ...]


@dataclass(frozen=True)
class ComparisonView:
    """Two revisions side by side.

    Attributes:
        old: One.
        new: The other.
        facts: What is known of both: title, of the one, of the other.
        other_rows: Whether they were measured on different labelled rows.
        asked: What both answered about the same rows, if they were asked.
        why: Why they were not.
    """

    old: SideView
    new: SideView
    facts: tuple[tuple[str, str, str], ...]
    other_rows: bool
    asked: AskedView | None
    why: str


def comparison_view(found: Mapping[str, Any], language: Language = ENGLISH) -> ComparisonView:
    """What :func:`gts.platform.versions_compare.compare` found, for the page."""
    old, new = found["old"], found["new"]
    return ComparisonView(
        _side(old),
        _side(new),
        tuple(_facts(old, new, language)),
        bool(old["measured_on"]) and old["measured_on"] != new["measured_on"],
        _asked(found["asked"], language) if found["asked"] else None,
        found["unasked"] or "",
    )


def _asked(asked: Mapping[str, Any], language: Language) -> AskedView:
    return AskedView(
        sentence=chance_sentence(asked["chance"], language),
        is_beyond=asked["chance"]["is_beyond"],
        basis=language.gettext(
            "%(num)s of %(what)s", num=f"{asked['n']:,}", what=language.text(_ORIGINS[asked["origin"]])
        ),
        notes=tuple(asked["notes"]),
        measures=tuple(
            _measured(metric_name(name, language), values, language)
            for name, values in asked["measures"].items()
        ),
        labels=tuple(_measured(name, values, language) for name, values in asked["per_label"].items()),
        flips=language.gettext(
            "%(count)s answers flipped: %(better)s for the better, %(worse)s for the worse, %(other)s otherwise",
            **{name: f"{number:,}" for name, number in asked["flipped"].items()},
        ),
        examples=tuple(_flip(row, language) for row in asked["examples"]),
    )


def chance_sentence(chance: Mapping[str, Any], language: Language = ENGLISH) -> str:
    """Whether a difference is more than chance, in one sentence.

    Example:
        >>> chance_sentence({"metric": "accuracy", "old": 0.8, "new": 0.9, "test": "mcnemar", "is_beyond": True, "n": 100,
        ...                  "p": 0.002, "gained": 11, "lost": 1})
        'Accuracy went from 80.0% to 90.0%: 11 rows became right and 1 wrong, more than chance (exact McNemar test, p = 0.002).'
    """
    measure = capital(metric_name(chance["metric"], language))
    old, new = percent(chance["old"], 1), percent(chance["new"], 1)
    if chance["old"] == chance["new"]:
        moved = language.gettext("%(measure)s is %(new)s in both", measure=measure, new=new)
    else:
        moved = language.gettext(
            "%(measure)s went from %(old)s to %(new)s", measure=measure, old=old, new=new
        )
    verdict = (
        language.gettext("more than chance")
        if chance["is_beyond"]
        else language.gettext("no more than chance may bring")
    )
    if chance["test"] == "mcnemar":
        return language.gettext(
            "%(moved)s: %(gained)s rows became right and %(lost)s wrong, %(verdict)s (exact McNemar test, p = %(p)s).",
            moved=moved,
            gained=chance["gained"],
            lost=chance["lost"],
            verdict=verdict,
            p=f"{chance['p']:.2g}",
        )
    if chance["test"] == "bootstrap":
        return language.gettext(
            "%(moved)s: a difference between %(low)s and %(high)s with 95%% confidence, %(verdict)s (paired bootstrap).",
            moved=moved,
            low=points(chance["low"], language),
            high=points(chance["high"], language),
            verdict=verdict,
        )
    return language.gettext("%(moved)s: one row is too few to tell it from chance.", moved=moved)


def _side(facts: Mapping[str, Any]) -> SideView:
    return SideView(facts["commit"], facts["commit"][:_SHORT_COMMIT], facts["retired"] or "")


def _facts(old: Mapping[str, Any], new: Mapping[str, Any], language: Language) -> list[tuple[str, str, str]]:
    def line(title: str, told: Any) -> tuple[str, str, str]:
        return title, told(old), told(new)

    return [
        line(language.gettext("Tier"), lambda side: side["tier"] or "–"),
        line(language.gettext("Expected"), lambda side: _estimate(side["estimate"], language)),
        line(language.gettext("On held-out labels"), lambda side: _estimate(side["measured"], language)),
        line(language.gettext("Size"), lambda side: size(side["bytes"])),
        line(language.gettext("Parameters"), lambda side: compact(side["parameters"])),
        line(language.gettext("Texts/s"), lambda side: compact(side["texts_per_second"])),
        line(
            language.gettext("One text"),
            lambda side: "–" if side["latency_ms"] is None else f"{side['latency_ms']:.3g} ms",
        ),
    ]


def _estimate(measured: Mapping[str, Any] | None, language: Language) -> str:
    if not measured or not isinstance(measured.get("value"), int | float):
        return "–"
    said = f"{metric_name(str(measured.get('metric', '')), language)} {percent(measured['value'], 1)}"
    low, high = measured.get("low"), measured.get("high")
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return said
    return f"{said} ({percent(low, 1)} – {percent(high, 1)})"


def _measured(name: str, values: Mapping[str, float | None], language: Language) -> tuple[str, str, str, str]:
    old, new = values["old"], values["new"]
    difference = "–" if old is None or new is None else points(new - old, language)
    return name, percent(old, 1), percent(new, 1), difference


def _flip(row: Mapping[str, Any], language: Language) -> FlipLine:
    asked = row["row"]
    text = " / ".join(asked[key] for key in ("text", "text_a", "text_b") if key in asked)
    return FlipLine(
        language.text(_VERDICTS[row["verdict"]]),
        row["verdict"],
        text,
        *(in_words(row[key], language.text) for key in ("wanted", "old", "new")),
    )
