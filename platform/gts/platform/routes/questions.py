"""Routes about the questions of a job: list, take the next, answer, skip, take back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response

from gts.orchestrator import asking
from gts.orchestrator.questions import QuestionState
from gts.orchestrator.records import Job
from gts.platform.auth import GuardedRoute, Reader, Writer
from gts.platform.errors import error_responses
from gts.platform.jobviews import find_job
from gts.platform.question_views import ANSWERS, AnswerBody, QuestionList, QuestionStep, question_view
from gts.platform.questioning import Step, answer_question, next_question, skip_question, undo_answer
from gts.platform.services import ServicesDep
from gts.tasks.spec import TaskSpec

_MAX_CURSOR = 2**31

router = APIRouter(prefix="/jobs/{job_id}/questions", tags=["questions"], route_class=GuardedRoute)


@router.get("", summary="List the questions of a job", responses=error_responses(404, 422))
def list_questions(
    services: ServicesDep,
    user: Reader,
    job_id: str,
    state: Annotated[QuestionState | None, Query(description="Only questions in this state.")] = None,
    limit: Annotated[int, Query(ge=1, le=asking.MAX_PAGE, description="Most questions in the answer.")] = 50,
    cursor: Annotated[
        int, Query(ge=0, lt=_MAX_CURSOR, description="`next_cursor` of the page before, same state.")
    ] = 0,
) -> QuestionList:
    """What the job has asked, with the answers there are.

    A job asks about texts whose label it cannot tell, labels that it cannot tell apart, and examples that look
    wrong. An answer is an example from then on; a job that waits goes on once a batch is done.
    """
    job = find_job(services, user, job_id)
    spec = TaskSpec.model_validate(job.spec)
    with services.database.reading() as session:
        page = asking.page_of(session, job.id, state=state, limit=limit, cursor=cursor)
        counts = asking.counts(session, job.id)
    views = [question_view(question, spec) for question in page.questions]
    return QuestionList(questions=views, counts=counts, next_cursor=page.next_cursor)


@router.get(
    "/next",
    summary="Take the next question",
    response_model=QuestionStep,
    responses={204: {"description": "No question is open."}, **error_responses(404)},
)
def take_next(services: ServicesDep, user: Reader, job_id: str) -> Any:
    """The question you are to look at now.

    People with different tokens are handed different ones for two minutes each, while there are enough.
    Asking again gives the same one until it is answered or skipped.
    """
    job = find_job(services, user, job_id)
    step = next_question(services, user, job)
    return Response(status_code=204) if step is None else _step(step, job)


@router.put(
    "/{question_id}/answer", summary="Answer a question", responses=error_responses(404, 409, 413, 422)
)
def answer(
    services: ServicesDep,
    user: Writer,
    job_id: str,
    question_id: str,
    body: Annotated[AnswerBody, Body(openapi_examples=ANSWERS)],
) -> QuestionStep:
    """Say what the machine asks.

    Of two people who answer the same question the second gets 409 with the first one's answer in `details`.
    After the last open question of a batch a job that waits goes on by itself (`goes_on`).
    """
    job = find_job(services, user, job_id)
    return _step(answer_question(services, user, job, question_id, body.given()), job)


@router.post("/{question_id}/skip", summary="Skip a question", responses=error_responses(404, 409))
def skip(services: ServicesDep, user: Writer, job_id: str, question_id: str) -> QuestionStep:
    """Leave a question aside; you or somebody else can answer it later."""
    job = find_job(services, user, job_id)
    return _step(skip_question(services, user, job, question_id), job)


@router.delete("/{question_id}/answer", summary="Take an answer back", responses=error_responses(403, 404))
def undo(services: ServicesDep, user: Writer, job_id: str, question_id: str) -> QuestionStep:
    """The question is open again; what was published stays, the next attempt learns without the answer."""
    job = find_job(services, user, job_id)
    return _step(undo_answer(services, user, job, question_id), job)


@router.post("/undo", summary="Take your newest answer back", responses=error_responses(403, 404))
def undo_newest(services: ServicesDep, user: Writer, job_id: str) -> QuestionStep:
    """The same for what you answered or skipped last in this job."""
    job = find_job(services, user, job_id)
    return _step(undo_answer(services, user, job), job)


def _step(step: Step, job: Job) -> QuestionStep:
    view = question_view(step.question, TaskSpec.model_validate(job.spec))
    return QuestionStep(question=view, counts=dict(step.counts), goes_on=step.goes_on)
