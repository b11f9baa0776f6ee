"""Stage ``consult``: ask a language model about texts of one fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gts.core.llm.backend import Scorer
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.beliefs import LIKELIHOOD, ensemble_beliefs
from gts.orchestrator.stages.common import Floats, Ints, Split, load_arrays, load_split, part, save_arrays
from gts.orchestrator.stages.language_models import Asking, open_model
from gts.teacher.incontext import Known, ask_about
from gts.teacher.lexical import latent_vectors, ngram_matrix
from gts.teacher.llm import tell
from gts.teacher.perplexity import verbal_beliefs
from gts.teacher.portfolio import with_label_texts


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Ask one model, with the fold's labelled texts as examples.

    Args:
        inputs: ``task``, ``teach`` of the same fold; ``audit`` where the pool is asked about.
        params: ``fold``, ``folds``, ``pool`` (see :func:`load_split`), ``encoder``; ``model`` (its name), ``identity``, ``chat`` and
            ``prompts`` (see :func:`gts.orchestrator.site_models.asked_with`), ``ways`` (names under which it is asked: its own, and with ``(likelihood)``), ``about``
            (``heldout``, or how many pool texts: those the other teachers are least sure of), ``tokens`` and
            ``money`` (what may be spent, or None).
        out: Gets ``heldout.safetensors`` or ``pool.safetensors``: name to raw beliefs [texts, labels], NaN where there are none.
        progress: Progress.

    Returns:
        ``texts`` asked about, ``abstained``, ``method``, and ``asked``: what the calls took (see :meth:`Asking.account`).

    Raises:
        Unavailable: The model cannot be reached.
        MissingDependency: Its package, key or weights are not at hand.
    """
    split = load_split(inputs, params)
    spec, labels = split.data.spec, len(split.data.labels)
    described = {name: spec.labels.get(name, "") for name in split.data.labels}
    model = open_model(params["model"])
    asking = Asking(model, params["tokens"], params["money"], part(progress, 0.05, 0.95, "asking"))
    if params["about"] == "heldout":
        texts, rows, name = split.heldout_texts, np.arange(len(split.heldout)), "heldout"
    else:
        rows = _least_sure(ensemble_beliefs(inputs, split.data.multi_label), params["about"])
        texts, name = [split.pool_texts[row] for row in rows], "pool"
    total = len(split.heldout) if name == "heldout" else len(split.pool)
    answers, method = {}, ""
    for way in params["ways"]:
        if way.endswith(LIKELIHOOD):
            beliefs = _likelihood(model.backend, texts, described, part(progress, 0.05, 0.95, "reading"))
        else:
            known, vectors = _space(split, inputs, params, name, rows)
            questions = ask_about(texts, vectors, known, described, split.data.multi_label)
            told = tell(questions, labels, split.data.multi_label, asking)
            beliefs, method = told.probabilities, told.method
        answers[way] = np.full((total, labels), np.nan, np.float32)
        answers[way][rows] = beliefs
    save_arrays(out / f"{name}.safetensors", answers)
    progress(1.0, "asked")
    silent = {way: int(np.isnan(answers[way][rows]).any(axis=1).sum()) for way in answers}
    return {"texts": len(texts), "abstained": silent, "method": method, "asked": [asking.account()]}


def _least_sure(beliefs: Floats, count: int) -> Ints:
    """Rows about which the beliefs [n, labels] leave the most open, in order of their place."""
    ordered = np.sort(beliefs, axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    return np.sort(np.argsort(margin, kind="stable")[:count])


def _likelihood(
    backend: object, texts: Sequence[str], labels: Mapping[str, str], report: Callable[[float], None]
) -> Floats:
    if not isinstance(backend, Scorer):
        raise TypeError("a model behind a server does not say how likely a text is")
    return verbal_beliefs(backend, texts, labels, report)


def _space(
    split: Split, inputs: Mapping[str, Path], params: Mapping[str, Any], name: str, rows: Ints
) -> tuple[Known, Floats]:
    """The fold's labelled texts, and the vectors of those asked about, in the teachers' space."""
    names, targets = with_label_texts(split.train_texts, split.train_targets, split.data.spec.labels)
    learnt = len(split.train_texts)
    if params["encoder"] is None:
        everything = latent_vectors(ngram_matrix([*names, *split.heldout_texts, *split.pool_texts]))
        train, rest = everything[: len(names)], everything[len(names) :]
        asked = rest[: len(split.heldout)] if name == "heldout" else rest[len(split.heldout) :]
    else:
        vectors = load_arrays(inputs["teach"] / "vectors.safetensors")
        train, asked = vectors["train"], vectors[name]
    known = Known(split.train_texts, train[:learnt], targets[:learnt], train[learnt:], targets[learnt:])
    return known, asked[rows]
