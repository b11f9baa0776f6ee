"""Speed and size of a student of pairs, measured as it is served."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from gts.core.errors import InvalidInput
from gts.student.layout import read_manifest, write_manifest
from gts.student.pairs.lessons import Pair
from gts.student.pairs.runtime import PairStudent, load_pair_student

_BATCH = 32
_SINGLE_PAIRS = 100
_BUDGET_S = 0.5


def measure_pairs(student: PairStudent, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Time a student on real pairs for about a second.

    The first pair warms it up. No text is to come twice among the pairs if new texts are to be measured: a student that
    remembers vectors answers known ones faster.

    Args:
        student: A student that has just been loaded, with ``threads=1`` to measure one core.
        pairs: Pairs of its task.

    Returns:
        ``pairs_per_second`` in batches of 32; ``latency_ms``, the median for one pair at a time; ``parameters``; ``bytes`` of
        the files that serving reads.

    Raises:
        InvalidInput: There are fewer than three pairs.
    """
    if len(pairs) < 3:
        raise InvalidInput(
            f"speed cannot be measured with {len(pairs)} pairs", mend="give some dozens of pairs of the task"
        )
    student.similarity(pairs[:1])
    half = min(_SINGLE_PAIRS, len(pairs) // 2)
    times = _times(student, [[pair] for pair in pairs[1 : 1 + half]])
    rest = pairs[1 + half :]
    batches = [rest[start : start + _BATCH] for start in range(0, len(rest), _BATCH)]
    spent = _times(student, batches)
    answered = sum(len(batch) for batch in batches[: len(spent)])
    return {
        "pairs_per_second": round(answered / sum(spent), 1),
        "latency_ms": round(statistics.median(times) * 1000, 4),
        "parameters": student.info["parameters"],
        "bytes": student.info["bytes"],
    }


def _times(student: PairStudent, batches: Sequence[Sequence[Pair]]) -> list[float]:
    """Seconds of each batch, until the time is up."""
    times: list[float] = []
    for batch in batches:
        started = perf_counter()
        student.similarity(batch)
        times.append(perf_counter() - started)
        if sum(times) > _BUDGET_S:
            break
    return times


def choose_serving(folder: Path, pairs: Sequence[Pair], *, least: float = 0.99) -> float:
    """Let a transformer student be served in int8 if that changes hardly any answer; written to its ``gts.json``.

    Args:
        folder: A student folder.
        pairs: Pairs of its task.
        least: Share of like answers from which int8 is taken. Of a student that grades, answers are alike where they
            differ by a twentieth of the scale at most.

    Returns:
        The share of like answers; 1 for a static student, which has no ONNX file.

    Raises:
        InvalidInput: There are no pairs.
        NotFound: A file is missing.
    """
    if not pairs:
        raise InvalidInput(
            "two variants cannot be compared without pairs", mend="give some pairs of the task"
        )
    manifest = read_manifest(folder)
    if manifest.tier == "static":
        return 1.0
    exact, small = (load_pair_student(folder, variant=variant) for variant in ("fp32", "int8"))
    said = exact.similarity(pairs), small.similarity(pairs)
    if manifest.scale is None:
        alike = np.array(exact.decide(said[0])) == np.array(small.decide(said[1]))
    else:
        low, high = manifest.scale
        alike = np.abs(said[0] - said[1]) <= (high - low) / 20
    share = float(alike.mean())
    write_manifest(folder, manifest.model_copy(update={"serving": "int8" if share >= least else "fp32"}))
    return share
