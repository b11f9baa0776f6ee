"""Stage ``distil``: train one student, of one tier, on one fold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gts.core import catalogue
from gts.core.balancing import balanced
from gts.core.encoder import Encoder
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import (
    MOST_TOKENS,
    Floats,
    Split,
    load_arrays,
    load_split,
    part,
    save_arrays,
)
from gts.orchestrator.stages.lessons import LESSONS, Curriculum, gold_only, taught, write_lessons
from gts.student import static
from gts.student.mini import MiniConfig, fit_head, mini_logits, new_classifier, set_head, train_mini
from gts.student.runtime import sigmoid, softmax
from gts.student.static_runtime import unknown_id
from gts.student.vocabulary import cooccurrence_table, train_tokenizer
from gts.tasks.dataset import TaskData

TABLE_WIDTH = 256


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Train a student.

    Args:
        inputs: ``task``; ``teach`` and ``audit`` (not for seed-only static); ``embed`` with an encoder;
            ``consult NAME``, ``assistant``, ``labelled`` and ``generate NAME`` where there are any.
        params: ``fold``, ``folds``, ``pool`` (see :func:`load_split`), ``tier``, ``seed_only``, ``encoder``, and
            for mini ``steps`` and ``max_length``.
        out: Gets ``heldout.safetensors`` (``logits`` [held-out, labels]) and ``pool.safetensors`` (``probabilities`` [pool,
            labels]); for the fit on all gold also the weights and ``lessons.jsonl``, what was taught beside gold.
        progress: Progress.
    """
    split = load_split(inputs, params)
    lesson = gold_only(split) if params["seed_only"] else taught(split, inputs)
    train = _train_static if params["tier"] == "static" else _train_mini
    train(lesson, split, inputs, params, out, progress)
    if params["fold"] is None:
        write_lessons(lesson, split.data.labels, out / LESSONS)
    progress(1.0, "trained")
    return {"texts": len(lesson.texts), "gold": lesson.n_gold}


def _train_static(
    lesson: Curriculum,
    split: Split,
    inputs: Mapping[str, Path],
    params: Mapping[str, Any],
    out: Path,
    progress: Progress,
) -> None:
    from tokenizers import Tokenizer

    data, full = split.data, params["fold"] is None
    own_text = [*(example.text for example in data.gold), *split.pool_texts]
    if params["encoder"] is None:
        tokenizer = train_tokenizer(own_text)
    else:
        tokenizer = Tokenizer.from_file(str(catalogue.locate(params["encoder"]) / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
    unknown = unknown_id(tokenizer)
    bags = static.tokenize(tokenizer, lesson.texts, MOST_TOKENS, unknown)
    progress(0.1, "drawing the token table")
    if params["encoder"] is None:
        own_bags = static.tokenize(tokenizer, own_text, MOST_TOKENS, unknown)
        vectors = cooccurrence_table(own_bags, tokenizer.get_vocab_size(), seed=data.spec.seed)
    else:
        vectors = load_arrays(inputs["embed"] / "vectors.safetensors")["tokens"].astype(np.float32)
    table = static.initial_table(vectors, bags, min(TABLE_WIDTH, vectors.shape[1]))
    steps_an_epoch = -(-len(bags) // static.StaticConfig.batch_size)
    epochs = max(15 if len(bags) > 3000 else 20, min(200, 400 // max(1, steps_an_epoch)))
    config = static.StaticConfig(epochs=epochs, seed=data.spec.seed)
    weights = np.ones(len(bags), np.float32) if data.multi_label else balanced(lesson.targets)
    report = part(progress, 0.3, 0.95, "training table and head")
    student = static.train_static(table, bags, lesson.targets, weights, data.multi_label, config, report)

    def logits(texts: list[str]) -> Floats:
        return (
            student.logits(static.tokenize(tokenizer, texts, MOST_TOKENS, unknown)) if texts else _none(data)
        )

    save_arrays(out / "heldout.safetensors", {"logits": logits(split.heldout_texts)})
    _save_beliefs(logits(split.pool_texts), data, out)
    if full:
        arrays: dict[str, Any] = {
            "table": student.table.astype(np.float16),
            "weight": student.weight,
            "bias": student.bias,
        }
        save_arrays(out / "student.safetensors", arrays)
        tokenizer.save(str(out / "tokenizer.json"))


def _train_mini(
    lesson: Curriculum,
    split: Split,
    inputs: Mapping[str, Path],
    params: Mapping[str, Any],
    out: Path,
    progress: Progress,
) -> None:
    data, full, trunk = split.data, params["fold"] is None, inputs["teach"] / "trunk"
    known = load_arrays(inputs["teach"] / "vectors.safetensors")
    confidence = (
        np.abs(2 * lesson.targets - 1).mean(axis=1) if data.multi_label else lesson.targets.max(axis=1)
    )
    weights = confidence**2 if data.multi_label else balanced(lesson.targets, confidence**2)
    head = fit_head(_vectors(lesson, known, trunk), lesson.targets, weights, data.multi_label)
    heldout, pool = head.logits(known["heldout"]), head.logits(known["pool"])
    if full or params["steps"]:
        model, tokenizer = new_classifier(trunk, len(data.labels))
        set_head(model, head)
    if params["steps"]:
        train_mini(
            model,
            tokenizer,
            lesson.texts,
            lesson.targets,
            weights,
            lesson.n_gold,
            data.multi_label,
            MiniConfig(steps=params["steps"], max_length=params["max_length"], seed=data.spec.seed),
            part(progress, 0.05, 0.8, "training the transformer"),
        )
        heldout = mini_logits(model, tokenizer, split.heldout_texts, MOST_TOKENS)
        report = part(progress, 0.8, 0.95, "labelling the pool for the smaller tier")
        pool = mini_logits(model, tokenizer, split.pool_texts, MOST_TOKENS, report)
    save_arrays(out / "heldout.safetensors", {"logits": heldout})
    _save_beliefs(pool, data, out)
    if full:
        model.save_pretrained(out / "model")
        tokenizer.save_pretrained(out / "model")


def _save_beliefs(logits: Floats, data: TaskData, out: Path) -> None:
    """What the student believes of the pool: a larger one teaches a smaller with it, and the folds' tell how far they agree."""
    beliefs = sigmoid(logits) if data.multi_label else softmax(logits)
    save_arrays(out / "pool.safetensors", {"probabilities": beliefs})


def _vectors(lesson: Curriculum, known: Mapping[str, Floats], trunk: Path) -> Floats:
    """Vectors of a lesson's texts under the tuned encoder; those the teacher encoded are not made again."""
    vectors = np.concatenate([known["train"], known["pool"]])[: len(lesson.texts)]
    new = lesson.texts[len(vectors) :]
    return np.concatenate([vectors, Encoder(trunk, MOST_TOKENS).embed(new)]) if new else vectors


def _none(data: TaskData) -> Floats:
    return np.zeros((0, len(data.labels)), np.float32)
