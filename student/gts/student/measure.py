"""Speed and size of a student, measured as it is served."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from gts.core.errors import InvalidInput
from gts.student.layout import read_manifest, write_manifest
from gts.student.runtime import Student, load_student

_BATCH = 256
_FIRST_BATCH = 16  # a slow student is judged by small batches, before the time is up
_SINGLE_TEXTS = 200
_BUDGET_S = 0.5


def measure(student: Student, texts: Sequence[str]) -> dict[str, Any]:
    """Time a student on real texts for about a second.

    Every second text warms it up; the others, which it has not seen, are timed. Load the student with
    ``threads=1`` to measure one core.

    Args:
        student: The student.
        texts: Texts of its task; some hundreds give a steady number.

    Returns:
        ``texts_per_second`` in large batches, from string to label; ``latency_ms``, the median for one text at a time;
        ``parameters``; ``bytes`` of the files that serving reads.

    Raises:
        InvalidInput: There are no texts.
    """
    if not texts:
        raise InvalidInput("speed cannot be measured without texts", mend="give some texts of the task")
    warm, timed = (list(texts[::2]), list(texts[1::2])) if len(texts) > 1 else (list(texts), list(texts))
    _throughput(student, warm, once=True)
    facts = student.info
    return {
        "texts_per_second": round(_throughput(student, timed, once=False), 1),
        "latency_ms": round(_latency_ms(student, timed), 4),
        "parameters": facts["parameters"],
        "bytes": facts["bytes"],
    }


def _throughput(student: Student, texts: list[str], *, once: bool) -> float:
    """Texts a second; ``once`` stops after one round, else few texts are repeated until a clock can tell."""
    done, at, size = 0, 0, _FIRST_BATCH
    started = perf_counter()
    while True:
        batch = texts[at : at + size]
        student.decide(student.predict(batch))
        done, at, size = done + len(batch), at + size, min(2 * size, _BATCH)
        elapsed = perf_counter() - started
        if elapsed > _BUDGET_S or (at >= len(texts) and (once or elapsed > _BUDGET_S / 10)):
            return done / elapsed
        if at >= len(texts):
            at = 0


def _latency_ms(student: Student, texts: list[str]) -> float:
    times = []
    stop = perf_counter() + _BUDGET_S
    for text in texts[:_SINGLE_TEXTS]:
        started = perf_counter()
        student.decide(student.predict([text]))
        times.append(perf_counter() - started)
        if started > stop:
            break
    return statistics.median(times) * 1000


@dataclass(frozen=True)
class Rounding:
    """What a student's int8 file does to its answers.

    Attributes:
        alike: Share of texts that are decided as by the fp32 file.
        loss: Share of right answers it gives up by what the fp32 file believes: a text near a tie is decided otherwise for next
            to nothing, one that fp32 is sure of costs as much as it is sure.
    """

    alike: float
    loss: float


MOST_LOSS = 0.005
"""Share of right answers that int8 may cost; it is 1.3 to 1.9 times as fast (benchmarks/library_speed.py)."""


def rounding(folder: Path, texts: Sequence[str], *, threads: int = 1) -> Rounding:
    """Hold a transformer student's int8 file against its fp32 file.

    Args:
        folder: The student's folder.
        texts: Texts of its task.
        threads: Cores to use.

    Raises:
        InvalidInput: There are no texts.
        NotFound: A file is missing.
    """
    if not texts:
        raise InvalidInput(
            "two variants cannot be compared without texts", mend="give some texts of the task"
        )
    exact, small = (load_student(folder, threads=threads, variant=variant) for variant in ("fp32", "int8"))
    believed, found = exact.predict(texts), small.predict(texts)
    alike = [one == other for one, other in zip(exact.decide(believed), small.decide(found), strict=True)]
    if exact.manifest.multi_label:
        bounds = exact.thresholds
        flipped = (believed >= bounds) != (found >= bounds)
        lost = (2 * np.abs(believed - bounds) * flipped).max(axis=1)
    else:
        rows = np.arange(len(texts))
        lost = believed.max(axis=1) - believed[rows, found.argmax(axis=1)]
    return Rounding(sum(alike) / len(texts), float(lost.mean()))


def choose_serving(
    folder: Path, texts: Sequence[str], *, most_loss: float = MOST_LOSS, threads: int = 1
) -> Rounding:
    """Let a transformer student be served in int8 if that costs hardly any right answer; written to its ``gts.json``.

    Args:
        folder: A transformer student's folder.
        texts: Texts of its task.
        most_loss: Share of right answers that it may cost.
        threads: Cores to use.

    Returns:
        What int8 does to its answers.
    """
    found = rounding(folder, texts, threads=threads)
    manifest = read_manifest(folder)
    serving = "int8" if found.loss <= most_loss else "fp32"
    write_manifest(folder, manifest.model_copy(update={"serving": serving}))
    return found
