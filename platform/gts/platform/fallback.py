"""Language models that answer where a student is not sure: asked in context, with the examples the student learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.artifacts import ArtifactStore
from gts.core.errors import Forbidden, InvalidInput, NotFound
from gts.core.llm.backend import Backend, open_backend
from gts.core.llm.calls import CallStore, ask, price_of
from gts.core.llm.entries import find
from gts.core.llm.entry import ModelEntry
from gts.core.llm.values import Answer, Call, Usage
from gts.platform.cascade import Answers, Rows, Told
from gts.student.layout import StudentManifest
from gts.tasks.dataset import TaskData
from gts.tasks.saving import load_any_task
from gts.teacher.incontext import Known, ask_about
from gts.teacher.llm import tell

Floats = NDArray[np.float32]


def allowed(name: str, serving_models: Sequence[str]) -> ModelEntry:
    """The language model of that name, if it may answer for students.

    Raises:
        Forbidden: The setting does not name it: it would cost whoever runs the server.
        InvalidInput: It would have to be loaded into the server.
        NotFound: There is no such model.
    """
    if name not in serving_models:
        raise Forbidden(
            f"the language model {name[:100]!r} may not answer for students here",
            mend="whoever runs the server can allow it by the setting `serving_models`",
        )
    entry = find(name)
    if entry.kind == "transformers":
        raise InvalidInput(
            f"{name!r} is a model of kind 'transformers', which the server does not load",
            mend="run it behind a server of OpenAI's protocol, such as vLLM, and name it as kind 'openai'",
        )
    return entry


def gold_of(store: ArtifactStore, task_artifact: str) -> TaskData | None:
    """The labelled texts of a job of classification; ``None`` where they are not kept here."""
    try:
        return _gold(store.path(task_artifact))
    except NotFound:
        return None


@lru_cache(maxsize=16)
def _gold(task: Path) -> TaskData | None:
    data = load_any_task(task, with_pool=False)
    return data if isinstance(data, TaskData) else None


class Teacher:
    """One language model, for one student.

    Args:
        entry: The model.
        manifest: What the student is.
        gold: What it learnt from, if that is known here.
        gold_answers: What it says of those texts; those on which it believes alike are shown as examples.
        calls: Folder of answers that have been paid for.
    """

    def __init__(
        self,
        entry: ModelEntry,
        manifest: StudentManifest,
        gold: TaskData | None,
        gold_answers: Answers,
        calls: Path,
    ) -> None:
        self._entry = entry
        self._manifest = manifest
        self._gold = gold
        self._gold_answers = gold_answers
        self._store = CallStore(calls)

    def __call__(self, rows: Rows, answers: Answers) -> Told:
        """Ask about rows ``{"text"}``, of which the student has said what it believes.

        Raises:
            Unavailable: The model cannot be reached.
        """
        labels, multi_label = self._manifest.labels, self._manifest.multi_label
        names = {label: self._gold.spec.labels.get(label, "") if self._gold else "" for label in labels}
        usage, money = Usage(), 0.0

        def asking(calls: Sequence[Call]) -> Sequence[Answer]:
            nonlocal usage, money
            found = ask(self._entry, _opened(self._entry.model_dump_json()), calls, self._store)
            usage += found.paid
            money += price_of(self._entry, found.paid)
            return found.answers

        texts = [str(row["text"]) for row in rows]
        questions = ask_about(texts, _space(answers, labels), self._known(), names, multi_label)
        beliefs = tell(questions, len(labels), multi_label, asking).probabilities
        return Told([self._answer(row) for row in beliefs], usage.tokens, money)

    def _known(self) -> Known:
        labels = self._manifest.labels
        names = np.eye(len(labels), dtype=np.float32)
        gold = self._gold.gold if self._gold else ()
        targets = np.zeros((len(gold), len(labels)), np.float32)
        for number, example in enumerate(gold):
            targets[number, [labels.index(label) for label in example.labels]] = 1.0
        vectors = _space(self._gold_answers, labels)
        return Known([example.text for example in gold], vectors, targets, names, names)

    def _answer(self, beliefs: Floats) -> dict[str, Any] | None:
        if np.isnan(beliefs).any():
            return None
        order = np.argsort(-beliefs, kind="stable")
        labels = self._manifest.labels
        multi_label = self._manifest.multi_label
        chosen = [labels[i] for i in np.flatnonzero(beliefs > 0.5)] if multi_label else [labels[order[0]]]
        return {
            "labels": chosen,
            "scores": [{"label": labels[i], "score": float(beliefs[i])} for i in order],
        }


def _space(answers: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Floats:
    """What a student believes of texts, as unit vectors [texts, labels]: those it takes for alike lie near each other."""
    beliefs = np.zeros((len(answers), len(labels)), np.float32)
    for number, answer in enumerate(answers):
        for score in answer["scores"]:
            beliefs[number, labels.index(score["label"])] = score["score"]
    return np.asarray(beliefs / np.maximum(np.linalg.norm(beliefs, axis=1, keepdims=True), 1e-9), np.float32)


@lru_cache(maxsize=4)
def _opened(entry_json: str) -> Backend:
    return open_backend(ModelEntry.model_validate_json(entry_json))
