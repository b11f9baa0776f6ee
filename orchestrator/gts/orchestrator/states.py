"""The states of a job and the only ways from one to another."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands.

    ``waiting`` is between running and ended: a student is published, no worker holds the job, and it goes on when a
    person has answered its questions, or ends when somebody says that it is good enough.
    """

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_active(self) -> bool:
        """Whether it moves by itself: a worker holds the job, or the next free one takes it."""
        return self in (JobState.QUEUED, JobState.RUNNING)

    @property
    def has_ended(self) -> bool:
        """Whether the job is over; only a person who continues it leads out."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED}),
    # Back to queued: the lease ran out or the worker shut down.
    JobState.RUNNING: frozenset(
        {JobState.QUEUED, JobState.WAITING, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.WAITING: frozenset({JobState.QUEUED, JobState.SUCCEEDED, JobState.CANCELLED}),
    # A person continues it, with more budget or another target.
    JobState.SUCCEEDED: frozenset({JobState.QUEUED}),
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
}


def sources(target: JobState) -> list[JobState]:
    """The states that lead to ``target``; every UPDATE of a state is bound to them.

    Example:
        >>> [state.value for state in sources(JobState.SUCCEEDED)]
        ['running', 'waiting']
    """
    return [state for state, targets in TRANSITIONS.items() if target in targets]
