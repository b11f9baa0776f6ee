"""A language model that writes summaries, with a person's own as examples."""

from __future__ import annotations

from collections.abc import Sequence

from gts.core.llm.prompts import fill_prompt
from gts.core.llm.values import Call, Completion, Message
from gts.teacher.llm import Ask

_PACKAGE = "gts.teacher"
_SHOTS = 4
_EXAMPLE_CHARS = 1500
_MOST_CHARS = 8000
"""Longer texts are not asked about."""
_MOST_TOKENS = 256


def write_summaries(
    texts: Sequence[str], examples: Sequence[tuple[str, str]], ask: Ask, shots: int = _SHOTS
) -> list[str | None]:
    """Ask a model for a summary of each text.

    Args:
        texts: The texts.
        examples: Texts with the summaries that a person wrote; the shortest are shown.
        ask: Asks the model.
        shots: Most examples that are shown.

    Returns:
        A summary for each text; None where the text was too long, or the model did not come to an end.
    """
    short = sorted((pair for pair in examples if len(pair[0]) <= _EXAMPLE_CHARS), key=lambda p: len(p[0]))
    shown = "".join(
        fill_prompt(_PACKAGE, "summarize_example.txt", {"text": text, "summary": summary}) + "\n\n"
        for text, summary in short[:shots]
    )
    asked = [i for i, text in enumerate(texts) if len(text) <= _MOST_CHARS]
    calls = [_call(texts[i], shown) for i in asked]
    written: list[str | None] = [None] * len(texts)
    for i, answer in zip(asked, ask(calls) if calls else (), strict=True):
        if isinstance(answer, Completion) and answer.is_whole and answer.text.strip():
            written[i] = answer.text.strip()
    return written


def _call(text: str, examples: str) -> Call:
    prompt = fill_prompt(_PACKAGE, "summarize.txt", {"text": text, "examples": examples})
    return Call((Message("user", prompt),), _MOST_TOKENS)
