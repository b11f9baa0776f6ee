"""What is said of a model's traffic, in plain sentences."""

from __future__ import annotations

from itertools import pairwise

from gts.platform.pages.languages import ENGLISH, Language, mark
from gts.platform.traffic.drift import LABELS, LEAST_ROWS, OTHERS, Shift
from gts.platform.traffic.report import Traffic
from gts.student.observing import NO_LABEL

_CLEARLY = 0.55  # one of a hundred rows now lies above one of then in so many of a hundred pairs
_NUMBERS = {
    "length": mark("half of them have more than %(now)s characters, it was %(then)s"),
    "tokens": mark("%(now)s for a character, it was %(then)s; perhaps another language or script"),
    "confidence": mark("half of its answers reach %(now)s, it was %(then)s"),
    "grade": mark("half of the pairs get more than %(now)s, it was %(then)s"),
    "findings": mark("%(now)s on average, it was %(then)s"),
}
_WAYS = {
    "length": (
        mark("texts are %(much)slonger than in training"),
        mark("texts are %(much)sshorter than in training"),
        mark("the lengths of texts are spread %(much)sotherwise than in training"),
    ),
    "tokens": (
        mark("texts break into %(much)smore tokens than in training"),
        mark("texts break into %(much)sfewer tokens than in training"),
        mark("the numbers of tokens are spread %(much)sotherwise than in training"),
    ),
    "confidence": (
        mark("the model is %(much)smore sure than in training"),
        mark("the model is %(much)sless sure than in training"),
        mark("how sure the model is is spread %(much)sotherwise than in training"),
    ),
    "grade": (
        mark("pairs get %(much)shigher grades than in training"),
        mark("pairs get %(much)slower grades than in training"),
        mark("grades are spread %(much)sotherwise than in training"),
    ),
    "findings": (
        mark("%(much)smore is found in a text than in training"),
        mark("%(much)sless is found in a text than in training"),
        mark("how much is found in a text is spread %(much)sotherwise than in training"),
    ),
}
"""Quantity to what is said where it is more, where it is less, and where it is neither."""
_TITLES = {
    "length": mark("Length of texts"),
    "tokens": mark("Tokens for a character"),
    "confidence": mark("Confidence"),
    "grade": mark("Grades"),
    "findings": mark("Findings in a text"),
    LABELS: mark("Answers"),
}
_ALIKE = {"1": mark("alike"), "0": mark("not alike")}
_SAME = {
    "length": mark("the lengths of texts are as in training"),
    "tokens": mark("texts break into as many tokens as in training"),
    "confidence": mark("the model is as sure as in training"),
    "grade": mark("grades are as in training"),
    "findings": mark("as much is found in a text as in training"),
    LABELS: mark("answers are as frequent as in training"),
}


def verdict_sentence(traffic: Traffic, language: Language = ENGLISH) -> str:
    """What a model's traffic looks like."""
    look, moved = traffic.look, traffic.moved
    match traffic.verdict:
        case "off":
            return language.gettext("nothing of what this model is asked is kept")
        case "few":
            return language.gettext(
                "too few answers logged yet to tell (%(rows)s of %(least)s)", rows=look.rows, least=LEAST_ROWS
            )
        case "unknown":
            return language.gettext(
                "this revision does not say what it was made for, so that there is nothing to compare with; those made from now on do"
            )
        case "same" if look.learnt:
            return language.gettext(
                "texts look like those in training; the answers cannot be compared, as the model has learnt from all of them"
            )
        case "same":
            return language.gettext("traffic looks like the training pool")
    said = shift_sentence(moved[0], look.task_type, language)
    if len(moved) == 1:
        return said
    return said + language.ngettext(
        " (and %(num)s quantity more has moved)", " (and %(num)s quantities more have moved)", len(moved) - 1
    )


def shift_sentence(shift: Shift, task_type: str, language: Language = ENGLISH) -> str:
    """What has become of one quantity."""
    if shift.verdict == "same":
        return language.text(_SAME[shift.quantity])
    if shift.quantity == LABELS:
        return _labels_sentence(shift, task_type, language)
    much = language.text(mark("much ")) if shift.verdict == "much" else ""
    more, less, otherwise = _WAYS[shift.quantity]
    greater = shift.greater or 0.0
    if 1 - _CLEARLY < greater < _CLEARLY:
        return language.gettext(otherwise, much=much)
    way = language.gettext(more if greater >= _CLEARLY else less, much=much)
    then, now = (_number(shift.quantity, value) for value in (shift.typical_then, shift.typical_now))
    numbers = language.gettext(_NUMBERS[shift.quantity], now=now, then=then)
    return language.gettext("%(what)s: %(numbers)s", what=way, numbers=numbers)


def shift_title(shift: Shift, language: Language = ENGLISH) -> str:
    """What a quantity is called."""
    return language.text(_TITLES[shift.quantity])


def label_name(label: str | None, task_type: str, language: Language = ENGLISH) -> str:
    """What a bin of labels stands for."""
    if label is OTHERS:
        return language.gettext("rare ones")
    if label == NO_LABEL:
        return language.gettext("none")
    return language.text(_ALIKE.get(label, label)) if task_type == "similarity" else label


def bin_names(shift: Shift, task_type: str, language: Language = ENGLISH) -> list[str]:
    """What each bin of a quantity stands for."""
    if shift.quantity == LABELS:
        return [label_name(label, task_type, language) for label in shift.labels]
    edges = [_number(shift.quantity, edge) for edge in shift.edges]
    if not edges:
        return [""]
    between = [low if low == high else f"{low} – {high}" for low, high in pairwise(edges)]
    return [f"< {edges[0]}", *between, f"≥ {edges[-1]}"]


def _labels_sentence(shift: Shift, task_type: str, language: Language) -> str:
    # Of two that changed places the one that has become more frequent is named.
    bins = zip(shift.labels, shift.then, shift.now, strict=True)
    label, then, now = max(bins, key=lambda one: (round(abs(one[2] - one[1]), 3), one[2]))
    name = label_name(label, task_type, language)
    sentence = (
        mark("the answer “%(label)s” comes %(much)smore often than in training: %(now)s, it was %(then)s")
        if now > then
        else mark(
            "the answer “%(label)s” comes %(much)sless often than in training: %(now)s, it was %(then)s"
        )
    )
    much = language.text(mark("much ")) if shift.verdict == "much" else ""
    return language.gettext(sentence, label=name, much=much, now=f"{now:.0%}", then=f"{then:.0%}")


def _number(quantity: str, value: float | None) -> str:
    if value is None:
        return "–"
    if quantity == "confidence":
        return f"{value:.0%}"
    return f"{value:,.0f}" if quantity == "length" else f"{value:.3g}"
