"""The queue against a model of it: random submits, claims, beats, expiries, ends, waits, continuations, cancels, restarts."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.orm import Session

from gts.core.database import Database
from gts.core.errors import Conflict, LeaseLost, NotFound
from gts.orchestrator import events, jobs, queue, steering
from gts.orchestrator.policies import STRETCH
from gts.orchestrator.records import ModelReference

LEASE_S, MAX_ATTEMPTS, BUDGET_S = 30.0, 3, 200.0
START = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = ModelReference("ann", "tickets", "a" * 40)


@dataclass
class Model:
    state: str = "queued"
    cancel: bool = False
    fence: int = 0
    attempts: int = 0
    lease: float = 0.0
    claimed: float = 0.0
    queued: float = 0.0
    served: float = 0.0
    forecast: float = BUDGET_S

    def holds(self, fence: int) -> bool:
        return self.state == "running" and self.fence == fence

    def leave(self, state: str, seconds: float) -> None:
        self.state, self.served = state, self.served + seconds - self.claimed

    def expire(self, seconds: float) -> None:
        tired = self.attempts >= MAX_ATTEMPTS
        self.leave("cancelled" if self.cancel else "failed" if tired else "queued", seconds)


class QueueMachine(RuleBasedStateMachine):
    template: Path
    folder: Path
    claims = Bundle("claims")
    known = Bundle("known")

    @initialize()
    def start(self) -> None:
        self.path = self.folder / "machine.db"
        for leftover in self.folder.glob("machine.db*"):
            leftover.unlink()
        shutil.copy(self.template, self.path)
        self.database = Database(f"sqlite:///{self.path}")
        self.seconds = 0.0
        self.model: dict[str, Model] = {}
        self.keys: dict[str, str] = {}

    def clock(self, session: Session) -> datetime:
        return START + timedelta(seconds=self.seconds)

    @rule(target=known, key=st.sampled_from([None, "a", "b"]), changed=st.booleans())
    def submit(self, key: str | None, changed: bool) -> str:
        request: dict[str, Any] = {"owner": "ann", "namespace": "ann", "name": "t", "task_artifact": "a" * 64}
        spec = {"budget": {"seconds": BUDGET_S}}
        with self.database.writing() as session:
            if key in self.keys and changed:
                with pytest.raises(Conflict):
                    jobs.submit(session, spec={}, idempotency_key=key, **request, clock=self.clock)
                return self.keys[key]
            job = jobs.submit(session, spec=spec, idempotency_key=key, **request, clock=self.clock)
        if key in self.keys:
            assert job.id == self.keys[key]
        else:
            self.model[job.id] = Model(queued=self.seconds)
            if key is not None:
                self.keys[key] = job.id
        return job.id

    @rule(target=claims)
    def claim(self) -> tuple[str, int]:
        with self.database.writing() as session:
            job = queue.claim(session, "w", lease_s=LEASE_S, clock=self.clock)
        waiting = [
            (model.queued + STRETCH * model.forecast, model.queued, job_id)
            for job_id, model in self.model.items()
            if model.state == "queued"
        ]
        if not waiting:
            assert job is None
            return ("none", 0)
        assert job is not None
        assert job.id == min(waiting)[-1]
        model = self.model[job.id]
        model.claimed = self.seconds
        model.state, model.fence = "running", model.fence + 1
        model.attempts, model.lease = model.attempts + 1, self.seconds + LEASE_S
        return (job.id, model.fence)

    @rule(claim=claims)
    def beat(self, claim: tuple[str, int]) -> None:
        model = self.model.get(claim[0], Model())
        with self.database.writing() as session:
            if not model.holds(claim[1]):
                with pytest.raises(LeaseLost):
                    queue.heartbeat(session, *claim, lease_s=LEASE_S, clock=self.clock)
                return
            assert queue.heartbeat(session, *claim, lease_s=LEASE_S, clock=self.clock) == model.cancel
        model.lease = self.seconds + LEASE_S

    @rule(claim=claims, how=st.sampled_from(["succeeded", "failed", "cancelled", "queued", "waiting"]))
    def end(self, claim: tuple[str, int], how: str) -> None:
        model = self.model.get(claim[0], Model())
        try:
            with self.database.writing() as session:
                if how == "succeeded":
                    queue.finish(session, *claim, {}, MODEL, clock=self.clock)
                elif how == "failed":
                    queue.fail(session, *claim, NotFound("x"), clock=self.clock)
                elif how == "waiting":
                    queue.wait(session, *claim, {}, MODEL, clock=self.clock)
                elif how == "cancelled":
                    queue.cancelled(session, *claim, clock=self.clock)
                else:
                    queue.give_back(session, *claim, clock=self.clock)
        except LeaseLost:
            assert not model.holds(claim[1])
            return
        assert model.holds(claim[1])
        model.attempts -= how == "queued"
        stays = how in ("queued", "waiting")
        model.leave("cancelled" if stays and model.cancel else how, self.seconds)

    @rule(seconds=st.sampled_from([1.0, 20.0, 40.0]))
    def reconcile(self, seconds: float) -> None:
        self.seconds += seconds
        expired = sorted(
            job_id
            for job_id, model in self.model.items()
            if model.state == "running" and model.lease < self.seconds
        )
        with self.database.writing() as session:
            assert queue.release_expired(session, max_attempts=MAX_ATTEMPTS, clock=self.clock) == expired
        for job_id in expired:
            self.model[job_id].expire(self.seconds)

    @rule(job_id=known)
    def cancel(self, job_id: str) -> None:
        model = self.model[job_id]
        with self.database.writing() as session:
            if model.state in ("succeeded", "failed"):
                with pytest.raises(Conflict):
                    steering.cancel(session, job_id, clock=self.clock)
                return
            steering.cancel(session, job_id, clock=self.clock)
        if model.state != "cancelled":
            model.cancel = True
            model.state = "running" if model.state == "running" else "cancelled"

    @rule(job_id=known)
    def go_on(self, job_id: str) -> None:
        model = self.model[job_id]
        with self.database.writing() as session:
            if model.state in ("queued", "running"):
                with pytest.raises(Conflict):
                    steering.continue_(session, job_id, by="ann", clock=self.clock)
                return
            steering.continue_(session, job_id, by="ann", clock=self.clock)
        model.state, model.cancel, model.attempts, model.queued = "queued", False, 0, self.seconds
        model.forecast = max(0.0, BUDGET_S - model.served)

    @rule(job_id=known)
    def enough(self, job_id: str) -> None:
        model = self.model[job_id]
        with self.database.writing() as session:
            if model.state not in ("waiting", "succeeded"):
                with pytest.raises(Conflict):
                    steering.finish(session, job_id, by="ann", clock=self.clock)
                return
            steering.finish(session, job_id, by="ann", clock=self.clock)
        model.state = "succeeded"

    @rule()
    def restart(self) -> None:
        self.database.close()
        self.database = Database(f"sqlite:///{self.path}")

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "model"):
            return
        with self.database.reading() as session:
            for job_id, model in self.model.items():
                job = jobs.get(session, job_id)
                assert (job.state, job.fence, job.attempts) == (model.state, model.fence, model.attempts)
                assert (job.served_seconds, job.queued_at.timestamp()) == (
                    model.served,
                    START.timestamp() + model.queued,
                )
                assert (job.worker is None) == (model.state != "running")
                assert (job.finished_at is not None) == job.state.has_ended
                seen = events.after(session, job_id)
                assert [event.seq for event in seen] == list(range(1, job.last_seq + 1))

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()


def test_the_queue_agrees_with_its_model(sqlite_template: Path, tmp_path: Path) -> None:
    QueueMachine.template, QueueMachine.folder = sqlite_template, tmp_path
    run_state_machine_as_test(
        QueueMachine, settings=settings(max_examples=25, stateful_step_count=30, deadline=None, database=None)
    )
