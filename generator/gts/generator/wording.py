"""The words of the prompts: files that a person can read, and override with files of the same name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from gts.core.errors import InvalidInput
from gts.core.llm.prompts import VARIABLE, fill_prompt

_PACKAGE = "gts.generator"

# Placeholders of each prompt: those without which it would not say what is wanted, then the others.
_WRITE = (("labels", "examples", "count"), ("task", "wishes"))
_CONTINUE = (("examples", "next"), ("labels", "task"))
_PHRASES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "one": ((), ()),
    "only": ((), ()),
    "all": ((), ()),
    "none": ((), ()),
    "label": (("name",), ()),
    "described": (("name", "description"), ()),
    "others": (("names",), ()),
    "nothing": ((), ()),
    "example": (("text",), ()),
    "labelled": (("text", "names"), ()),
    "unseen": ((), ()),
    "language": ((), ("language",)),
    "length": (("low", "high"), ()),
    "length_characters": (("low", "high"), ()),
    "topics": (("topics",), ()),
    "style": (("style",), ()),
    "persona": (("persona",), ()),
    "boundary": (("other",), ("label",)),
    "boundary_none": (("other",), ()),
}

# A placeholder of a prompt that has been read stands between two of these, which no text file holds.
_MARK = "\0"
_MARKED = re.compile(f"{_MARK}([a-z_]+){_MARK}")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of the prompts for one sort of rows in one language, read and checked."""

    _write: str
    _continue: str
    _phrases: Mapping[str, str]

    def write(self, **values: str) -> str:
        """The prompt for models that follow instructions."""
        return filled(self._write, values)

    def continue_(self, **values: str) -> str:
        """The list that other models go on writing."""
        return filled(self._continue, values)

    def phrase(self, name: str, /, **values: str) -> str:
        """A part of a prompt."""
        return filled(self._phrases[name], values)


@dataclass(frozen=True, slots=True)
class Wording(Words):
    """The words of the prompts for labelled texts, and what prompts for all sorts of rows vary by.

    Attributes:
        styles: Ways of writing, to be shown by turns.
        personas: Kinds of writers, likewise.
    """

    styles: tuple[str, ...]
    personas: tuple[str, ...]


def read_wording(language: str | None) -> Wording:
    """The words for texts of a language: files such as ``write.zh.txt`` where there are any, else ``write.txt``.

    Files come from the folder that ``GTS_PROMPTS`` names where it has them, else they are those shipped with GTS.

    Args:
        language: ISO code of the texts' language.

    Raises:
        InvalidInput: A person's own file cannot be read, or lacks a placeholder or a phrase, or has one too many.

    Example:
        >>> read_wording("en").phrase("style", style="calm")
        '- Style: calm.'
    """
    return Wording(
        styles=tuple(_lines(_localized("styles", language), ())),
        personas=tuple(_lines(_localized("personas", language), ())),
        _write=read_template("write", language, *_WRITE),
        _continue=read_template("continue", language, *_CONTINUE),
        _phrases=read_phrases("phrases", language, _PHRASES),
    )


def read_template(stem: str, language: str | None, required: Sequence[str], others: Sequence[str]) -> str:
    """A prompt for texts of a language, checked; :func:`filled` puts the values in.

    Args:
        stem: The file's name without language and ending.
        language: ISO code of the texts' language.
        required: Placeholders without which it would not say what is wanted.
        others: The other placeholders it may hold.

    Raises:
        InvalidInput: A person's own file cannot be read, or lacks a placeholder, or has one too many.
    """
    file = _localized(stem, language)
    return _checked(_read(file, (*required, *others)), file, required, others)


def read_phrases(
    stem: str, language: str | None, known: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
) -> Mapping[str, str]:
    """Parts of prompts by name, one to a line of the file, checked; :func:`filled` puts the values in.

    Args:
        stem: The file's name without language and ending.
        language: ISO code of the texts' language.
        known: Placeholders of each phrase: those it must hold, and those it may hold.

    Raises:
        InvalidInput: A person's own file cannot be read, or lacks a placeholder or a phrase, or has one too many.
    """
    file = _localized(stem, language)
    names = {name for required, others in known.values() for name in (*required, *others)}
    phrases: dict[str, str] = {}
    for line in _lines(file, sorted(names)):
        name, _, phrase = line.partition(":")
        if name.strip() not in known:
            raise InvalidInput(
                f"{_place(file)} holds a line for {name.strip()!r}; known: {', '.join(known)}",
                mend="begin each line with one of the known names and a colon, or with # for a comment",
            )
        phrases[name.strip()] = phrase.strip()
    for name, placeholders in known.items():
        if name not in phrases:
            raise InvalidInput(
                f"{_place(file)} has no line for {name!r}; expected one for each of {', '.join(known)}",
                mend="add the line; the file that GTS ships shows them all",
            )
        _checked(phrases[name], file, *placeholders)
    return MappingProxyType(phrases)


def _checked(text: str, file: str, required: Sequence[str], others: Sequence[str]) -> str:
    held = set(_MARKED.findall(text))
    if missing := [name for name in required if name not in held]:
        raise InvalidInput(
            f"{_place(file)} lacks the placeholder ${missing[0]} in {_shown(text)!r}",
            mend=f"write ${missing[0]} where it shall be filled in",
        )
    if unknown := sorted(held - {*required, *others}):
        known = ", ".join(f"${name}" for name in (*required, *others)) or "none"
        raise InvalidInput(
            f"{_place(file)} holds the placeholder ${unknown[0]} in {_shown(text)!r}; known there: {known}",
            mend="use the known ones, and write a dollar sign as $$",
        )
    return text


def _shown(text: str) -> str:
    shown = _MARKED.sub(r"$\1", text)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def filled(text: str, values: Mapping[str, str]) -> str:
    """A prompt or phrase with values for its placeholders."""
    # In one pass, so that dollar signs and braces in the user's texts are never read as placeholders.
    return _MARKED.sub(lambda found: values[found[1]], text)


def _lines(file: str, placeholders: Sequence[str]) -> list[str]:
    lines = (line.strip() for line in _read(file, placeholders).splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _read(file: str, placeholders: Sequence[str]) -> str:
    return fill_prompt(_PACKAGE, file, {name: f"{_MARK}{name}{_MARK}" for name in placeholders})


def _localized(stem: str, language: str | None) -> str:
    file = f"{stem}.{(language or '').partition('-')[0].casefold()}.txt"
    own, shipped = _own(file), resources.files(_PACKAGE) / "prompts" / file
    return file if shipped.is_file() or (own is not None and own.is_file()) else f"{stem}.txt"


def _place(file: str) -> str:
    own = _own(file)
    return str(own) if own is not None and own.is_file() else file


def _own(file: str) -> Path | None:
    folder = os.environ.get(VARIABLE)
    return Path(folder) / file if folder else None
