"""Which new rows may be learnt from."""

from __future__ import annotations

from collections.abc import Sequence

from gts.generator.filters import FilterContext, judge
from gts.generator.made import MadeRow
from gts.generator.protocol import GeneratedText, Judged
from gts.orchestrator.crafts.protocol import Craft, Row, Scene
from gts.orchestrator.crafts.vectors import text_vectors
from gts.tasks.dataset import Example
from gts.tasks.text import same_text_key

_BALANCE = 2.0


def judge_written(craft: Craft, scene: Scene, made: Sequence[MadeRow]) -> list[Judged]:
    """Judge rows that a language model wrote by all filters but the teachers' (see :mod:`gts.generator.filters`)."""

    def text_of(row: Row) -> str:
        return "\n".join(craft.texts(row))

    context = FilterContext(
        gold=[Example(text_of(row), craft.kinds(row)) for row in scene.train],
        pool=[text_of(row) for row in scene.pool],
        held_out=[text_of(row) for row in scene.heldout],
        embed=lambda texts: text_vectors(texts, scene.encoder),
        balance=_BALANCE,
    )
    return judge([_as_text(row, text_of(row.row)) for row in made], context)


def judge_recombined(craft: Craft, scene: Scene, made: Sequence[MadeRow]) -> list[Judged]:
    """Judge rows made of the user's own, which are like these by intent: none twice, and none that is held out."""
    held_out = {_key(craft, row) for row in scene.heldout}
    seen: set[tuple[str, ...]] = set()
    out = []
    for one in made:
        key, text = _key(craft, one.row), _as_text(one, "\n".join(craft.texts(one.row)))
        if key in held_out:
            out.append(Judged(text, False, "held out", "it is a text kept for testing"))
        elif key in seen:
            out.append(Judged(text, False, "duplicate", "the same text was generated before"))
        else:
            out.append(Judged(text, True))
        seen.add(key)
    return out


def _as_text(made: MadeRow, text: str) -> GeneratedText:
    return GeneratedText(text, made.labels, made.generator, made.seeds, made.scores)


def _key(craft: Craft, row: Row) -> tuple[str, ...]:
    return tuple(same_text_key(text) for text in craft.texts(row))
