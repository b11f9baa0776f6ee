"""Summarising with a published student: ``load_summary_student(folder).summarize(texts)``.

Needs numpy, tokenizers, safetensors and, for transformer students, onnxruntime; never torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from gts.student.asked import asked_string, strings
from gts.student.facts import facts_of
from gts.student.frames import frame
from gts.student.layout import HEAD, StudentManifest, damaged, read_manifest, required_file
from gts.student.onnx_runtime import FILES, Variant, padded
from gts.student.sessions import Session, open_session
from gts.student.shared import Memory
from gts.student.summaries.choosing import Choice, choose, summary
from gts.student.summaries.lexicon import StaticSummaryStudent
from gts.student.summaries.reading import means, read, token_ranges
from gts.student.summaries.tensors import SCORES, load_head
from gts.student.summaries.windows import windows
from gts.student.tokenizing import shared_tokenizer
from gts.tasks.pieces import Cut, cut
from gts.tasks.spec import SummaryLength

Floats = NDArray[np.float32]

_BATCH_TOKENS = 512


class Scorer(Protocol):
    """What scores the pieces of a text."""

    def scores(self, cut: Cut) -> list[float]:
        """How much each piece is worth to a summary."""
        ...


class OnnxScorer:
    """Scores of pieces from an ONNX session; safe to call from several threads.

    Args:
        lexicon: What scores by the tokens themselves and by the surface; its tokenizer neither cuts nor pads.
        session: Session with inputs ``input_ids`` and ``attention_mask`` and output ``scores`` [n, tokens].
        max_length: Longest window, in tokens, special ones included.
    """

    def __init__(self, lexicon: StaticSummaryStudent, session: Session, max_length: int) -> None:
        self._lexicon = lexicon
        self._session = session
        self._before, self._after = frame(lexicon.tokenizer)
        self._room = max_length - len(self._before) - len(self._after)

    def scores(self, cut: Cut) -> list[float]:
        """How much each piece is worth to a summary."""
        if not cut.places:
            return []
        ids, offsets = read(self._lexicon.tokenizer, cut.text)
        added = self._tokens(ids.tolist())
        found = means(added[:, None], token_ranges(offsets, cut.places))[:, 0]
        scores: list[float] = (found + self._lexicon.scores(cut)).tolist()
        return scores

    def _tokens(self, ids: list[int]) -> Floats:
        """What each token adds [tokens], as many windows at a time as make a batch."""
        framed = [[*self._before, *part, *self._after] for part in windows(ids, self._room)]
        size = max(1, _BATCH_TOKENS // max(map(len, framed)))
        first, beyond = len(self._before), len(self._after)
        found: list[Floats] = []
        for start in range(0, len(framed), size):
            batch = framed[start : start + size]
            inputs, mask = padded(batch)
            scores = self._session.run([SCORES], {"input_ids": inputs, "attention_mask": mask})[0]
            found += [scores[row, first : len(window) - beyond] for row, window in enumerate(batch)]
        return np.concatenate(found)


class SummaryStudent:
    """A loaded student that summarises; safe to call from several threads.

    Args:
        folder: The student folder.
        manifest: Its ``gts.json``.
        scorer: What scores the pieces of a text.
        memory: What the student takes.
        variant: Which of its files that reads.
        threads: Cores it may use.

    Example:
        >>> student = load_summary_student(Path("meeting-notes"))  # doctest: +SKIP
        >>> student.summarize(["We met. We will ship on Monday. Bye."])  # doctest: +SKIP
        [{'summary': 'We will ship on Monday.', 'sentences': [{'start': 8, 'end': 31, 'score': 0.41}]}]
    """

    def __init__(
        self,
        folder: Path,
        manifest: StudentManifest,
        scorer: Scorer,
        memory: Memory,
        variant: Variant,
        threads: int,
    ) -> None:
        self.manifest = manifest
        self.memory = memory
        self.choice = _choice(folder, manifest)
        self._scorer = scorer
        self._facts = facts_of(
            folder,
            manifest,
            variant,
            threads,
            length=manifest.length.model_dump(),
            unit=self.choice.unit,
        )

    @property
    def info(self) -> dict[str, Any]:
        """Facts about the student as JSON values; ``bytes`` counts the files that serving it reads."""
        return dict(self._facts)

    def scores(self, texts: Sequence[str]) -> list[list[float]]:
        """How much each piece of each text (see :func:`gts.tasks.pieces.cut`) is worth to a summary.

        Raises:
            InvalidInput: ``texts`` is one string, or holds something else than strings.
        """
        return [self._scorer.scores(cut(text)) for text in strings(texts)]

    def summarize(self, texts: Sequence[str], length: SummaryLength | None = None) -> list[dict[str, Any]]:
        """The extract of each text, and the pieces it is made of in the order of the text.

        Args:
            texts: The texts. One without any sentence has an empty summary.
            length: Most sentences and characters, where they are to be other than the student's own. Where
                not even the shortest piece of a text is short enough, that piece is the summary.

        Raises:
            InvalidInput: ``texts`` is one string, or holds something else than strings.
        """
        choice = self.choice.within(length) if length is not None else self.choice
        found = []
        for text in strings(texts):
            pieces = cut(text)
            scores = self._scorer.scores(pieces)
            chosen = choose(pieces, scores, choice)
            marked = [
                {
                    "start": pieces.places[i][0],
                    "end": pieces.places[i][1],
                    "score": round(min(1.0, max(0.0, scores[i])), 4),
                }
                for i in chosen
            ]
            found.append({"summary": summary(pieces, chosen), "sentences": marked})
        return found

    def answer(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The summary of each text, as JSON values.

        Args:
            rows: ``{"text"}``; other keys are passed over.

        Returns:
            For each row ``{"summary", "sentences": [{"start", "end", "score"}]}``; places are code points.

        Raises:
            InvalidInput: A row is not of this form; the message names it, the first being ``rows[0]``.
        """
        return self.summarize(
            [asked_string(number, row, "text", '{"text": "..."}') for number, row in enumerate(rows)]
        )


