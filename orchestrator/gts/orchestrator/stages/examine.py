"""Stage ``examine``: see what a language model can do, and what it costs to ask it about a text of this task."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gts.core.llm.backend import Scorer
from gts.core.llm.entry import ModelEntry
from gts.core.llm.probe import probe
from gts.generator.tuning import tokens_read
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import indicators
from gts.orchestrator.stages.language_models import Asking, open_model
from gts.orchestrator.stages.writers import search_config, tune_options
from gts.tasks.dataset import load_task
from gts.teacher.incontext import Known, ask_about
from gts.teacher.lexical import latent_vectors, ngram_matrix
from gts.teacher.llm import tell

_MOST_TEXTS = 16


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Ask a model a few questions, some of them about texts of the task.

    Args:
        inputs: ``task``.
        params: ``model`` (its name), and what tells one answer from another: ``identity``, ``chat``, ``prompts`` (see
            :func:`gts.orchestrator.site_models.asked_with`), ``machine``, ``concurrency``, ``price``, ``search``, ``tune``.
        out: Nothing is written.
        progress: Progress.

    Returns:
        ``logprobs``, ``schema``, ``scores`` (whether it says how likely a text is), ``tokens_per_second``, ``text_seconds``
        (one text of the task, in a row of them), ``text_tokens``, ``tuning_tokens`` (that tuning it reads), and ``asked``: what the calls took.

    Raises:
        Unavailable: The model cannot be reached.
        MissingDependency: Its package, key or weights are not at hand.
    """
    data = load_task(inputs["task"])
    model = open_model(params["model"])
    progress(0.1, "asking a few questions")
    abilities = probe(model.backend)
    texts = [example.text for example in data.gold]
    vectors = latent_vectors(ngram_matrix(texts))
    targets = indicators(data)
    known = Known(texts, vectors, targets, vectors[:0], targets[:0])
    described = {name: data.spec.labels.get(name, "") for name in data.labels}
    asked = min(len(texts), _MOST_TEXTS, 2 * model.entry.concurrency)
    questions = ask_about(texts[:asked], vectors[:asked], known, described, data.multi_label)
    asking = Asking(model, None, None, lambda fraction: None)
    started = time.perf_counter()
    tell(questions, len(data.labels), data.multi_label, asking)
    seconds, account = time.perf_counter() - started, asking.account()
    progress(1.0, "examined")
    return {
        "logprobs": abilities.logprobs,
        "schema": abilities.schema,
        "scores": isinstance(model.backend, Scorer),
        "tokens_per_second": round(abilities.tokens_per_second, 2),
        "at_once": model.entry.concurrency,
        "tries": _tries(model.entry),
        "tuning_tokens": _tuning_tokens(model.entry, float(np.median([len(text) for text in texts]))),
        # Answers from the store tell what they once took, not how fast the store is.
        "text_seconds": (account["seconds"] or seconds) / asked,
        "text_tokens": account["tokens"] / asked,
        "text_money": account["money"] / asked,
        "asked": [account],
    }


def _tries(entry: ModelEntry) -> float:
    """Texts it writes for each one that it gives."""
    if entry.search is None:
        return 1.0
    config = search_config(entry.search)
    return max(1.0, config.simulations / config.per_seed)


def _tuning_tokens(entry: ModelEntry, chars: float) -> int:
    """Tokens it reads while it is tuned on texts of so many characters, before each row of texts it writes."""
    return 0 if entry.tune is None else tokens_read(tune_options(entry.tune), chars)
