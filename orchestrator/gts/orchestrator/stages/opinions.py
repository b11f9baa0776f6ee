"""What the teachers believe about texts that were just written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gts.orchestrator.stages.beliefs import LIKELIHOOD
from gts.orchestrator.stages.common import Floats, Split, read_json
from gts.orchestrator.stages.language_models import Asking, open_model
from gts.teacher.ensemble import Calibration, defer, sharpen
from gts.teacher.incontext import Known, ask_about
from gts.teacher.llm import tell
from gts.teacher.spreading import nearest


class Opinions:
    """The ensemble's beliefs about new texts; a text is asked about once.

    The teachers that cost nothing speak through the nearest known texts, which is the out-of-sample form of label spreading
    (Delalleau et al., Efficient Non-Parametric Function Induction in Semi-Supervised Learning, 2005). Language models of the
    ensemble are asked.

    Args:
        split: The fold.
        beliefs: Beliefs about the fold's labelled texts, then its pool [known, labels].
        texts: The known texts, then the new ones.
        vectors: Their unit vectors.
        inputs: ``audit``.
        params: ``tokens`` and ``money``: what language models may take, each an equal part of it.
        report: Told the fraction that is done of each row of calls.
    """

    def __init__(
        self,
        split: Split,
        beliefs: Floats,
        texts: Sequence[str],
        vectors: Floats,
        inputs: Mapping[str, Path],
        params: Mapping[str, Any],
        report: Callable[[float], None],
    ) -> None:
        self._split, self._beliefs, self._vectors = split, beliefs, vectors
        self._place = {text: row for row, text in enumerate(texts)}
        self._audit = read_json(inputs["audit"] / "audit.json")
        names = [
            name
            for name, model in self._audit["models"].items()
            if model["weight"] > 0 and not name.endswith(LIKELIHOOD)
        ]
        self._asking = {
            name: Asking(
                open_model(name),
                None if params["tokens"] is None else params["tokens"] // len(names),
                None if params["money"] is None else params["money"] / len(names),
                report,
            )
            for name in names
        }
        self._known: dict[str, Floats] = {}

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Beliefs about new texts [texts, labels], before they are sharpened."""
        if new := [text for text in dict.fromkeys(texts) if text not in self._known]:
            self._known |= zip(new, self._think(new), strict=True)
        return np.array([self._known[text] for text in texts]).reshape(len(texts), self._beliefs.shape[1])

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Unit vectors of known and new texts."""
        return np.asarray(self._vectors[[self._place[text] for text in texts]])

    def accounts(self) -> list[dict[str, Any]]:
        """What asking language models took."""
        return [asking.account() for asking in self._asking.values()]

    def _think(self, texts: Sequence[str]) -> Floats:
        data, known = self._split.data, self._vectors[: len(self._beliefs)]
        vectors = self.vectors(texts)
        near = _from_neighbours(vectors, known, self._beliefs)
        if not self._asking:
            return near
        multi, labels = data.multi_label, len(data.labels)
        near = sharpen(near, self._audit["others"]["exponent"], multi)
        beliefs = self._audit["others"]["weight"] * near
        learnt = len(self._split.train)
        targets = self._beliefs[:learnt]
        shown = Known(self._split.train_texts, known[:learnt], targets, known[:0], targets[:0])
        described = {name: data.spec.labels.get(name, "") for name in data.labels}
        questions = ask_about(texts, vectors, shown, described, multi)
        for name, model in self._audit["models"].items():
            own = near
            if name in self._asking:
                told = tell(questions, labels, multi, self._asking[name]).probabilities
                calibration = Calibration(tuple(model["bias"]), model["exponent"])
                own = defer(calibration.apply(told, multi), near)
            beliefs = beliefs + model["weight"] * own
        return np.asarray(beliefs, np.float32)


def _from_neighbours(queries: Floats, keys: Floats, beliefs: Floats, k: int = 10) -> Floats:
    rows, cosines = nearest(queries, keys, k)
    weights = np.maximum(cosines, 1e-6) ** 8
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.clip((beliefs[rows] * weights[..., None]).sum(axis=1), 0, 1), np.float32)
