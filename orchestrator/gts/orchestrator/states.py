"""The states of a job and the only ways from one to another."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing leads out of it."""
        return not TRANSITIONS[self]


TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED}),
    # Back to queued: the lease ran out or the worker shut down.
    JobState.RUNNING: frozenset({JobState.QUEUED, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}


def sources(target: JobState) -> list[JobState]:
    """The states that lead to ``target``; every UPDATE of a state is bound to them.

    Example:
        >>> [state.value for state in sources(JobState.SUCCEEDED)]
        ['running']
    """
    return [state for state, targets in TRANSITIONS.items() if target in targets]
