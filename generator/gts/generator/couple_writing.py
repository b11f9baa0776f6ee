"""What prompts for new couples of texts have in common: for pairs, and for texts with their summaries."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gts.core.llm.values import Completion
from gts.generator.couples import Couple, Find, couples_of, next_couple
from gts.generator.questions import LLMConfig
from gts.generator.variation import Variation, gather
from gts.generator.wording import Wording
from gts.tasks.dataset import Example

# Only where all of the user's texts are longer than an answer may be does one fill a prompt.
_MAX_CHARACTERS = 4000
_ANY = "text"


@dataclass(frozen=True, slots=True)
class CoupleBrief:
    """What the prompts say about a task.

    Attributes:
        name: The task's name.
        language: ISO code of the texts' language, if known.
    """

    name: str
    language: str | None = None


class CoupleReader:
    """Reads the answers to prompts for couples; the base of :class:`gts.generator.rounds.Writing` for them.

    Args:
        config: How the model is asked.
        find: Finds the names of both halves in an answer.
        tags: What stands before each half in a list that is continued.
    """

    def __init__(self, config: LLMConfig, find: Find, tags: Couple) -> None:
        self._config, self._find, self._tags = config, find, tags

    def read(self, answer: Completion, counts: Counter[str]) -> Sequence[Couple]:
        """See :meth:`gts.generator.rounds.Writing.read`."""
        if self._config.chat:
            return couples_of(answer, self._find, counts)
        return next_couple(answer, self._tags, counts)


def couple_schema(list_name: str, names: Couple) -> Mapping[str, Any]:
    """JSON schema of an answer ``{LIST_NAME: [{FIRST: "...", SECOND: "..."}]}``."""
    couple = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": list(names),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {list_name: {"type": "array", "items": couple}},
        "required": [list_name],
        "additionalProperties": False,
    }


def wishes_for(texts: Sequence[str], pool: Sequence[str], wording: Wording, rng: random.Random) -> Variation:
    """Deals out wishes for texts like the user's.

    Args:
        texts: The user's texts.
        pool: Others of the same kind.
        wording: The words for styles and personas.
        rng: Source of chance.
    """
    examples = [Example(text, (_ANY,)) for text in texts]
    return Variation((_ANY,), gather(examples, pool, None, multi_label=False), (), wording, rng)


def fits(text: str, config: LLMConfig) -> bool:
    """Whether an answer can hold another text as long as this one."""
    return len(text.encode("utf-8", "replace")) <= config.max_tokens * config.bytes_per_token


def as_json(names: Couple, couple: Couple) -> str:
    """A couple as it is shown to a model that follows instructions: one line, in the form of the answer."""
    values = dict(zip(names, map(_short, couple), strict=True))
    return json.dumps(values, ensure_ascii=False)


def as_listed(tags: Couple, couple: Couple) -> str:
    r"""A couple as it stands in a list that is continued, its first text in lines, its second in one.

    Example:
        >>> as_listed(("Text:", "Summary:"), ("Hello.\n\nBye.", "A\ntalk."))
        'Text: Hello.\nBye.\nSummary: A talk.'
    """
    lines = "\n".join(line.strip() for line in _short(couple[0]).splitlines() if line.strip())
    return f"{tags[0]} {lines}\n{tags[1]} {' '.join(couple[1].split())}"


def _short(text: str) -> str:
    return text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}…"
