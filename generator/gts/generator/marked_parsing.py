"""Texts with marks out of a model's answer, and why the others are of no use."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from gts.core.llm.fishing import without_fences
from gts.generator.parsing import without_talk
from gts.tasks.notation import MarkingError
from gts.tasks.schema import Schema
from gts.tasks.structures import Structure
from gts.tasks.text import clean_text, is_blank
from gts.tasks.unmarking import is_statement, parse_marked

_NUMBERING = re.compile(r"\A(?:\(?\d{1,3}[.):、．）]\s*|[-*•–]\s+)")
_HARMLESS = "unknown type"


def blocks_of(answer: str, begin: str = "") -> list[str]:
    r"""The texts with marks of an answer, each as it was written, with the lines of its relations and events.

    Every line that is neither a relation nor an event begins a text, whether or not an empty line stands before it. Talk, code
    fences, numbering and what texts begin with in a list are left out.

    Args:
        answer: What the model said.
        begin: What stands before each text in a list, such as ``Text:``.

    Example:
        >>> blocks_of("Here you are:\n1. [@1: Ada] left\nleave: @1\n\n2. [@1: Bob] came")
        ['[@1: Ada] left\nleave: @1', '[@1: Bob] came']
    """
    lines = [line for line in map(clean_text, without_fences(answer).split("\n")) if line]
    groups: list[list[str]] = []
    for line in without_talk(lines):
        if groups and is_statement(bare := _NUMBERING.sub("", line, count=1)):
            groups[-1].append(bare)
        else:
            groups.append([line.removeprefix(begin).strip()])
    if all(_NUMBERING.match(group[0]) for group in groups):
        groups = [[_NUMBERING.sub("", group[0], count=1), *group[1:]] for group in groups]
    return ["\n".join(group) for group in groups if group[0]]


@dataclass(frozen=True, slots=True)
class ReadText:
    """A text with marks that was read.

    Attributes:
        text: The text.
        structure: What is marked in it.
    """

    text: str
    structure: Structure


def read_block(block: str, schema: Schema, counts: Counter[str]) -> ReadText | None:
    """A text with marks, if all that its author meant to mark is there.

    Args:
        block: The text as it was written.
        schema: What there is to be found.
        counts: Counts why something was left out.
    """
    try:
        marked = parse_marked(block, schema)
    except MarkingError as error:
        counts[error.kind] += 1
        return None
    counts.update(marked.dropped)
    # Parts of other types do no harm; anything else that is lost would be taught as not being there.
    if set(marked.dropped) - {_HARMLESS}:
        return None
    if is_blank(marked.text) or marked.text != marked.text.strip():
        counts["blank"] += 1
        return None
    return ReadText(marked.text, marked.found)
