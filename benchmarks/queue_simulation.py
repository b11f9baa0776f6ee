"""Which waiting job should a free node take? A discrete-event simulation of a busy platform.

    python benchmarks/queue_simulation.py            # writes benchmarks/results/queue_simulation.json in a minute on one core

1,000 jobs of several owners come in bursts to 100 nodes; nothing is interrupted once it has begun. How long a job takes is
heavy-tailed (Pareto, 20 s to 2 h); three in ten meet their target early. The policies see a forecast that is wrong by a log-normal
factor. A job's gain in quality is a concave function of the compute it has had. In most scenarios one owner sends six jobs of ten
within minutes. The policies are those of gts.orchestrator.policies, of which the queue takes one.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from statistics import mean

from gts.orchestrator.policies import POLICIES, Policy, Waiting, weighing

FLOOD = "flood"
SHORTEST_S, LONGEST_S, TAIL = 20.0, 7200.0, 0.6
BURSTS, BURST_S = 12, 60.0
TARGETS = 0.3
STEEPNESS = 3.0
"""A job that gets all its seconds has 95% of what it could gain at all; the first third of them brings 63%."""


@dataclass(frozen=True)
class Scenario:
    """A busy hour.

    Attributes:
        span_s: Within how many seconds the jobs come; the hour's end for what is counted at its end.
        flood: Share of the jobs that one owner sends within a tenth of the span.
        error: Standard deviation of the forecasts' logarithm.
        owners: Owners beside the one who floods.
        alike: Whether all jobs are about as long.
        jobs: Jobs.
        nodes: Jobs that can run at a time.
    """

    span_s: float = 1500.0
    flood: float = 0.6
    error: float = 0.5
    owners: int = 7
    alike: bool = False
    jobs: int = 1000
    nodes: int = 100


SCENARIOS: Mapping[str, Scenario] = {
    "busy": Scenario(span_s=3600.0),
    "overloaded": Scenario(),
    "exact forecasts": Scenario(error=0.0),
    "poor forecasts": Scenario(error=1.0),
    "worthless forecasts": Scenario(error=2.0),
    "nobody floods": Scenario(flood=0.0),
    "many owners": Scenario(flood=0.0, owners=300),
    "jobs alike": Scenario(alike=True),
    "hours of overload": Scenario(span_s=20_000.0, flood=0.2, nodes=10),
}
SEEDS, TUNING_SEEDS = range(10, 15), range(5)
"""The policies are compared on other draws than the constants were chosen on."""


@dataclass(frozen=True)
class SimulatedJob:
    """A job as it will turn out.

    Attributes:
        id: Ids sort by time of arrival.
        owner: Who sends it.
        arrives_s: When.
        size_s: What it takes without a target.
        takes_s: What it takes.
        forecast_s: What it is expected to take.
        gain: What it can add to the measure at all.
    """

    id: str
    owner: str
    arrives_s: float
    size_s: float
    takes_s: float
    forecast_s: float
    gain: float

    def quality(self, seconds: float) -> float:
        """What so much compute adds to the measure."""
        return self.gain * (1.0 - math.exp(-STEEPNESS * seconds / self.size_s))


def workload(scenario: Scenario, seed: int) -> list[SimulatedJob]:
    """The jobs of a scenario, in order of arrival."""
    rng = random.Random(seed)
    bursts = [rng.uniform(0.0, scenario.span_s) for _ in range(BURSTS)]
    drawn = []
    for _ in range(scenario.jobs):
        if rng.random() < scenario.flood:
            owner, arrives = FLOOD, rng.uniform(0.1, 0.2) * scenario.span_s
        else:
            owner = f"owner {rng.randrange(scenario.owners)}"
            in_burst = rng.random() < 0.7
            arrives = rng.choice(bursts) + rng.expovariate(1.0 / BURST_S)
            arrives = arrives if in_burst else rng.uniform(0.0, scenario.span_s)
        size = rng.uniform(200.0, 400.0) if scenario.alike else _pareto(rng.random())
        takes = size * rng.uniform(0.2, 0.9) if rng.random() < TARGETS else size
        forecast = size * math.exp(scenario.error * rng.gauss(0.0, 1.0))
        drawn.append((arrives, owner, size, takes, forecast, rng.uniform(0.02, 0.3)))
    return [
        SimulatedJob(f"{number:06d}", owner, arrives, size, takes, forecast, gain)
        for number, (arrives, owner, size, takes, forecast, gain) in enumerate(sorted(drawn))
    ]


def _pareto(u: float) -> float:
    low, high = SHORTEST_S**-TAIL, LONGEST_S**-TAIL
    return float((low - u * (low - high)) ** (-1.0 / TAIL))


def simulate(jobs: Sequence[SimulatedJob], policy: Policy, nodes: int) -> dict[str, float]:
    """When each job begins, by id.

    An owner is charged the forecast when a job begins, and what it took when it ends. Within an owner the order of jobs does not
    depend on what owners have had, so each has a heap of its own, and only their heads are compared.
    """
    by_id = {job.id: job for job in jobs}
    queues: defaultdict[str, list[tuple[object, Waiting]]] = defaultdict(list)
    served: defaultdict[str, float] = defaultdict(float)
    running: list[tuple[float, str]] = []
    starts: dict[str, float] = {}
    coming = list(reversed(jobs))
    while coming or running:
        if coming and (not running or coming[-1].arrives_s <= running[0][0]):
            job = coming.pop()
            now = job.arrives_s
            seen = Waiting(job.id, job.owner, job.arrives_s, job.forecast_s, job.gain)
            heapq.heappush(queues[job.owner], (policy(seen, {}), seen))
        else:
            now, ended = heapq.heappop(running)
            served[by_id[ended].owner] += by_id[ended].takes_s - by_id[ended].forecast_s
        while len(running) < nodes and queues:
            owner = min(queues, key=lambda owner: policy(queues[owner][0][1], served))
            chosen = by_id[heapq.heappop(queues[owner])[1].id]
            if not queues[owner]:
                del queues[owner]
            starts[chosen.id] = now
            served[owner] += chosen.forecast_s
            heapq.heappush(running, (now + chosen.takes_s, chosen.id))
    return starts


def measure(jobs: Sequence[SimulatedJob], starts: Mapping[str, float], until_s: float) -> dict[str, float]:
    """What came of a policy.

    ``slowdown`` is the time from arrival to end over the time of running; ``owner_slowdown`` its mean over owners, each of which
    counts once; ``quality`` what was gained by ``until_s``, altogether and for an hour of a node.
    """
    waits = {job.id: starts[job.id] - job.arrives_s for job in jobs}
    slowdowns = {job.id: 1.0 + waits[job.id] / job.takes_s for job in jobs}
    of_owner: defaultdict[str, list[float]] = defaultdict(list)
    for job in jobs:
        of_owner[job.owner].append(slowdowns[job.id])
    had = {job.id: min(max(0.0, until_s - starts[job.id]), job.takes_s) for job in jobs}
    quality = sum(job.quality(had[job.id]) for job in jobs)
    return {
        "mean_wait_s": mean(waits.values()),
        "p95_wait_s": sorted(waits.values())[int(0.95 * len(waits))],
        "max_wait_s": max(waits.values()),
        "slowdown": mean(slowdowns.values()),
        "owner_slowdown": mean(map(mean, of_owner.values())),
        "flood_wait_s": _mean(waits[job.id] for job in jobs if job.owner == FLOOD),
        "others_wait_s": _mean(waits[job.id] for job in jobs if job.owner != FLOOD),
        "quality": quality,
        "quality_per_node_hour": quality / sum(had.values()) * 3600.0,
    }


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return mean(found) if found else 0.0


def compare(
    scenario: Scenario, policies: Mapping[str, Policy], seeds: Iterable[int]
) -> dict[str, dict[str, float]]:
    """The measures of each policy, the mean over the seeds."""
    drawn = [workload(scenario, seed) for seed in seeds]
    found = {}
    for name, policy in policies.items():
        runs = [measure(jobs, simulate(jobs, policy, scenario.nodes), scenario.span_s) for jobs in drawn]
        found[name] = {key: round(mean(run[key] for run in runs), 4) for key in runs[0]}
    return found


def main() -> None:
    """Simulate everything, print tables, write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/queue_simulation.json"))
    given = parser.parse_args()
    began = time.monotonic()
    found = {name: compare(scenario, POLICIES, SEEDS) for name, scenario in SCENARIOS.items()}
    for name, rows in found.items():
        print(f"\n{name}")
        _print(rows)
    variants = {
        f"stretch {stretch:g}, share {share_s:g} s": weighing(stretch, share_s)
        for stretch in (0.25, 1.0, 2.0, 4.0, 10.0)
        for share_s in (0.0, 900.0, 3600.0, 10_000.0)
    }
    swept = {name: compare(scenario, variants, TUNING_SEEDS) for name, scenario in SCENARIOS.items()}
    slowdowns = {
        variant: {name: swept[name][variant]["owner_slowdown"] for name in SCENARIOS} for variant in variants
    }
    print("\nthe mean slowdown of owners, by the two constants")
    _print(slowdowns)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    results = {
        "date": date.today().isoformat(),
        "commit": commit,
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "seconds": round(time.monotonic() - began, 1),
        "seeds": list(SEEDS),
        "tuning_seeds": list(TUNING_SEEDS),
        "scenarios": {name: asdict(scenario) for name, scenario in SCENARIOS.items()},
        "runs": found,
        "constants": slowdowns,
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def _print(rows: Mapping[str, Mapping[str, float]]) -> None:
    columns = list(next(iter(rows.values())))
    print(f"{'':24}", *(f"{column.removesuffix('_s'):>22}" for column in columns))
    for name, row in rows.items():
        print(f"{name:24}", *(f"{row[column]:22.4g}" for column in columns))


if __name__ == "__main__":
    main()
