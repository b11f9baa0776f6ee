"""Thread budgets: how many cores a process may use, set before torch or onnxruntime is imported."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Cores this process may run on (its affinity mask, not the machine's total)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def thread_environment(threads: int) -> dict[str, str]:
    """Environment variables that hold numeric libraries to ``threads`` threads.

    ``GOMP_SPINCOUNT`` bounds how long an OpenMP thread spins at a barrier. Without it, a neighbour
    that keeps one core busy was measured to make a forward pass about 80 times slower.
    """
    count = str(max(1, threads))
    return {
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "GOMP_SPINCOUNT": "10000",
        "TOKENIZERS_PARALLELISM": "false" if threads == 1 else "true",
    }


def limit_threads(threads: int | None = None) -> int:
    """Apply :func:`thread_environment` to this process and return the budget.

    Call it first thing in every process that will import torch; values the user set are kept.
    """
    budget = threads or available_cores()
    for key, value in thread_environment(budget).items():
        os.environ.setdefault(key, value)
    return budget
