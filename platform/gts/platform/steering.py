"""What people do with their jobs, for API and pages: change, cancel, continue, finish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gts.orchestrator import steering
from gts.orchestrator.records import Job
from gts.platform.auth import User
from gts.platform.jobviews import find_job
from gts.platform.services import Services


def change_job(services: Services, user: User, job_id: str, changes: Mapping[str, Any]) -> Job:
    """Change budget or goal of a job; see :func:`gts.orchestrator.steering.change`."""
    find_job(services, user, job_id)
    with services.database.writing() as session:
        return steering.change(session, job_id, changes, by=user.who)


def cancel_job(services: Services, user: User, job_id: str) -> Job:
    """Ask for a job's end; see :func:`gts.orchestrator.steering.cancel`."""
    find_job(services, user, job_id)
    with services.database.writing() as session:
        return steering.cancel(session, job_id)


def continue_job(
    services: Services, user: User, job_id: str, changes: Mapping[str, Any] | None = None
) -> Job:
    """Put a job back into the queue and tell the workers; see :func:`gts.orchestrator.steering.continue_`."""
    find_job(services, user, job_id)
    with services.database.writing() as session:
        job = steering.continue_(session, job_id, changes, by=user.who)
    services.knock.knock(job.id)
    return job


def finish_job(services: Services, user: User, job_id: str) -> Job:
    """End a job that waits for a person; see :func:`gts.orchestrator.steering.finish`."""
    find_job(services, user, job_id)
    with services.database.writing() as session:
        return steering.finish(session, job_id, by=user.who)
