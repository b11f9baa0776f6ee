"""Addresses that Hub clients print for people: they lead to the platform's own page of the model."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from gts.platform.auth import Reader
from gts.platform.services import Services, ServicesDep
from gts.registry.values import Kind

router = APIRouter(include_in_schema=False)
"""Include it after everything else: its paths begin with whatever comes."""


@router.get("/{namespace}/{name}")
def model(services: ServicesDep, user: Reader, namespace: str, name: str) -> Response:
    """The page of a model, for the address that ``HfApi.create_repo`` gives."""
    return _page(services, namespace, name)


@router.get("/{namespace}/{name}/commit/{revision:path}")
@router.get("/{namespace}/{name}/tree/{revision:path}")
def revision(services: ServicesDep, user: Reader, namespace: str, name: str, revision: str) -> Response:
    """The page of a revision, for the addresses that ``HfApi.create_commit`` and ``upload_folder`` give."""
    return _page(services, namespace, name, revision)


@router.get("/datasets/{namespace}/{name}/commit/{revision:path}")
@router.get("/datasets/{namespace}/{name}/tree/{revision:path}")
def dataset_revision(
    services: ServicesDep, user: Reader, namespace: str, name: str, revision: str
) -> Response:
    """The same of a data set, whose page has the address that ``HfApi.create_repo`` gives."""
    return _page(services, namespace, name, revision, Kind.DATASET)


def _page(
    services: Services, namespace: str, name: str, revision: str = "", kind: Kind = Kind.MODEL
) -> Response:
    found = services.registry.get(namespace, name, kind=kind)
    query = f"?revision={quote(revision, safe='')}" if revision else ""
    folder = "datasets" if kind is Kind.DATASET else "models"
    return RedirectResponse(f"/{folder}/{found.id}{query}", status_code=303)
