"""What a person said of generated texts before: a veto drops a text, an edit puts another in its place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gts.generator.filters import FilterContext
from gts.generator.protocol import GeneratedText, Judged
from gts.tasks.text import same_text_key, text_id

FILE = "reviews.json"


@dataclass(frozen=True)
class Wish:
    """A person's word on one generated text.

    Attributes:
        text: The text as it was generated.
        new_text: What shall be learnt from in its place; ``None``: nothing.
        labels: The labels of ``new_text``.
    """

    text: str
    new_text: str | None
    labels: tuple[str, ...]


Wishes = Mapping[str, Wish]
"""Wishes by :func:`gts.tasks.text.text_id` of the text."""


def write_reviews(wishes: Sequence[Wish], folder: Path) -> None:
    """Write wishes into a folder, the input ``reviews`` of a stage."""
    rows = [asdict(wish) for wish in wishes]
    (folder / FILE).write_text(json.dumps(rows, ensure_ascii=False), "utf-8")


def read_reviews(inputs: Mapping[str, Path]) -> Wishes:
    """The wishes among a stage's inputs; none where nobody said anything."""
    if "reviews" not in inputs:
        return {}
    rows = json.loads((inputs["reviews"] / FILE).read_text("utf-8"))
    return {text_id(row["text"]): Wish(row["text"], row["new_text"], tuple(row["labels"])) for row in rows}


def respect(verdict: Judged, wishes: Wishes) -> Judged:
    """A text as the person wants it: dropped, whatever the filters said, if there is a word on it."""
    wish = wishes.get(text_id(verdict.text.text))
    if wish is None:
        return verdict
    if wish.new_text is None:
        return Judged(verdict.text, False, "veto", "a person vetoed it")
    return Judged(verdict.text, False, "edit", "a person put another text in its place")


def edits(wishes: Wishes, context: FilterContext) -> list[Judged]:
    """The texts that a person put in the place of others.

    They pass whatever the filters would say of them, unless they would give away what judges the student.
    """
    held_out = {same_text_key(text) for text in context.held_out}
    made = []
    for wish in wishes.values():
        if wish.new_text is None:
            continue
        text = GeneratedText(wish.new_text, wish.labels, "a person", (wish.text,))
        is_known = same_text_key(wish.new_text) in held_out
        made.append(
            Judged(text, False, "copy", "it is one of the texts that the student is judged by")
            if is_known
            else Judged(text, True)
        )
    return made
