"""The words of the prompts for one sort of rows: the prompt, the list that is continued, and their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gts.generator.wording import Words, read_phrases, read_template

Placeholders = tuple[Sequence[str], Sequence[str]]
"""Placeholders that a prompt must hold, and those it may hold."""


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
