"""What Prometheus scrapes."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from gts.platform.auth import GuardedRoute, Reader
from gts.platform.errors import error_responses
from gts.platform.services import ServicesDep

router = APIRouter(tags=["system"], route_class=GuardedRoute)


@router.get(
    "/metrics",
    summary="Counts for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **error_responses(403)},
)
def metrics(services: ServicesDep, user: Reader) -> Response:
    """Requests, errors, latency, batches, loaded students, memory and queues, by model, in Prometheus' text format.

    Names of models are nobody else's business, so it asks for a token that may read: `authorization: {credentials: <token>}` in the
    scrape configuration.
    """
    return Response(services.students.metrics.text(), media_type=CONTENT_TYPE_LATEST)
