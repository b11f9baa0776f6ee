"""Finding things with a published span student: ``load_span_student(folder).answer(rows)``.

Needs numpy, tokenizers and onnxruntime; never torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gts.core.errors import Damaged
from gts.student.facts import facts_of
from gts.student.layout import MANIFEST, TOKENIZER, StudentManifest, damaged, read_manifest, required_file
from gts.student.onnx_runtime import FILES, Variant
from gts.student.sessions import Session, open_session
from gts.student.shared import Memory
from gts.student.spans.answers import answer_of, rows_of
from gts.student.spans.decoding import Floats
from gts.student.spans.finding import find
from gts.student.spans.layout import LAYOUT_FILE, SpanLayout, read_layout
from gts.student.spans.tokens import Cutter, Ints
from gts.student.tokenizing import shared_tokenizer
from gts.tasks.items import Beliefs, Item, certain, decide
from gts.tasks.rows import MarkedRow
from gts.tasks.structures import Structure

LINKS_FILE = "onnx/links.onnx"

READ_INPUTS = ("input_ids", "attention_mask", "traits")
VECTORS, SPANS = "vectors", "spans"
LINK_INPUTS = (VECTORS, "places")
LINKS = "links"

TASK_TYPES = ("ner", "relation", "event")


class OnnxScorer:
    """A network in onnxruntime as :class:`gts.student.spans.finding.Scorer`; safe to call from several threads.

    Args:
        reading: Maps ids, mask and traits [windows, tokens] to vectors [windows, tokens, d] and, where there are span labels,
            logits of spans [windows, tokens, width, labels].
        linking: Maps vectors and places [windows, places, 2] to logits of links [windows, places, places, labels]; None where
            there are no link labels.
        finds_spans: Whether there are span labels.
    """

    def __init__(self, reading: Session, linking: Session | None, finds_spans: bool) -> None:
        self._reading = reading
        self._linking = linking
        self._spans = [SPANS] if finds_spans else []
        # Vectors that nobody looks at need not be copied out.
        self._vectors = [VECTORS] if linking is not None else []

    @property
    def memory(self) -> Memory:
        """What it takes."""
        linking = {} if self._linking is None else self._linking.memory
        return Memory(0, {**self._reading.memory, **linking})

    def read(self, ids: Ints, mask: Ints, traits: Ints) -> tuple[Floats | None, Floats | None]:
        """See :class:`gts.student.spans.finding.Scorer`."""
        wanted = [*self._vectors, *self._spans]
        inputs = dict(zip(READ_INPUTS, (ids, mask, traits), strict=True))
        made = dict(zip(wanted, self._reading.run(wanted, inputs), strict=True))
        return made.get(VECTORS), made.get(SPANS)

    def links(self, vectors: Any, places: Ints) -> Floats:
        """See :class:`gts.student.spans.finding.Scorer`."""
        if self._linking is None:
            raise ValueError("a student without link labels")
        inputs = dict(zip(LINK_INPUTS, (vectors, places), strict=True))
        return np.asarray(self._linking.run([LINKS], inputs)[0], np.float32)


class SpanStudent:
    """A loaded student of extraction; safe to call from several threads.

    Args:
        folder: The student folder.
        manifest: Its ``gts.json``.
        layout: Its ``spans.json``.
        scorer: What computes its scores.
        variant: Which of its ONNX files that reads texts with.
        threads: Cores it may use.

    Example:
        >>> student = load_span_student(Path("people"))  # doctest: +SKIP
        >>> student.answer([{"text": "Ada wrote"}])[0]["entities"]  # doctest: +SKIP
        [{'start': 0, 'end': 3, 'type': 'person', 'text': 'Ada', 'score': 0.98}]
    """

    def __init__(
        self,
        folder: Path,
        manifest: StudentManifest,
        layout: SpanLayout,
        scorer: OnnxScorer,
        variant: Variant,
        threads: int,
    ) -> None:
        self.manifest = manifest
        self._layout = layout
        self._scorer = scorer
        self._tokens = shared_tokenizer(folder)
        self._cutter = Cutter(self._tokens.tokenizer, layout.length, layout.overlap)
        self._facts = facts_of(
            folder,
            manifest,
            variant,
            threads,
            (FILES[variant], LINKS_FILE, TOKENIZER, LAYOUT_FILE),
            looks_for=manifest.looks_for.model_dump(mode="json"),
            entities_given=manifest.entities_given,
            decision=dict(manifest.decision),
        )

    @property
    def info(self) -> dict[str, Any]:
        """Facts about the student as JSON values; ``bytes`` counts the files that serving it reads."""
        return dict(self._facts)

    @property
    def memory(self) -> Memory:
        """What it takes."""
        return self._scorer.memory + Memory(0, self._tokens.memory)

    def find(self, rows: Sequence[MarkedRow]) -> list[dict[Item, float]]:
        """What is believed of each row; what was found in it before is not looked at.

        Args:
            rows: Texts of any length, with their entities where the student is given them.
        """
        return find(self._scorer, self._layout, self._cutter, rows)

    def decide(self, beliefs: Beliefs) -> Structure:
        """What of its beliefs about one text the student tells: those that reach the thresholds in ``gts.json``."""
        return decide(beliefs, self.manifest.decision)

    def answer(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """What is found in texts, all of it as JSON values; places are code points, ends exclusive.

        Args:
            rows: ``{"text"}``, with ``"entities": [{"start", "end", "type"?}]`` where the student is given those, at most
                :data:`gts.student.spans.answers.MOST_GIVEN` a row.

        Returns:
            For each row ``{"entities": [{"start", "end", "type", "text", "score"}]}`` (ner); these and
            ``"relations": [{"type", "score", "head", "tail"}]`` (relation), where heads and tails have no score and
            given entities score 1; or ``{"events": [{"type", "score", "trigger": {"start", "end", "text"},
            "arguments": [{"role", "start", "end", "text", "score"}]}]}`` (event). Entities without types have no ``type``.

        Raises:
            InvalidInput: A row is not of this form; the message names it.
        """
        asked = rows_of(rows, self.manifest.entities_given)
        return [self._answer(row, found) for row, found in zip(asked, self.find(asked), strict=True)]

    def _answer(self, row: MarkedRow, beliefs: Beliefs) -> dict[str, Any]:
        told = {**certain(Structure(row.given)), **beliefs}
        return answer_of(self.manifest.task.type, row.text, told, self.decide(told))


def load_span_student(
    folder: Path, *, threads: int = 1, variant: Literal["auto", "fp32", "int8"] = "auto"
) -> SpanStudent:
    """Load a student folder.

    Args:
        folder: A folder as :func:`gts.student.spans.export.export_span_student` writes it.
        threads: Cores that one call may use.
        variant: Which ONNX file reads the texts; ``auto`` takes the one that ``gts.json`` names.

    Raises:
        NotFound: The folder or one of its files is missing.
        InvalidInput: It was written in a newer format.
        StorageError: A file is damaged, or the files do not fit together.
    """
    manifest = read_manifest(folder)
    if manifest.task.type not in TASK_TYPES:
        raise Damaged(
            f"{folder / MANIFEST} is that of a {manifest.task.type} student, {', '.join(TASK_TYPES)} were expected",
            mend="load it with the runtime of its task type",
        )
    layout = read_layout(folder)
    spans, links = len(layout.labels.spans), len(layout.labels.links)
    if manifest.entities_given == bool(spans):
        raise damaged(folder / LAYOUT_FILE, f"{MANIFEST} says otherwise of whether entities are given")
    chosen: Variant = manifest.serving if variant == "auto" else variant
    logits = [(SPANS, spans)] if spans else []
    reading = _session(folder, FILES[chosen], READ_INPUTS, [(VECTORS, None), *logits], threads)
    linking = _session(folder, LINKS_FILE, LINK_INPUTS, [(LINKS, links)], threads) if links else None
    return SpanStudent(folder, manifest, layout, OnnxScorer(reading, linking, bool(spans)), chosen, threads)


def _session(
    folder: Path, name: str, inputs: Sequence[str], outputs: Sequence[tuple[str, int | None]], threads: int
) -> Session:
    """A session that has these inputs and outputs; a number is how long an output's last axis must be."""
    path = required_file(folder, name)
    session = open_session(path, threads)
    taken, made = set(session.inputs), {name: shape[-1] for name, shape in session.outputs.items()}
    wanted = [output for output, _ in outputs]
    if taken != set(inputs) or not made.keys() >= set(wanted):
        raise damaged(path, f"it maps {sorted(taken)} to {sorted(made)}, not {list(inputs)} to {wanted}")
    for output, length in outputs:
        if length is not None and made[output] not in (length, None) and not isinstance(made[output], str):
            raise damaged(path, f"it gives {made[output]} {output}, {length} were expected")
    return session
