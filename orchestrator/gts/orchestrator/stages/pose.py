"""Stage ``pose``: choose what to ask a person about a classification task."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gts.orchestrator.questions import QuestionKind, subject_of
from gts.orchestrator.selection import doubts, select
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.beliefs import GENERATED, ensemble_beliefs
from gts.orchestrator.stages.common import (
    Floats,
    Split,
    fold_of_gold,
    indicators,
    load_arrays,
    load_split,
    read_json,
    write_json,
)
from gts.orchestrator.suspects import mislabelled, taken_for_each_other
from gts.student.runtime import sigmoid, softmax
from gts.tasks.dataset import Example, Origin, TaskData
from gts.teacher.ensemble import sharpen
from gts.teacher.lexical import latent_vectors, ngram_matrix
from gts.teacher.portfolio import label_text

Question = dict[str, Any]
"""``kind``, ``payload``, ``reason`` and ``origin``, as JSON values."""

_MOST_SUSPECTS, _MOST_DEFINED, _MOST_CONTRASTS = 2, 1, 2
_EXAMPLES = 3
_FEWEST_LABELS = 3
"""With two labels every error is between them; with more, one pair that is mixed up stands out."""
_CONTRASTED = 2
_NEAR = 0.2
"""A generated text lies at a boundary where the two likeliest labels are no further apart than this."""


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Choose questions.

    Args:
        inputs: ``task``; ``teach`` and ``audit`` of the fit on all gold, ``consult NAME`` of language models; ``student``, its mini
            student where there is one; ``fold K``, the student to publish of each fold; ``generate NAME`` of generators.
        params: ``fold`` (None), ``folds``, ``pool``, ``encoder`` (see :func:`load_split`); ``count``, most questions;
            ``temperature``, by which the folds' students are as sure as they are right; ``asked``, what was asked before (see
            :func:`gts.orchestrator.questions.subject_of`).
        out: Gets ``questions.json``: a list of ``kind``, ``payload``, ``reason``, ``origin``.
        progress: Progress.

    Returns:
        ``questions`` by kind.
    """
    split = load_split(inputs, params)
    data = split.data
    heldout = _heldout(data, inputs, params)
    asked = set(params["asked"])
    others = [*_suspects(data, heldout), *_definitions(data, heldout), *_contrasts(split, inputs)]
    questions = [question for question in others if _subject(question["payload"]) not in asked][
        : params["count"]
    ]
    progress(0.3, "looking for texts that stand for many others")
    questions += _labels(split, inputs, params["count"] - len(questions), asked)
    write_json(out / "questions.json", questions)
    progress(1.0, "chosen")
    return {"questions": dict(Counter(question["kind"] for question in questions))}


def _heldout(data: TaskData, inputs: Mapping[str, Path], params: Mapping[str, Any]) -> Floats:
    """What the student to publish believes of each gold row that it has not seen [gold, labels]."""
    targets = indicators(data)
    fold = fold_of_gold(targets, params["folds"], data.spec.seed)
    logits = np.zeros_like(targets)
    for k in range(params["folds"]):
        logits[fold == k] = load_arrays(inputs[f"fold {k}"] / "heldout.safetensors")["logits"]
    logits /= params["temperature"]
    return sigmoid(logits) if data.multi_label else softmax(logits)


def _suspects(data: TaskData, heldout: Floats) -> Iterator[Question]:
    if data.multi_label or data.is_guessed:
        return
    for row, looks in mislabelled(heldout, indicators(data))[:_MOST_SUSPECTS]:
        example, label = data.gold[row], data.labels[looks]
        payload = {
            "text": example.text,
            "labels": list(example.labels),
            "options": list(data.labels),
            "suggested": _likely(data, heldout[row]),
        }
        reason = f"a student that has not seen it holds it for {label} with {heldout[row, looks]:.0%}"
        yield _question(QuestionKind.MISLABELLED, payload, reason, Origin.GOLD)


def _definitions(data: TaskData, heldout: Floats) -> Iterator[Question]:
    if data.multi_label or len(data.labels) < _FEWEST_LABELS:
        return
    described = data.spec.labels
    for one, other, count in taken_for_each_other(heldout, indicators(data))[:_MOST_DEFINED]:
        names = [data.labels[one], data.labels[other]]
        if all(described.get(name) for name in names):
            continue
        examples = {name: [e.text for e in data.gold if name in e.labels][:_EXAMPLES] for name in names}
        reason = f"{count} of their examples are taken for the other one's"
        yield _question(QuestionKind.DEFINE, {"labels": names, "examples": examples}, reason, Origin.GOLD)


