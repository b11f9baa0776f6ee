"""The orders of the queue, alone and in a small simulation of a busy platform."""

from __future__ import annotations

import sys
from itertools import accumulate
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from queue_simulation import Scenario, SimulatedJob, compare, simulate, workload

from gts.orchestrator.policies import POLICIES, SHARE_S, SHIPPED, STRETCH, Waiting

SMALL = Scenario(span_s=300.0, jobs=200, nodes=10)


def stream(gap_s: float, length_s: float, jobs: int) -> list[SimulatedJob]:
    """A long job, and short ones that come faster than the one node does them."""
    long = SimulatedJob("0", "ann", 1.0, 600.0, 600.0, 600.0, 0.1)
    short = [
        SimulatedJob(f"{n:06d}", "bob", n * gap_s, length_s, length_s, length_s, 0.1)
        for n in range(1, jobs + 1)
    ]
    first = SimulatedJob("00", "bob", 0.0, length_s, length_s, length_s, 0.1)
    return [first, long, *short]


@pytest.mark.parametrize("policy", ["ageing", "weighed"])
def test_nobody_waits_for_ever_with_ageing(policy: str) -> None:
    jobs = stream(gap_s=19.0, length_s=20.0, jobs=400)

    waits = {name: simulate(jobs, POLICIES[name], nodes=1)["0"] for name in ("shortest", policy)}

    bound_s = STRETCH * 600.0 + SHARE_S
    assert waits[policy] < bound_s, "what comes later than this is never put before it"
    assert waits["shortest"] == max(simulate(jobs, POLICIES["shortest"], nodes=1).values())


def test_a_flood_holds_up_its_owner_and_not_the_others() -> None:
    found = compare(SMALL, POLICIES, range(3))

    first_come = found["first come"]["others_wait_s"]
    for policy in ("fair share", "fair share, ageing", "weighed"):
        assert found[policy]["others_wait_s"] < first_come / 3
        assert found[policy]["others_wait_s"] < found[policy]["flood_wait_s"]
    for policy in ("shortest", "ageing", "weighed", "gain per cost"):
        assert found[policy]["slowdown"] < found["first come"]["slowdown"] / 2
    assert min(found, key=lambda name: found[name]["mean_wait_s"]) in ("shortest", "ageing")


@pytest.mark.parametrize("policy", POLICIES)
def test_every_job_runs_once_and_equal_draws_give_equal_runs(policy: str) -> None:
    jobs = workload(SMALL, seed=1)
    starts = simulate(jobs, POLICIES[policy], SMALL.nodes)

    assert set(starts) == {job.id for job in jobs}
    assert all(starts[job.id] >= job.arrives_s for job in jobs)
    assert simulate(workload(SMALL, seed=1), POLICIES[policy], SMALL.nodes) == starts
    begins = [(starts[job.id], 1) for job in jobs]
    ends = [(starts[job.id] + job.takes_s, -1) for job in jobs]
    running = accumulate(change for _, change in sorted(begins + ends))
    assert max(running) == SMALL.nodes


@pytest.mark.parametrize("policy", POLICIES)
def test_within_an_owner_the_order_does_not_depend_on_what_owners_have_had(policy: str) -> None:
    jobs = [Waiting(str(n), "ann", n * 7.0 % 50, n * 31.0 % 100, n * 3.0 % 10) for n in range(40)]

    orders = {
        tuple(job.id for job in sorted(jobs, key=lambda job: POLICIES[policy](job, served)))
        for served in ({}, {"ann": 5.0}, {"ann": 5.0, "bob": 900.0})
    }

    assert len(orders) == 1


def test_the_shipped_policy_weighs_length_against_waiting_and_share() -> None:
    served = {"ann": 300.0, "bob": 100.0}
    ann, bob = (Waiting(owner, owner, 0.0, 100.0) for owner in ("ann", "bob"))

    assert SHIPPED(bob, served) < SHIPPED(ann, served)
    assert SHIPPED(ann, served)[0] == STRETCH * 100.0 + SHARE_S * 0.75
    assert SHIPPED(ann, {})[0] == STRETCH * 100.0, "nobody has had anything"
