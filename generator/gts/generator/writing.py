"""Prompts that ask a language model for new texts of a label."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gts.core.llm.values import Message
from gts.generator.wording import Wording
from gts.tasks.dataset import Example
from gts.tasks.language import UNKNOWN

SCHEMA = {
    "type": "object",
    "properties": {"texts": {"type": "array", "items": {"type": "string"}}},
    "required": ["texts"],
    "additionalProperties": False,
}
"""JSON schema of the answer: ``{"texts": [...]}``."""

# A task with dozens of labels would fill the prompt with their names.
_MAX_OTHERS = 12
_MAX_EXAMPLE_CHARACTERS = 1000
_LANGUAGES = {
    "ar": "Arabic", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish",
    "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Brief:
    """What the prompts say about a task.

    Attributes:
        name: The task's name.
        labels: Description of each label by its name; empty where there is none.
        language: ISO code of the texts' language, if known.
        multi_label: Whether a text may carry several labels, or none.
    """

    name: str
    labels: Mapping[str, str]
    language: str | None = None
    multi_label: bool = False


@dataclass(frozen=True, slots=True)
class Length:
    """A range of lengths.

    Attributes:
        low: Least number of words, or of characters.
        high: Most.
        in_characters: Whether characters are meant, for scripts without spaces.
    """

    low: int
    high: int
    in_characters: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the texts of one call shall be like; what is empty or ``None`` is not asked for.

    Attributes:
        style: A way of writing.
        persona: Who writes.
        topics: Words of the user's own texts, to choose subjects from.
        length: How long the texts shall be.
        other: A label that the texts could be taken for at first sight.
    """

    style: str | None = None
    persona: str | None = None
    topics: tuple[str, ...] = ()
    length: Length | None = None
    other: str | None = None


def chat_prompt(
    wording: Wording,
    brief: Brief,
    labels: Sequence[str],
    others: Sequence[str],
    examples: Sequence[Example],
    wishes: Wishes,
    count: int,
) -> tuple[Message, ...]:
    """What a model that follows instructions is told.

    Args:
        wording: The words.
        brief: The task.
        labels: All labels the texts shall carry; may be empty in a multi-label task.
        others: Labels they shall not carry, the likeliest to be confused first.
        examples: Texts to show.
        wishes: What the texts shall be like.
        count: How many are asked for.
    """
    shown = [_shown(wording, example, labels) for example in examples]
    content = wording.write(
        task=brief.name,
        labels=_labels(wording, brief, labels, others),
        examples="\n".join(shown) or wording.phrase("unseen"),
        wishes="\n".join(wish_lines(wording, brief.language, labels, wishes)),
        count=str(count),
    )
    # One message of the user: not every model knows a system message.
    return (Message("user", content),)


def continuation_prompt(
    wording: Wording, brief: Brief, labels: Sequence[str], examples: Sequence[Example]
) -> tuple[Message, ...]:
    """A list of texts, one a line after its label, which a model without instruction tuning goes on writing.

    It ends without a space after the last label's colon: models' tokens begin with it.
    """
    lines = [
        f"{line_prefix(wording, example.labels)}: {_short(' '.join(example.text.split()))}"
        for example in examples
    ]
    content = wording.continue_(
        task=brief.name,
        labels=_labels(wording, brief, labels, ()),
        examples="\n".join(lines),
        next=f"{line_prefix(wording, labels)}:",
    )
    return (Message("user", content),)


def line_prefix(wording: Wording, labels: Sequence[str]) -> str:
    """What stands before a text of some labels in a list that is continued."""
    return ", ".join(labels) or wording.phrase("nothing")


def _labels(wording: Wording, brief: Brief, labels: Sequence[str], others: Sequence[str]) -> str:
    if not labels:
        head = "none"
    elif not brief.multi_label:
        head = "one"
    else:
        head = "only" if len(labels) == 1 else "all"
    lines = [wording.phrase(head)]
    for name in labels or brief.labels:
        description = brief.labels.get(name, "")
        lines.append(
            wording.phrase("described", name=name, description=description)
            if description
            else wording.phrase("label", name=name)
        )
    if labels and others:
        lines.append(wording.phrase("others", names=_quoted(others[:_MAX_OTHERS])))
    return "\n".join(lines)


def _shown(wording: Wording, example: Example, labels: Sequence[str]) -> str:
    # As JSON a text stays one line, whatever it holds, and has the form of the answer.
    text = json.dumps(_short(example.text), ensure_ascii=False)
    if set(example.labels) == set(labels):
        return wording.phrase("example", text=text)
    return wording.phrase("labelled", text=text, names=_quoted(example.labels) or wording.phrase("nothing"))


def _short(text: str) -> str:
    return text if len(text) <= _MAX_EXAMPLE_CHARACTERS else f"{text[:_MAX_EXAMPLE_CHARACTERS]}…"


def wish_lines(wording: Wording, language: str | None, labels: Sequence[str], wishes: Wishes) -> list[str]:
    """What is wished of the texts of a call, one wish a line.

    Args:
        wording: The words.
        language: ISO code of the texts' language, if known.
        labels: All labels the texts shall carry.
        wishes: What the texts shall be like.
    """
    lines = []
    language = (language or UNKNOWN).partition("-")[0].casefold()
    if language != UNKNOWN:
        named = _LANGUAGES.get(language, f"the language with the ISO code {language}")
        lines.append(wording.phrase("language", language=named))
    if wishes.length is not None:
        name = "length_characters" if wishes.length.in_characters else "length"
        lines.append(wording.phrase(name, low=str(wishes.length.low), high=str(wishes.length.high)))
    if wishes.topics:
        lines.append(wording.phrase("topics", topics=_quoted(wishes.topics)))
    if wishes.style:
        lines.append(wording.phrase("style", style=wishes.style))
    if wishes.persona:
        lines.append(wording.phrase("persona", persona=wishes.persona))
    if wishes.other and labels:
        lines.append(wording.phrase("boundary", other=wishes.other, label=_quoted(labels)))
    elif wishes.other:
        lines.append(wording.phrase("boundary_none", other=wishes.other))
    return lines


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
