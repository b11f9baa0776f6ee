"""Jobs and events as the API and the pages show them."""

from __future__ import annotations

import re

from gts.core.errors import NotFound
from gts.orchestrator import jobs
from gts.orchestrator.records import Event, Job
from gts.orchestrator.wishes import Wishes
from gts.platform.auth import User
from gts.platform.errors import ErrorDetail
from gts.platform.schemas import EventView, JobView
from gts.platform.services import Services

_JOB_ID = re.compile(r"[0-9a-f]{32}")


def find_job(services: Services, user: User, job_id: str) -> Job:
    """A job of the user.

    Raises:
        NotFound: There is no such job, or it is somebody else's.
    """
    if not _JOB_ID.fullmatch(job_id):
        raise NotFound(f"no job {job_id[:100]!r}", mend="list your jobs to see their ids")
    with services.database.reading() as session:
        return jobs.get(session, job_id, owner=user.owner)


def job_view(job: Job) -> JobView:
    """A job in its public form."""
    wishes = Wishes.of(job.spec)
    return JobView(
        id=job.id,
        name=job.name,
        state=job.state,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        cancel_requested=job.cancel_requested,
        attempts=job.attempts,
        budget=wishes.budget,
        goal=wishes.goal,
        model=f"{job.model.namespace}/{job.model.name}" if job.model else None,
        commit=job.model.revision if job.model else None,
        error=ErrorDetail.model_validate(job.error) if job.error else None,
    )


def event_view(event: Event) -> EventView:
    """An event in its public form."""
    return EventView(seq=event.seq, at=event.at, kind=event.kind, data=event.data)
