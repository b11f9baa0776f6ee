"""Server-sent events: a job's event rows as a stream that can be taken up where it broke."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from gts.orchestrator import events, jobs
from gts.orchestrator.records import Event
from gts.platform.jobviews import event_view
from gts.platform.services import Services

HEARTBEAT_S = 15.0
_POLL_S = 0.4


async def follow_job(request: Request, services: Services, job_id: str, after: int) -> AsyncIterator[str]:
    """The stream's text, from the event after ``after`` until the job moves no more by itself and all was said.

    Ends early when the client leaves or the server stops; browsers and our client come back with
    ``Last-Event-ID``.
    """
    spoken_at = time.monotonic()
    yield f"retry: 2000\n: job {job_id}\n\n"
    while not request.app.state.stopping and not await request.is_disconnected():
        at_rest, found = await run_in_threadpool(_look, services, job_id, after)
        for event in found:
            after, spoken_at = event.seq, time.monotonic()
            yield format_event(event)
        if at_rest and not found:
            return
        if time.monotonic() - spoken_at > HEARTBEAT_S:
            spoken_at = time.monotonic()
            yield ": still here\n\n"
        if not found:
            await asyncio.sleep(_POLL_S)


def format_event(event: Event) -> str:
    """One event as the stream carries it; JSON holds no bare line ends, so the data is one line."""
    return f"id: {event.seq}\nevent: {event.kind}\ndata: {event_view(event).model_dump_json()}\n\n"


def _look(services: Services, job_id: str, after: int) -> tuple[bool, Sequence[Event]]:
    with services.database.reading() as session:
        # The state first: a job that has come to rest before its events were read has no later ones of its own.
        at_rest = not jobs.get(session, job_id).state.is_active
        return at_rest, events.after(session, job_id, after)
