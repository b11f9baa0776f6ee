"""Which of the waiting jobs a free worker takes: small pure orders, the same in the queue and in its simulation.

A policy gives each waiting job a key, and the least goes first. What each is good for was simulated
(benchmarks/queue_simulation.py, docs/scheduling.md); the queue takes :data:`SHIPPED`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

STRETCH = 4.0
"""How many times its forecast a job is placed later than it came: so long shorter ones overtake it."""
SHARE_S = 3600.0
"""How much later the jobs of an owner count who has had all the compute, in seconds."""


@dataclass(frozen=True)
class Waiting:
    """A job in the queue.

    Attributes:
        id: Its id; ids sort by time of submission.
        owner: Who wants it.
        queued_at: When it came into the queue, in seconds since any fixed moment.
        forecast_s: What it is expected to take, in seconds.
        gain: What it is expected to add to the measure.
    """

    id: str
    owner: str
    queued_at: float
    forecast_s: float
    gain: float = 0.0


Key = tuple[float, float, str]
Policy = Callable[[Waiting, Mapping[str, float]], Key]
"""A job and what each owner has had of late (seconds of compute, running jobs by their forecast) to a key."""


def first_come(job: Waiting, served: Mapping[str, float]) -> Key:
    """First come, first served."""
    return job.queued_at, 0.0, job.id


def shortest(job: Waiting, served: Mapping[str, float]) -> Key:
    """The shortest forecast first; long jobs may wait for ever."""
    return job.forecast_s, job.queued_at, job.id


def weighing(stretch: float, share_s: float) -> Policy:
    """The shortest first, but every job counts the time it has waited, and its owner's share of the compute.

    A job is placed as though it had come later by ``stretch`` times its forecast, and by ``share_s`` times the share of the
    compute that its owner has had. Both are bounded, so that nobody waits for ever while others come.

    Example:
        >>> policy = weighing(stretch=1.0, share_s=0.0)
        >>> long = Waiting("a", "ann", queued_at=0.0, forecast_s=4000.0)
        >>> soon, late = (Waiting("b", "bob", queued_at=at, forecast_s=40.0) for at in (3900.0, 4100.0))
        >>> [job.queued_at for job in sorted((long, soon, late), key=lambda job: policy(job, {}))]
        [3900.0, 0.0, 4100.0]
    """

    def policy(job: Waiting, served: Mapping[str, float]) -> Key:
        total = sum(served.values())
        share = served.get(job.owner, 0.0) / total if total > 0 else 0.0
        return job.queued_at + stretch * job.forecast_s + share * share_s, job.queued_at, job.id

    return policy


def fair_share(job: Waiting, served: Mapping[str, float]) -> Key:
    """The owner who has had least compute first; within an owner, first come, first served."""
    return served.get(job.owner, 0.0), job.queued_at, job.id


def gain_per_cost(job: Waiting, served: Mapping[str, float]) -> Key:
    """The most quality for a second first."""
    return -job.gain / max(job.forecast_s, 1.0), job.queued_at, job.id


def fair_ageing(job: Waiting, served: Mapping[str, float]) -> Key:
    """The owner who has had least compute first; within an owner, the shortest first, with ageing."""
    return served.get(job.owner, 0.0), job.queued_at + STRETCH * job.forecast_s, job.id


SHIPPED = weighing(STRETCH, SHARE_S)

POLICIES: Mapping[str, Policy] = {
    "first come": first_come,
    "shortest": shortest,
    "ageing": weighing(STRETCH, 0.0),
    "fair share": fair_share,
    "gain per cost": gain_per_cost,
    "fair share, ageing": fair_ageing,
    "weighed": SHIPPED,
}
"""All that were compared, by name."""
