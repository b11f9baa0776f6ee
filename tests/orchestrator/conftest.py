from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from gts.core.artifacts import ArtifactStore
from gts.core.database import Database
from gts.orchestrator import jobs
from gts.orchestrator.records import Job

LAB = Path(__file__).parent / "lab"


# Makes the lab's modules importable here, in Ray's processes and in worker processes.
sys.path.insert(0, str(LAB))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(LAB), os.environ.get("PYTHONPATH")]))


@pytest.fixture
def lab_folder() -> Path:
    return LAB


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "store")


class FakeClock:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self, session: Session) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def submit(database: Database) -> Callable[..., Job]:
    return submitter(database)


@pytest.fixture
def submit_to() -> Callable[[Database], Callable[..., Job]]:
    return submitter


def submitter(database: Database) -> Callable[..., Job]:
    def submit(**changed: Any) -> Job:
        request: dict[str, Any] = {
            "owner": "ann",
            "namespace": "ann",
            "name": "tickets",
            "spec": {"seed": 1},
            "task_artifact": "a" * 64,
        }
        with database.writing() as session:
            return jobs.submit(session, **(request | changed))

    return submit
