"""Routes about traffic: what is kept of it, how it compares with what the model was made for, and learning from it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from gts.platform.auth import GuardedRoute, Reader, Writer
from gts.platform.errors import error_responses
from gts.platform.jobviews import job_view
from gts.platform.services import ServicesDep
from gts.platform.traffic.improving import improve
from gts.platform.traffic.keeping import clear, rows_page, set_share
from gts.platform.traffic.report import DAYS, traffic_of
from gts.platform.traffic.stored import MAX_PAGE
from gts.platform.traffic_schemas import (
    AskedPage,
    AskedView,
    ClearedView,
    ImproveBody,
    ImproveView,
    LoggingBody,
    TrafficView,
)

router = APIRouter(prefix="/models/{namespace}/{name}", tags=["traffic"], route_class=GuardedRoute)


@router.get(
    "/traffic",
    summary="Compare traffic with what the model was made for",
    responses=error_responses(404, 422),
)
def show_traffic(
    services: ServicesDep,
    user: Reader,
    namespace: str,
    name: str,
    revision: Annotated[str, Query(max_length=255, description="Commit, branch or alias.")] = "main",
    days: Annotated[int, Query(ge=1, le=3650, description="How far back is looked.")] = DAYS,
) -> TrafficView:
    """A verdict in plain words, and each quantity in training and now: length of texts, tokens for a character, confidence, answers.

    Held against chance: of some hundred rows a quantity must move far, of thousands a little, before anything is said.
    """
    return TrafficView.of(traffic_of(services, namespace, name, revision, days))


@router.put(
    "/traffic/logging", summary="Say what is kept of a model's traffic", responses=error_responses(404, 422)
)
def set_logging(
    services: ServicesDep, user: Writer, namespace: str, name: str, body: LoggingBody
) -> TrafficView:
    """Keep a share of the rows that this model is asked about, whatever the installation's setting says, or none of them.

    What is kept already stays until it is old or forgotten.
    """
    set_share(services, user, namespace, name, body.share)
    return TrafficView.of(traffic_of(services, namespace, name))


@router.get("/traffic/rows", summary="List what a model was asked", responses=error_responses(404, 422))
def list_rows(
    services: ServicesDep,
    user: Reader,
    namespace: str,
    name: str,
    before: Annotated[int | None, Query(ge=0, lt=2**63, description="From the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Most rows in the answer.")] = 50,
) -> AskedPage:
    """The rows that are kept, with their answers, the newest first. They are people's own texts."""
    found, following = rows_page(services, namespace, name, before, limit)
    return AskedPage(rows=[AskedView.of(asked) for asked in found], next_before=following)


@router.delete("/traffic/rows", summary="Forget what a model was asked", responses=error_responses(404))
def clear_rows(services: ServicesDep, user: Writer, namespace: str, name: str) -> ClearedView:
    """Delete all rows of the model that are kept. Jobs that have learnt from some have these in their data."""
    return ClearedView(deleted=clear(services, namespace, name))


@router.post(
    "/improve",
    summary="Improve a model with recent traffic",
    status_code=202,
    responses=error_responses(404, 409, 422),
)
def improve_model(
    services: ServicesDep, user: Writer, namespace: str, name: str, body: ImproveBody
) -> ImproveView:
    """The job that made the model goes on under its id, with rows that the model was asked about among its unlabelled ones.

    Rows that it has in its data are left out. Of more than `rows` others half are those of which the model was least sure, half are
    drawn at random. With `questions` it may ask you about those that would help it most.
    """
    found = improve(
        services,
        user,
        namespace,
        name,
        most=body.rows,
        questions=body.questions,
        seconds=body.seconds,
    )
    return ImproveView(job=job_view(found.job), kept=found.kept, added=found.added, unsure=found.unsure)
