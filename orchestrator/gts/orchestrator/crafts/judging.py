"""How right beliefs about structures are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gts.orchestrator.crafts.protocol import Decision, Floats, Judgement
from gts.orchestrator.estimate import CONFIDENCE
from gts.tasks.extraction_metrics import (
    Kind,
    bootstrap_interval,
    evaluate_entities,
    evaluate_events,
    evaluate_relations,
    row_counts,
)
from gts.tasks.items import ARGUMENT, ENTITY, RELATION, TRIGGER, Beliefs, decide, items_of
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Structure

_EVALUATE: Mapping[str, Callable[[Sequence[Structure], Sequence[Structure]], dict[str, Any]]] = {
    "ner": evaluate_entities,
    "relation": evaluate_relations,
    "event": evaluate_events,
}
_COUNTED: Mapping[str, Kind] = {
    "micro_f1": "entity",
    "triple_f1": "triple",
    "trigger_f1": "trigger",
    "argument_f1": "argument",
}
_KINDS: Mapping[str, tuple[str, ...]] = {
    "ner": (ENTITY,),
    "relation": (ENTITY, RELATION),
    "event": (TRIGGER, ARGUMENT),
}
_ITEM: Mapping[str, str] = {
    "micro_f1": ENTITY,
    "triple_f1": RELATION,
    "trigger_f1": TRIGGER,
    "argument_f1": ARGUMENT,
}
_LEAST_THRESHOLD, _USUAL_THRESHOLD = 0.1, 0.5
_FLOOR = 0.01
"""What is not believed at all is taken for this, so that one surprise does not decide everything."""


def judge_structures(
    spec: TaskSpec,
    gold: Sequence[Structure],
    beliefs: Sequence[Beliefs],
    decisions: Sequence[Decision],
) -> Judgement:
    """Measure beliefs about texts.

    Args:
        spec: The task.
        gold: What there is in each text.
        beliefs: What is believed of each.
        decisions: For each, the least belief of each kind of finding.
    """
    decided = [decide(belief, decision) for belief, decision in zip(beliefs, decisions, strict=True)]
    found = _EVALUATE[spec.type](gold, decided)
    measures = {
        name: float(value)
        for name, value in found.items()
        if name.endswith("_f1") or name in ("precision", "recall")
    }
    low, high = _interval(spec, gold, decided)
    return Judgement({**measures, "n": len(gold)}, measures[spec.metric], low, high, _loss(gold, beliefs))


def tally_structures(
    spec: TaskSpec,
    beliefs: Sequence[Beliefs],
    decisions: Sequence[Decision],
    true: Sequence[Beliefs],
) -> Floats | None:
    """What of each text's findings is right, made, and there to be made, by what somebody believes [texts, 3].

    Args:
        spec: The task.
        beliefs: What is believed of each text.
        decisions: For each, the least belief of each kind of finding.
        true: What somebody else believes of each.

    Returns:
        ``None`` where the deciding measure is no F1 of single findings.
    """
    counted = _ITEM.get(spec.metric)
    if counted is None:
        return None
    rows = []
    for own, decision, other in zip(beliefs, decisions, true, strict=True):
        made = [item for item in items_of(decide(own, decision)) if item.kind == counted]
        there = {item: belief for item, belief in other.items() if item.kind == counted}
        rows.append((sum(there.get(item, 0.0) for item in made), len(made), sum(there.values())))
    return np.array(rows, np.float64).reshape(-1, 3)


def decide_structures(spec: TaskSpec, gold: Sequence[Structure], beliefs: Sequence[Beliefs]) -> Decision:
    """The least belief of each kind of finding that has the best F1 on these texts."""
    return {kind: best_threshold(gold, beliefs, kind) for kind in _KINDS[spec.type]}


def best_threshold(gold: Sequence[Structure], beliefs: Sequence[Beliefs], kind: str) -> float:
    """The least belief with which findings of a kind have the best F1.

    Of equally good ones that with the widest gap between beliefs is taken; with nothing to choose by, one half.
    """
    wanted = [{item for item in items_of(structure) if item.kind == kind} for structure in gold]
    said = [
        (belief, item in want)
        for want, row in zip(wanted, beliefs, strict=True)
        for item, belief in row.items()
        if item.kind == kind and belief >= _LEAST_THRESHOLD
    ]
    total = sum(map(len, wanted))
    if not said or not total:
        return _USUAL_THRESHOLD
    said.sort(key=lambda pair: -pair[0])
    levels = np.array([belief for belief, _ in said])
    f1 = 2 * np.cumsum([right for _, right in said]) / (np.arange(1, len(said) + 1) + total)
    below = np.append(levels[1:], _LEAST_THRESHOLD)
    f1[levels == below] = -1.0  # equal beliefs are decided alike
    best = int(np.lexsort((below - levels, -f1))[0])
    return round(float((levels[best] + below[best]) / 2), 4)


def _interval(spec: TaskSpec, gold: Sequence[Structure], decided: Sequence[Structure]) -> tuple[float, float]:
    """Bootstrap over texts; that of a mean over types from the counts of each type."""
    if kind := _COUNTED.get(spec.metric):
        return bootstrap_interval(row_counts(gold, decided, kind), confidence=CONFIDENCE)
    kind = "entity" if spec.type == "ner" else "triple"
    types = list(spec.entities if spec.type == "ner" else spec.relations)
    counts = np.stack(
        [row_counts(gold, decided, kind, without=[t for t in types if t != name]) for name in types]
    )
    rng = np.random.default_rng(0)
    values = []
    for _ in range(1000):
        right, found, wanted = counts[:, rng.integers(0, len(gold), len(gold))].sum(axis=1).T
        told = found + wanted > 0
        values.append(float((2 * right[told] / (found + wanted)[told]).mean()) if told.any() else 0.0)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _loss(gold: Sequence[Structure], beliefs: Sequence[Beliefs]) -> float:
    """Negative log-likelihood of what there is and of what is believed, in nats a text."""
    total = 0.0
    for structure, row in zip(gold, beliefs, strict=True):
        wanted = items_of(structure)
        for item in wanted:
            total -= np.log(np.clip(row.get(item, 0.0), _FLOOR, 1 - _FLOOR))
        for item, belief in row.items():
            if item not in wanted:
                total -= np.log(1 - np.clip(belief, _FLOOR, 1 - _FLOOR))
    return float(total / len(gold))
