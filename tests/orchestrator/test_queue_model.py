"""The queue against a model of it: random submits, claims, beats, expiries, ends, cancels and restarts."""

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
from gts.orchestrator import events, jobs, queue
from gts.orchestrator.records import ModelReference

LEASE_S, MAX_ATTEMPTS = 30.0, 3
MODEL = ModelReference("ann", "tickets", "a" * 40)


@dataclass
class Model:
    state: str = "queued"
    cancel: bool = False
    fence: int = 0
    attempts: int = 0
    lease: float = 0.0

    def holds(self, fence: int) -> bool:
        return self.state == "running" and self.fence == fence

    def expire(self) -> None:
        if self.cancel:
            self.state = "cancelled"
        else:
            self.state = "failed" if self.attempts >= MAX_ATTEMPTS else "queued"


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
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    @rule(target=known, key=st.sampled_from([None, "a", "b"]), changed=st.booleans())
    def submit(self, key: str | None, changed: bool) -> str:
        request: dict[str, Any] = {"owner": "ann", "namespace": "ann", "name": "t", "task_artifact": "a" * 64}
        with self.database.writing() as session:
            if key in self.keys and changed:
                with pytest.raises(Conflict):
                    jobs.submit(session, spec={"x": 2}, idempotency_key=key, **request, clock=self.clock)
                return self.keys[key]
            job = jobs.submit(session, spec={"x": 1}, idempotency_key=key, **request, clock=self.clock)
        if key in self.keys:
            assert job.id == self.keys[key]
        else:
            self.model[job.id] = Model()
            if key is not None:
                self.keys[key] = job.id
        return job.id

    @rule(target=claims)
    def claim(self) -> tuple[str, int]:
        with self.database.writing() as session:
            job = queue.claim(session, "w", lease_s=LEASE_S, clock=self.clock)
        waiting = sorted(job_id for job_id, model in self.model.items() if model.state == "queued")
        if not waiting:
            assert job is None
            return ("none", 0)
        assert job is not None
        assert job.id == waiting[0]
        model = self.model[job.id]
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

    @rule(claim=claims, how=st.sampled_from(["succeeded", "failed", "cancelled", "queued"]))
    def end(self, claim: tuple[str, int], how: str) -> None:
        model = self.model.get(claim[0], Model())
        try:
            with self.database.writing() as session:
                if how == "succeeded":
                    queue.finish(session, *claim, {}, MODEL, clock=self.clock)
                elif how == "failed":
                    queue.fail(session, *claim, NotFound("x"), clock=self.clock)
                elif how == "cancelled":
                    queue.cancelled(session, *claim, clock=self.clock)
                else:
                    queue.give_back(session, *claim, clock=self.clock)
        except LeaseLost:
            assert not model.holds(claim[1])
            return
        assert model.holds(claim[1])
        model.state = how
        if how == "queued":
            model.attempts -= 1
            if model.cancel:
                model.state = "cancelled"

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
            self.model[job_id].expire()

    @rule(job_id=known)
    def cancel(self, job_id: str) -> None:
        model = self.model[job_id]
        with self.database.writing() as session:
            if model.state in ("succeeded", "failed"):
                with pytest.raises(Conflict):
                    jobs.cancel(session, job_id, clock=self.clock)
                return
            jobs.cancel(session, job_id, clock=self.clock)
        if model.state in ("queued", "running"):
            model.cancel = True
            model.state = "cancelled" if model.state == "queued" else "running"

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
                assert (job.worker is None) == (model.state != "running")
                assert (job.finished_at is not None) == job.state.is_final
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
