"""This machine: its name, and how many cores a process may use, set before torch or onnxruntime is imported."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from gts.core.fingerprint import fingerprint


def available_cores() -> int:
    """Cores this process may run on (its affinity mask, not the machine's total)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def machine_name() -> str:
    """A fingerprint of what decides this machine's speed: processor, cores in use, GPUs.

    What was timed on one machine says nothing about another.
    """
    facts = [platform.machine(), _processor(), os.cpu_count(), available_cores()]
    gpus = Path("/proc/driver/nvidia/gpus")
    facts += sorted(gpu.name for gpu in gpus.iterdir()) if gpus.is_dir() else []
    return fingerprint(facts)[:16]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


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
