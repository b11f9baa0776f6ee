"""The form of a job's limits: what it shows, and what somebody has changed in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Form

from gts.core.errors import GTSError
from gts.orchestrator.records import Job
from gts.orchestrator.wishes import Wishes
from gts.platform.pages.languages import ENGLISH, Language, mark

_LIMITS = {
    "seconds": (mark("Seconds"), mark("Of all stages together.")),
    "questions": (mark("Questions"), mark("That you are willing to answer.")),
    "target": (mark("Target"), mark("Where the measure is good enough, between 0 and 1.")),
    "tokens": (mark("Tokens"), mark("Read and written by all of them together, at most.")),
    "money": (mark("Money"), mark("In the currency of their prices, at most.")),
}
_OF_MODELS = ("tokens", "money")
_Typed = Annotated[str, Form(max_length=20)]


@dataclass(frozen=True)
class LimitField:
    """A limit of a job, as the form shows it."""

    name: str
    word: str
    hint: str
    value: str


@dataclass(frozen=True)
class LimitsForm:
    """The form of a job's limits; after a change that was refused with what was typed and what is wrong."""

    fields: tuple[LimitField, ...]
    problem: GTSError | None = None


def read_limits(
    seconds: _Typed = "", questions: _Typed = "", target: _Typed = "", tokens: _Typed = "", money: _Typed = ""
) -> dict[str, str]:
    """FastAPI dependency: what the form brings."""
    return {
        "seconds": seconds,
        "questions": questions,
        "target": target,
        "tokens": tokens,
        "money": money,
    }


LimitsDep = Annotated[dict[str, str], Depends(read_limits)]


def limits_form(
    job: Job,
    language: Language = ENGLISH,
    typed: Mapping[str, str] | None = None,
    problem: GTSError | None = None,
) -> LimitsForm:
    """A job's limits; those of language models only where it names some.

    Args:
        job: The job.
        language: What it is said in.
        typed: What somebody has typed instead.
        problem: What is wrong with it.
    """
    values = typed or _present(job)
    asks_models = bool(job.spec.get("teachers")) or len(job.spec.get("generators") or ()) > 1
    fields = (
        LimitField(name, language.text(word), language.text(hint), values[name])
        for name, (word, hint) in _LIMITS.items()
        if asks_models or values[name] or name not in _OF_MODELS
    )
    return LimitsForm(tuple(fields), problem)


def changes_of(job: Job, typed: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What somebody has changed in the form; an empty field takes a limit away."""
    present = _present(job)
    changed = {name: value.strip() or None for name, value in typed.items() if value.strip() != present[name]}
    parts = {
        "budget": {name: value for name, value in changed.items() if name != "target"},
        "goal": {name: value for name, value in changed.items() if name == "target"},
    }
    return {part: fields for part, fields in parts.items() if fields}


def _present(job: Job) -> dict[str, str]:
    wishes = Wishes.of(job.spec)
    limits = {**wishes.budget.model_dump(), "target": wishes.goal.target}
    return {name: "" if limits[name] is None else f"{limits[name]:.10g}" for name in _LIMITS}
