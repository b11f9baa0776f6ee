"""Typed questions answered by classifiers, as System One clients ask them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gts.platform.auth import GuardedRoute, Inferrer
from gts.platform.errors import error_responses
from gts.platform.leaving import unless_it_leaves
from gts.platform.services import ServicesDep
from gts.platform.serving.decisions import DecisionAnswer, DecisionRequest, answers_of, rows_of

router = APIRouter(prefix="/v1", tags=["inference"], route_class=GuardedRoute)


@router.post(
    "/systemone",
    summary="Ask a classifier to choose",
    response_model=DecisionAnswer,
    responses=error_responses(404, 413, 422, 429),
)
async def decide(services: ServicesDep, user: Inferrer, request: Request, body: DecisionRequest) -> Response:
    """Choice questions about one text, whose options are labels of the model: some of them, or all.

    Probabilities are the model's, shared out among the options of the question.
    """
    model, _, revision = body.model.partition("@")
    async with unless_it_leaves(request):
        served, answers = await services.students.predict(
            model, revision or "main", lambda manifest: rows_of(body, manifest)
        )
    told = {
        "model": served.model,
        "commit": served.commit,
        "answers": answers_of(body, answers[0]),
        "usage": {},
    }
    return JSONResponse(told)