def _contrasts(split: Split, inputs: Mapping[str, Path]) -> Iterator[Question]:
    """Generated texts between two labels, each beside the example that is likest to it among those of the other label.

    Of tasks with two labels only: with more, a no would leave open what the text is.
    """
    data = split.data
    if data.multi_label or len(data.labels) != _CONTRASTED:
        return
    known = {example.text for example in data.gold}
    for key in sorted(key for key in inputs if key.startswith(GENERATED)):
        folder = inputs[key]
        texts = [json.loads(line)["text"] for line in (folder / "kept.jsonl").read_text("utf-8").splitlines()]
        if not texts:
            continue
        beliefs = load_arrays(folder / "beliefs.safetensors")["beliefs"]
        top = np.sort(beliefs, axis=1)
        gaps = top[:, -1] - top[:, -2]
        near = [
            int(row)
            for row in np.argsort(gaps, kind="stable")
            if gaps[row] <= _NEAR and texts[row] not in known
        ]
        for row in near[:_MOST_CONTRASTS]:
            first, second = (data.labels[i] for i in np.argsort(-beliefs[row])[:2])
            payload: dict[str, Any] = {"text": texts[row], "label": first}
            if beside := _nearest(texts[row], [e for e in data.gold if second in e.labels]):
                payload["beside"] = {"text": beside, "label": second}
            reason = f"to the student this generated text lies between {first} and {second}"
            yield _question(QuestionKind.CONFIRM, payload, reason, Origin.GENERATED)


def _nearest(text: str, examples: Sequence[Example]) -> str | None:
    if not examples:
        return None
    vectors = latent_vectors(ngram_matrix([text, *(example.text for example in examples)]))
    return examples[int((vectors[1:] @ vectors[0]).argmax())].text


def _labels(
    split: Split, inputs: Mapping[str, Path], count: int, asked: Collection[str]
) -> Iterator[Question]:
    data = split.data
    if count <= 0 or not len(split.pool):
        return
    audit = read_json(inputs["audit"] / "audit.json")
    beliefs = sharpen(ensemble_beliefs(inputs, data.multi_label), audit["exponent"], data.multi_label)
    if "student" in inputs:
        beliefs = (beliefs + load_arrays(inputs["student"] / "pool.safetensors")["probabilities"]) / 2
    vectors, known = _space(split, inputs)
    doubt = doubts(beliefs, data.multi_label)
    done = np.array([subject_of([text]) in asked for text in split.pool_texts])
    known, doubt = np.concatenate([known, vectors[done]]), np.where(done, 0.0, doubt).astype(np.float32)
    for chosen in select(vectors, doubt, known, count, data.spec.seed):
        payload = {
            "text": split.pool_texts[chosen.row],
            "options": list(data.labels),
            "suggested": _likely(data, beliefs[chosen.row]),
        }
        reason = f"it stands for {chosen.stands_for} unlabelled texts, of which some {chosen.doubt:.0f} would be got wrong"
        yield _question(QuestionKind.LABEL, payload, reason, Origin.POOL)


def _space(split: Split, inputs: Mapping[str, Path]) -> tuple[Floats, Floats]:
    """Unit vectors of the pool and of what is labelled, under the tuned encoder or by n-grams."""
    path = inputs["teach"] / "vectors.safetensors"
    if path.exists():
        vectors = load_arrays(path)
        return vectors["pool"], vectors["train"]
    names = [label_text(name, said) for name, said in split.data.spec.labels.items()]
    found = latent_vectors(ngram_matrix([*split.pool_texts, *split.train_texts, *names]))
    return found[: len(split.pool)], found[len(split.pool) :]


def _subject(payload: Mapping[str, Any]) -> str:
    return subject_of([payload["text"]] if "text" in payload else payload["labels"])


def _likely(data: TaskData, beliefs: Floats) -> dict[str, float]:
    """The likeliest labels with their probabilities."""
    best = np.argsort(-beliefs, kind="stable")[:_EXAMPLES]
    return {data.labels[i]: round(float(beliefs[i]), 3) for i in best}


def _question(kind: QuestionKind, payload: Mapping[str, Any], reason: str, origin: Origin) -> Question:
    return {"kind": kind.value, "payload": dict(payload), "reason": reason, "origin": origin.value}