def load_summary_student(
    folder: Path, *, threads: int = 1, variant: Literal["auto", "fp32", "int8"] = "auto"
) -> SummaryStudent:
    """Load a student folder.

    Args:
        folder: A folder as :func:`gts.student.summaries.files.publish` writes it.
        threads: Cores that one call may use.
        variant: Which ONNX file to run; ``auto`` takes the one that ``gts.json`` names. A static student
            predicts from its table, whatever is said here.

    Raises:
        NotFound: The folder or one of its files is missing.
        InvalidInput: It was written in a newer format.
        StorageError: A file is damaged, or the files do not fit together.
    """
    manifest = read_manifest(folder)
    tokens, head = shared_tokenizer(folder), load_head(folder, manifest.tier)
    if len(head.table) != tokens.size:
        raise damaged(folder / HEAD, "its table does not fit the tokenizer")
    lexicon = StaticSummaryStudent(tokens.tokenizer, head)
    weights = sum(part.nbytes for part in (head.table, head.surface, head.direction) if part is not None)
    memory = Memory(weights, tokens.memory)
    if manifest.tier == "static":
        return SummaryStudent(folder, manifest, lexicon, memory, "fp32", threads)
    chosen: Variant = manifest.serving if variant == "auto" else variant
    path = required_file(folder, FILES[chosen])
    session = open_session(path, threads)
    if list(session.outputs) != [SCORES]:
        raise damaged(path, f"it gives {list(session.outputs)}, {SCORES} was expected")
    scorer = OnnxScorer(lexicon, session, manifest.max_length)
    return SummaryStudent(folder, manifest, scorer, memory + Memory(0, session.memory), chosen, threads)


def _choice(folder: Path, manifest: StudentManifest) -> Choice:
    if manifest.decision:
        try:
            return Choice.from_json(manifest.decision)
        except (KeyError, IndexError, ValueError) as error:
            raise damaged(folder / "gts.json", f"its decision is {manifest.decision}") from error
    return Choice().within(manifest.length)
