"""Predicting with a published student: ``load_student(folder).classify(texts)``.

Needs numpy, tokenizers, safetensors and, for transformer students, onnxruntime; never torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from gts.student.asked import asked_string, strings
from gts.student.facts import facts_of
from gts.student.layout import StudentManifest, read_manifest
from gts.student.onnx_runtime import load_onnx
from gts.student.shared import Memory
from gts.student.static_runtime import Floats, load_static


class Backend(Protocol):
    """What turns texts into logits."""

    variant: Any

    @property
    def memory(self) -> Memory:
        """What it takes."""
        ...

    def logits(self, texts: Sequence[str]) -> Floats:
        """Logits [n, labels]."""
        ...


class Student:
    """A loaded student; safe to call from several threads.

    Args:
        folder: The student folder.
        manifest: Its ``gts.json``.
        backend: What computes its logits.
        threads: Cores the backend may use.

    Example:
        >>> student = load_student(Path("support-tickets"))  # doctest: +SKIP
        >>> student.classify(["Where is my parcel?"])[0][0]  # doctest: +SKIP
        {'label': 'delivery', 'score': 0.97}
    """

    def __init__(self, folder: Path, manifest: StudentManifest, backend: Backend, threads: int) -> None:
        self.manifest = manifest
        self._backend = backend
        self._facts = facts_of(
            folder,
            manifest,
            backend.variant,
            threads,
            multi_label=manifest.multi_label,
            labels=list(manifest.labels),
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names; position is the column of :meth:`predict`."""
        return self.manifest.labels

    @property
    def thresholds(self) -> Floats:
        """Multi-label: probabilities from which the labels are given [labels]."""
        return np.asarray(self.manifest.thresholds or [0.5] * len(self.labels), np.float32)

    @property
    def info(self) -> dict[str, Any]:
        """Facts about the student as JSON values; ``bytes`` counts the files that serving it reads."""
        return dict(self._facts)

    @property
    def memory(self) -> Memory:
        """What it takes; that of a static student grows with the words it has met."""
        return self._backend.memory

    def logits(self, texts: Sequence[str]) -> Floats:
        """Logits [n, labels].

        Raises:
            InvalidInput: ``texts`` is one string, or holds something else than strings.
        """
        return self._backend.logits(strings(texts))

    def predict(self, texts: Sequence[str]) -> Floats:
        """Probabilities [n, labels], float32; rows sum to 1 unless the student is multi-label.

        Raises:
            InvalidInput: ``texts`` is one string, or holds something else than strings.
        """
        logits = self.logits(texts)
        return sigmoid(logits) if self.manifest.multi_label else softmax(logits)

    def classify(self, texts: Sequence[str], *, top: int | None = None) -> list[list[dict[str, Any]]]:
        """For each text the labels with their scores, best first.

        Args:
            texts: The texts.
            top: Keep the best so many; None: all.

        Raises:
            InvalidInput: ``texts`` is one string, or holds something else than strings.
        """
        probabilities = self.predict(texts)
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
        scores = np.take_along_axis(probabilities, order, axis=1)
        labels = self.labels
        return [
            [{"label": labels[i], "score": score} for i, score in zip(row, values, strict=True)]
            for row, values in zip(order.tolist(), scores.tolist(), strict=True)
        ]

    def answer(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """For each row its labels and the scores of all labels, as JSON values.

        Args:
            rows: ``{"text"}``.

        Returns:
            ``{"labels": [...], "scores": [{"label", "score"}]}``, the scores best first.

        Raises:
            InvalidInput: A row has no text; the message names it, the first being ``rows[0]``.
        """
        if not rows:
            return []
        texts = [asked_string(number, row, "text", '{"text": "..."}') for number, row in enumerate(rows)]
        probabilities = self.predict(texts)
        return [
            {
                "labels": list(given),
                "scores": [
                    {"label": label, "score": score}
                    for label, score in sorted(
                        zip(self.labels, scores, strict=True), key=lambda pair: -pair[1]
                    )
                ],
            }
            for given, scores in zip(self.decide(probabilities), probabilities.tolist(), strict=True)
        ]

    def decide(self, probabilities: Floats) -> list[tuple[str, ...]]:
        """The labels each text gets: the likeliest one, or (multi-label) all that reach their threshold.

        Args:
            probabilities: What :meth:`predict` gave, [n, labels].
        """
        if not self.manifest.multi_label:
            return [(self.labels[i],) for i in probabilities.argmax(axis=1)]
        return [
            tuple(self.labels[i] for i in np.flatnonzero(row)) for row in probabilities >= self.thresholds
        ]


def load_student(
    folder: Path, *, threads: int = 1, variant: Literal["auto", "fp32", "int8"] = "auto"
) -> Student:
    """Load a student folder.

    Args:
        folder: A folder as ``gts produce`` writes it.
        threads: Cores that one call may use.
        variant: Which ONNX file to run; ``auto`` takes the one the producer found good (``serving`` in ``gts.json``).
            A static student predicts from its table, whatever is said here.

    Raises:
        NotFound: The folder or one of its files is missing.
        InvalidInput: It was written in a newer format.
        StorageError: A file is damaged, or the files do not fit together.
    """
    manifest = read_manifest(folder)
    backend: Backend
    if manifest.tier == "static":
        backend = load_static(folder, manifest)
    else:
        backend = load_onnx(folder, manifest, manifest.serving if variant == "auto" else variant, threads)
    return Student(folder, manifest, backend, threads)


def softmax(logits: Floats) -> Floats:
    """Probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def sigmoid(logits: Floats) -> Floats:
    """Probability of each logit by itself."""
    # exp of a negative number only: no overflow at either end.
    powers = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + powers), powers / (1 + powers)).astype(np.float32, copy=False)
