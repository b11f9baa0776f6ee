"""The words of the prompts for one sort of rows: the prompt, the list that is continued, and their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gts.generator.wording import filled, read_phrases, read_template

Placeholders = tuple[Sequence[str], Sequence[str]]
"""Placeholders that a prompt must hold, and those it may hold."""


@dataclass(frozen=True, slots=True)
class Words:
    """All words of the prompts for one sort of rows in one language, read and checked."""

    _write: str
    _continue: str
    _phrases: Mapping[str, str]

    def write(self, **values: str) -> str:
        """The prompt of ``write_SORT.txt``."""
        return filled(self._write, values)

    def continue_(self, **values: str) -> str:
        """The prompt of ``continue_SORT.txt``."""
        return filled(self._continue, values)

    def phrase(self, name: str, /, **values: str) -> str:
        """A part of a prompt."""
        return filled(self._phrases[name], values)


def read_words(
    sort: str,
    phrases: str,
    language: str | None,
    write: Placeholders,
    continue_: Placeholders,
    known: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]],
) -> Words:
    """The words for a language, from files as :func:`gts.generator.wording.read_wording` finds them.

    Args:
        sort: What the prompts' files are called behind ``write_`` and ``continue_``.
        phrases: Name of the file of their parts, without language and ending.
        language: ISO code of the texts' language.
        write: Placeholders of the prompt for models that follow instructions.
        continue_: Placeholders of the list that is continued.
        known: The parts by name, with their placeholders.

    Raises:
        InvalidInput: A person's own file cannot be read, lacks a placeholder or a phrase, or has one too many.
    """
    return Words(
        read_template(f"write_{sort}", language, *write),
        read_template(f"continue_{sort}", language, *continue_),
        read_phrases(phrases, language, known),
    )
