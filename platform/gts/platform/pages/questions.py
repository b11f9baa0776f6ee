"""The page of a job's questions: one at a time, answered by buttons or keys. No script is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from gts.core.errors import Conflict, GTSError, InvalidInput, NotFound
from gts.orchestrator import asking
from gts.orchestrator.questions import Question, QuestionState
from gts.orchestrator.records import Job
from gts.platform.auth import Reader, User, Writer
from gts.platform.jobviews import find_job
from gts.platform.pages.render import render
from gts.platform.question_views import question_view
from gts.platform.questioning import (
    answer_question,
    go_on,
    next_question,
    skip_question,
    undo_answer,
)
from gts.platform.services import Services, ServicesDep
from gts.tasks.spec import TaskSpec

_DONE_SHOWN = 30
_KEYS = "123456789"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class _Tried:
    """A question that was not answered as it should, what was typed, and what is wrong with it."""

    question: str = ""
    labels: tuple[str, ...] = ()
    descriptions: Mapping[str, str] = field(default_factory=dict)
    row: str = ""
    problem: GTSError | None = None


@router.get("/jobs/{job_id}/questions")
def show_questions(
    request: Request,
    services: ServicesDep,
    user: Reader,
    job_id: str,
    q: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """The question this person is to look at now (or the open one that ``q`` names), and what was answered so far."""
    return _page(request, services, user, find_job(services, user, job_id), _Tried(q))


@router.post("/jobs/{job_id}/questions")
def steer(
    services: ServicesDep, user: Writer, job_id: str, said: Annotated[str, Form(pattern="^(undo|go-on)$")]
) -> Response:
    """Take one's newest answer back, or have the job go on with the answers there are."""
    job = find_job(services, user, job_id)
    if said == "go-on":
        go_on(services, user, job)
        return RedirectResponse(f"/jobs/{job_id}", status_code=303)
    try:
        undone = undo_answer(services, user, job)
    except NotFound:  # sent twice: nothing is left to take back
        return _to_questions(job_id)
    return _to_questions(job_id, undone.question.id)


@router.post("/jobs/{job_id}/questions/{question_id}")
def say(
    request: Request,
    services: ServicesDep,
    user: Writer,
    job_id: str,
    question_id: str,
    said: Annotated[str, Form(pattern="^(answer|none|yes|no|skip|undo)$")] = "answer",
    labels: Annotated[list[str] | None, Form()] = None,
    names: Annotated[list[str] | None, Form()] = None,
    descriptions: Annotated[list[str] | None, Form()] = None,
    row: Annotated[str | None, Form()] = None,
) -> Response:
    """Keep what was said to one question and lead to the next; what is no answer is shown again with what is wrong."""
    job = find_job(services, user, job_id)
    described = dict(zip(names or (), descriptions or (), strict=False))
    typed = None if row is None else row.replace("\r\n", "\n")  # as forms send line ends
    try:
        if said == "undo":
            undo_answer(services, user, job, question_id)
            return _to_questions(job_id, question_id)
        if said == "skip":
            skip_question(services, user, job, question_id)
        else:
            given = _given(said, labels or [], described, typed)
            answer_question(services, user, job, question_id, given)
    except InvalidInput as error:
        tried = _Tried(question_id, tuple(labels or ()), described, typed or "", error)
        return _page(request, services, user, job, tried)
    except Conflict as error:
        return _page(request, services, user, job, _Tried(problem=error))
    return _to_questions(job_id)


def _given(said: str, labels: list[str], descriptions: Mapping[str, str], row: str | None) -> dict[str, Any]:
    if said in ("yes", "no"):
        return {"yes": said == "yes"}
    if said == "none":
        return {"none": True}
    if row is not None:
        return {"row": row}
    return {"descriptions": descriptions} if descriptions else {"labels": labels}


def _page(request: Request, services: Services, user: User, job: Job, tried: _Tried) -> Response:
    question = _question(services, user, job, tried.question)
    with services.database.reading() as session:
        counts = asking.counts(session, job.id)
        people = asking.answered_by(session, job.id)
        done = asking.newest_done(session, job.id, _DONE_SHOWN)
    spec, person = TaskSpec.model_validate(job.spec), user.who
    return render(
        request,
        "questions.html",
        status=tried.problem.status if tried.problem else 200,
        address=f"/jobs/{job.id}/questions",
        job=job,
        question=None if question is None else question_view(question, spec),
        descriptions=_descriptions(spec),
        keys=_KEYS,
        tried=tried,
        counts=counts,
        people=people,
        done=[question_view(one, spec) for one in done],
        person=person,
        may_undo=any(one.by == person for one in done),
        may_go_on=not job.state.is_active and counts["answered"] > 0,
    )


def _question(services: Services, user: User, job: Job, question_id: str) -> Question | None:
    if question_id:
        with services.database.reading() as session:
            named = asking.find(session, job.id, question_id)
        if named.state == QuestionState.OPEN:
            return named
    step = next_question(services, user, job)
    return None if step is None else step.question


def _descriptions(spec: TaskSpec) -> dict[str, str]:
    """What the task says now of its labels and types."""
    kinds = {**spec.entities, **spec.relations, **spec.events}
    return {**{name: kind.description for name, kind in kinds.items()}, **spec.labels}


def _to_questions(job_id: str, question_id: str = "") -> Response:
    query = f"?q={question_id}" if question_id else ""
    return RedirectResponse(f"/jobs/{job_id}/questions{query}", status_code=303)
