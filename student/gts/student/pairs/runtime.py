"""Comparing texts with a published student: ``load_pair_student(folder).similarity(pairs)``.

Needs numpy, tokenizers, safetensors and, for transformer students, onnxruntime; never torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.student.asked import asked_string, strings
from gts.student.facts import facts_of
from gts.student.layout import StudentManifest, damaged, read_manifest, required_file
from gts.student.onnx_runtime import FILES, Variant
from gts.student.pairs.backends import CrossBackend, PairBackend, bi_backend, static_backend
from gts.student.pairs.lessons import Pair, grades
from gts.student.pairs.manifest import Form, decision_of
from gts.student.pairs.tensors import EMBEDDING
from gts.student.runtime import sigmoid
from gts.student.sessions import open_session
from gts.student.shared import Memory
from gts.student.surrogates import joined
from gts.student.tokenizing import shared_tokenizer
from gts.tasks.wording import quote

Floats = NDArray[np.float32]


class PairStudent:
    """A loaded student of text pairs; safe to call from several threads.

    Args:
        folder: The student folder.
        manifest: Its ``gts.json``.
        backend: What computes its logits.
        form: How it reads a pair.
        variant: Which of its files that reads.
        threads: Cores the backend may use.

    Example:
        >>> student = load_pair_student(Path("twin-questions"))  # doctest: +SKIP
        >>> student.similarity([("where is my parcel?", "my parcel has not come")])  # doctest: +SKIP
        array([0.93], dtype=float32)
    """

    def __init__(
        self,
        folder: Path,
        manifest: StudentManifest,
        backend: PairBackend,
        form: Form,
        variant: Variant,
        threads: int,
    ) -> None:
        self.manifest = manifest
        self.decision = decision_of(manifest)
        self._backend = backend
        self._facts = facts_of(
            folder,
            manifest,
            variant,
            threads,
            form=form,
            threshold=self.decision.threshold,
            scale=manifest.scale,
        )

    @property
    def info(self) -> dict[str, Any]:
        """Facts about the student as JSON values; ``bytes`` counts the files that serving it reads."""
        return dict(self._facts)

    @property
    def memory(self) -> Memory:
        """What it takes; grows with the texts it has met."""
        return self._backend.memory

    def similarity(self, pairs: Sequence[Pair]) -> Floats:
        """How alike the texts of each pair are [n]: a probability, or a grade on the task's scale.

        The same for both orders of a pair.

        Raises:
            InvalidInput: Something is not a pair of strings.
        """
        checked = [_checked(pair) for pair in pairs]
        if not checked:
            return np.zeros(0, np.float32)
        line = self.decision.calibration
        logits = self._backend.logits(checked)
        return grades(sigmoid(line.slope * logits + line.intercept), self.manifest.scale)

    def decide(self, scores: Floats) -> list[bool]:
        """Which pairs count as alike.

        Args:
            scores: What :meth:`similarity` gave, [n].

        Raises:
            InvalidInput: The student grades pairs and does not decide.
        """
        if self.manifest.scale is not None:
            raise InvalidInput("this student grades pairs and does not decide", mend="use its scores")
        decided: list[bool] = (scores.astype(np.float64) >= self.decision.threshold).tolist()
        return decided

    def answer(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """How alike the texts of each row are, as JSON values.

        Args:
            rows: ``{"text_a", "text_b"}``; other keys are passed over.

        Returns:
            For each row ``{"score", "alike"}``, or ``{"score"}`` where the student grades.

        Raises:
            InvalidInput: A row is not of this form; the message names it, the first being ``rows[0]``.
        """
        scores = self.similarity([_pair_of(number, row) for number, row in enumerate(rows)])
        if self.manifest.scale is not None:
            return [{"score": score} for score in scores.tolist()]
        decided = zip(scores.tolist(), self.decide(scores), strict=True)
        return [{"score": score, "alike": alike} for score, alike in decided]

    def embed(self, texts: Sequence[str]) -> Floats:
        """Unit vectors of single texts [n, d].

        Raises:
            InvalidInput: The student reads both texts of a pair at once, or something is not a string.
        """
        vectors = self._backend.embed([joined(text) for text in strings(texts)])
        if vectors is None:
            raise InvalidInput(
                "a cross-encoder has no vectors of single texts", mend="take a student of form bi or static"
            )
        return vectors


def load_pair_student(
    folder: Path, *, threads: int = 1, variant: Literal["auto", "fp32", "int8"] = "auto"
) -> PairStudent:
    """Load a student folder.

    Args:
        folder: A folder as :func:`gts.student.pairs.files.publish` writes it.
        threads: Cores that one call may use.
        variant: Which ONNX file to run; ``auto`` takes the one that ``gts.json`` names. A static student predicts from
            its table, whatever is said here.

    Raises:
        NotFound: The folder or one of its files is missing.
        InvalidInput: It was written in a newer format.
        StorageError: A file is damaged, or the files do not fit together.
    """
    manifest = read_manifest(folder)
    if manifest.tier == "static":
        static = static_backend(folder, manifest.max_length)
        return PairStudent(folder, manifest, static, "static", "fp32", threads)
    chosen: Variant = manifest.serving if variant == "auto" else variant
    path = required_file(folder, FILES[chosen])
    session = open_session(path, threads)
    outputs, tokens = list(session.outputs), shared_tokenizer(folder, manifest.max_length)
    if outputs == ["logits"]:
        cross = CrossBackend(tokens, session)
        return PairStudent(folder, manifest, cross, "cross", chosen, threads)
    if outputs != [EMBEDDING]:
        raise damaged(path, f"it gives {outputs}, logits or {EMBEDDING} was expected")
    bi = bi_backend(folder, tokens, session)
    return PairStudent(folder, manifest, bi, "bi", chosen, threads)


def _pair_of(number: int, row: object) -> Pair:
    form = '{"text_a": "...", "text_b": "..."}'
    return asked_string(number, row, "text_a", form), asked_string(number, row, "text_b", form)


def _checked(pair: object) -> Pair:
    if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
        raise InvalidInput(f"{quote(pair)} is no pair of texts", mend="give pairs such as (text_a, text_b)")
    one, other = strings(pair)
    return joined(one), joined(other)
