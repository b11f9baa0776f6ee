"""Measures of extraction: entities, triples, triggers and arguments, each right where place and type are.

What is found in a text is compared as a set, so that the same thing found twice counts once, and nested or
overlapping spans are things of their own. Every measure is the F1 of three counts, summed over the texts:
``right`` (found and wanted), ``found``, ``wanted``. A measure without a denominator is 0, as in
:mod:`gts.tasks.metrics`: where nothing is wanted and nothing found there is nothing to praise.

Every kind of thing has its key:

- *entity*: type, start, end (exact match, as in CoNLL-2003 and seqeval).
- *triple*: relation type, place of the head, place of the tail. The entity types of head and tail do not
  count: some data have none, and how well they are found is the entities' measure ("Boundaries" in Taillé et
  al., Let's Stop Incorrect Comparisons in End-to-end Relation Extraction!, 2020). Direction does count.
- *trigger*: event type, start, end.
- *argument*: event type, role, start, end of the argument. Which trigger it hangs on does not count (Li et
  al., Joint Event Extraction via Structured Prediction with Global Features, 2013, as is usual for ACE
  2005), so an argument that two events of one type in a text share is one argument.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.tasks.structures import Structure

Kind = Literal["entity", "triple", "trigger", "argument"]
Counts = NDArray[np.int64]
_Thing = tuple[tuple[str, ...], tuple[int, ...]]  # its type (and role), and its place


def _entities(found: Structure) -> Iterator[_Thing]:
    return (((span.type,), (span.start, span.end)) for span in found.entities)


def _triples(found: Structure) -> Iterator[_Thing]:
    return (
        ((one.type,), (one.head.start, one.head.end, one.tail.start, one.tail.end)) for one in found.relations
    )


def _triggers(found: Structure) -> Iterator[_Thing]:
    return (((event.type,), (event.trigger.start, event.trigger.end)) for event in found.events)


def _arguments(found: Structure) -> Iterator[_Thing]:
    return (
        ((event.type, part.role), (part.start, part.end))
        for event in found.events
        for part in event.arguments
    )


_THINGS: Mapping[Kind, Callable[[Structure], Iterator[_Thing]]] = {
    "entity": _entities,
    "triple": _triples,
    "trigger": _triggers,
    "argument": _arguments,
}


def _sets(
    gold: Sequence[Structure], predicted: Sequence[Structure], kind: Kind, without: Collection[str]
) -> list[tuple[set[_Thing], set[_Thing]]]:
    """For each text what is wanted and what was found, the types of ``without`` left out."""
    if len(gold) != len(predicted) or not gold:
        raise InvalidInput(
            f"{len(gold)} true and {len(predicted)} predicted structures; as many of each, at least one, "
            "were expected",
            mend="give one prediction for each test example, an empty one where nothing was found",
        )
    things = _THINGS[kind]
    left_out = set(without)
    wanted, found = (
        [{thing for thing in things(row) if thing[0][0] not in left_out} for row in rows]
        for rows in (gold, predicted)
    )
    return list(zip(wanted, found, strict=True))


def row_counts(
    gold: Sequence[Structure], predicted: Sequence[Structure], kind: Kind, *, without: Collection[str] = ()
) -> Counts:
    """What each text contributes: right, found and wanted things, int64 [n, 3].

    Args:
        gold: What there is to find in each text.
        predicted: What was found there.
        kind: What is counted: ``entity``, ``triple``, ``trigger`` or ``argument``.
        without: Types (of entities, relations or events) that are not counted on either side.

    Raises:
        InvalidInput: No text, or unequal lengths.

    Example:
        >>> from gts.tasks.structures import Span
        >>> ada, paris, seine = Span(0, 3, "person"), Span(9, 14, "place"), Span(20, 25, "place")
        >>> row_counts([Structure((ada, paris))], [Structure((ada, seine, seine))], "entity").tolist()
        [[1, 2, 2]]
    """
    pairs = _sets(gold, predicted, kind, without)
    return np.array(
        [(len(wanted & found), len(found), len(wanted)) for wanted, found in pairs], dtype=np.int64
    )


def micro_f1(counts: Counts) -> float:
    """F1 of all texts together, from what :func:`row_counts` gives; 0 where nothing was wanted or found.

    Example:
        >>> micro_f1(np.array([[1, 2, 1], [1, 1, 2]]))
        0.6666666666666666
    """
    right, found, wanted = (int(total) for total in counts.sum(axis=0))
    return 2 * right / (found + wanted) if found + wanted else 0.0


def bootstrap_interval(
    counts: Counts, *, confidence: float = 0.9, resamples: int = 1_000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of micro F1 over texts (Efron 1979); the same for the same seed.

    Texts are drawn, not things: what is found in one text is right or wrong together. A draw in which
    nothing is wanted and nothing found counts as 0, which widens the interval where few texts have anything
    in them.

    Args:
        counts: Right, found and wanted things of each text [n, 3].
        confidence: Probability with which the interval should hold the true value.
        resamples: Number of resamples.
        seed: Seed of the resampling.

    Raises:
        InvalidInput: No text, or a confidence that is no probability.
    """
    if not len(counts) or not 0 < confidence < 1 or resamples < 1:
        raise InvalidInput(
            f"no interval from {len(counts)} texts and {resamples} resamples with confidence {confidence}",
            mend="give at least one text and one resample, and a confidence between 0 and 1",
        )
    rng = np.random.default_rng(seed)
    values = [micro_f1(counts[rng.integers(0, len(counts), len(counts))]) for _ in range(resamples)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _scores(right: int, found: int, wanted: int) -> dict[str, Any]:
    return {
        "precision": right / found if found else 0.0,
        "recall": right / wanted if wanted else 0.0,
        "f1": 2 * right / (found + wanted) if found + wanted else 0.0,
        "right": right,
        "found": found,
        "wanted": wanted,
    }


def _measure(
    gold: Sequence[Structure], predicted: Sequence[Structure], kind: Kind, without: Collection[str] = ()
) -> tuple[dict[str, Any], dict[tuple[str, ...], dict[str, Any]]]:
    """The scores of all things together, and of each type that occurs or was predicted, in order of name."""
    right: Counter[tuple[str, ...]] = Counter()
    found: Counter[tuple[str, ...]] = Counter()
    wanted: Counter[tuple[str, ...]] = Counter()
    for true, guess in _sets(gold, predicted, kind, without):
        right.update(name for name, _ in true & guess)
        found.update(name for name, _ in guess)
        wanted.update(name for name, _ in true)
    per_type = {
        name: _scores(right[name], found[name], wanted[name]) for name in sorted(found.keys() | wanted.keys())
    }
    return _scores(right.total(), found.total(), wanted.total()), per_type


def _macro_f1(per_type: Mapping[tuple[str, ...], Mapping[str, Any]]) -> float:
    return sum(row["f1"] for row in per_type.values()) / len(per_type) if per_type else 0.0


def evaluate_entities(gold: Sequence[Structure], predicted: Sequence[Structure]) -> dict[str, Any]:
    """All measures of entities, ready for JSON.

    Args:
        gold: What there is to find in each text.
        predicted: What was found there.

    Returns:
        ``micro_f1``, ``macro_f1`` (mean over the types that occur or were predicted), ``precision``,
        ``recall``, ``n`` (texts) and ``per_type`` (type to ``precision``, ``recall``, ``f1``, ``right``,
        ``found``, ``wanted``).

    Raises:
        InvalidInput: No text, or unequal lengths.

    Example:
        >>> from gts.tasks.structures import Span
        >>> gold = [Structure((Span(0, 3, "person"),)), Structure((Span(5, 9, "place"),))]
        >>> found = evaluate_entities(gold, [gold[0], Structure()])
        >>> round(found["micro_f1"], 3), found["macro_f1"]
        (0.667, 0.5)
    """
    micro, per_type = _measure(gold, predicted, "entity")
    return {
        "micro_f1": micro["f1"],
        "macro_f1": _macro_f1(per_type),
        "precision": micro["precision"],
        "recall": micro["recall"],
        "n": len(gold),
        "per_type": {name: row for (name,), row in per_type.items()},
    }


def evaluate_relations(
    gold: Sequence[Structure], predicted: Sequence[Structure], *, without: Collection[str] = ()
) -> dict[str, Any]:
    """All measures of relations, ready for JSON.

    Where the predictions were made with gold entities, this is the F1 with gold entities. With one relation a
    text between given entities and ``without={"Other"}``, ``macro_f1`` is the official score of SemEval-2010
    task 8 (Hendrickx et al. 2010: nine types, direction counts).

    Args:
        gold: What there is to find in each text.
        predicted: What was found there.
        without: Types that say that nothing holds. Neither true nor predicted ones count; to predict one
            where a relation holds is to miss it, to predict another in its place is to find too much.

    Returns:
        ``triple_f1`` (micro), ``macro_f1`` (mean over the types that occur or were predicted), ``precision``,
        ``recall``, ``n`` (texts) and ``per_type`` as :func:`evaluate_entities` gives it.

    Raises:
        InvalidInput: No text, or unequal lengths.
    """
    micro, per_type = _measure(gold, predicted, "triple", without)
    return {
        "triple_f1": micro["f1"],
        "macro_f1": _macro_f1(per_type),
        "precision": micro["precision"],
        "recall": micro["recall"],
        "n": len(gold),
        "per_type": {name: row for (name,), row in per_type.items()},
    }


def evaluate_events(gold: Sequence[Structure], predicted: Sequence[Structure]) -> dict[str, Any]:
    """All measures of events, ready for JSON.

    Args:
        gold: What there is to find in each text.
        predicted: What was found there.

    Returns:
        ``trigger_f1`` and ``argument_f1`` (micro), ``trigger_precision``, ``trigger_recall``,
        ``argument_precision``, ``argument_recall``, ``n`` (texts), ``per_type`` (event type to the scores of
        its triggers, as :func:`evaluate_entities` gives them) and ``per_role`` (event type to role to the
        scores of its arguments).

    Raises:
        InvalidInput: No text, or unequal lengths.
    """
    triggers, per_type = _measure(gold, predicted, "trigger")
    arguments, per_part = _measure(gold, predicted, "argument")
    per_role: dict[str, dict[str, Any]] = {}
    for (event, role), row in per_part.items():
        per_role.setdefault(event, {})[role] = row
    return {
        "trigger_f1": triggers["f1"],
        "argument_f1": arguments["f1"],
        "trigger_precision": triggers["precision"],
        "trigger_recall": triggers["recall"],
        "argument_precision": arguments["precision"],
        "argument_recall": arguments["recall"],
        "n": len(gold),
        "per_type": {name: row for (name,), row in per_type.items()},
        "per_role": per_role,
    }
