"""The page of one model, as several routes answer with it."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from gts.core.errors import GTSError
from gts.orchestrator.training_data import data_name
from gts.platform.pages.languages import language_of
from gts.platform.pages.lineages import lineage_view
from gts.platform.pages.modelviews import ModelPageView, model_page
from gts.platform.pages.render import render
from gts.platform.pages.trafficviews import traffic_view
from gts.platform.pages.versionviews import SHOWN_ROWS, versions_view
from gts.platform.published import describe_model
from gts.platform.services import Services
from gts.platform.traffic.report import traffic_of
from gts.platform.versions_lineage import lineage_of
from gts.registry.errors import RepositoryNotFound
from gts.registry.values import Kind

_NOTHING_TRIED: dict[str, Any] = {"text": "", "other": "", "answer": None, "problem": None, "tried": False}


def view_of(request: Request, services: Services, namespace: str, name: str, revision: str) -> ModelPageView:
    """What the page says of a model at a revision.

    Raises:
        NotFound: There is no such model or revision.
    """
    commit = services.registry.resolve(namespace, name, revision)
    data: str | None
    try:
        data = services.registry.get(namespace, data_name(namespace, name), kind=Kind.DATASET).id
    except RepositoryNotFound:
        data = None
    card = services.registry.read(commit, "README.md")
    base_url = services.settings.public_url or str(request.base_url)
    return model_page(
        describe_model(services, namespace, name, commit.oid),
        services.registry.get(namespace, name).head,
        _facts(services.registry.read(commit, "gts.json")),
        card.decode("utf-8", "replace") if card else None,
        base_url.rstrip("/"),
        language_of(request),
        data=data,
    )


def render_model(
    request: Request,
    services: Services,
    model: ModelPageView,
    *,
    address: str | None = None,
    problem: GTSError | None = None,
    refused: GTSError | None = None,
    traffic_refused: GTSError | None = None,
    **tried: Any,
) -> HTMLResponse:
    """The page of a model.

    Args:
        request: The request it answers.
        services: The platform.
        model: What is shown.
        address: Where the page can be opened; for answers to forms.
        problem: Why the model gave no answer.
        refused: Why a version was not promoted, rolled back or retired.
        traffic_refused: Why something that concerns its traffic was not done.
        **tried: What was asked of the model and what it answered.
    """
    language, registry = language_of(request), services.registry
    history = registry.promotions.history(model.namespace, model.name, limit=SHOWN_ROWS + 1)
    failed = problem or refused or traffic_refused
    traffic = traffic_of(services, model.namespace, model.name, model.commit)
    return render(
        request,
        "model.html",
        status=failed.status if failed else 200,
        address=address,
        model=model,
        versions=versions_view(model, registry.refs(model.namespace, model.name), history, refused, language),
        traffic=traffic_view(traffic, traffic_refused, language),
        lineage=lineage_view(lineage_of(services, model.namespace, model.name, model.commit), language),
        **(_NOTHING_TRIED | tried | {"problem": problem}),
    )


def _facts(content: bytes | None) -> dict[str, Any]:
    # Anyone with a write token may publish any gts.json: what is no object is no fact.
    try:
        facts = json.loads(content or b"{}")
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}
