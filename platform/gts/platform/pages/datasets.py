"""The page of a data set: its card, its files, and how to load it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from gts.platform.auth import Reader
from gts.platform.model_schemas import RevisionView
from gts.platform.pages.languages import language_of
from gts.platform.pages.markdown import render_card
from gts.platform.pages.modelviews import FileLine
from gts.platform.pages.render import render
from gts.platform.pages.snippets import Snippet, dataset_snippets
from gts.platform.services import ServicesDep
from gts.registry.values import FileEntry, Kind, Repository, Revision

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class DatasetPageView:
    """A data set with everything its page says."""

    id: str
    commit: str
    is_head: bool
    private: bool
    bytes: int
    card: Markup | None
    files: tuple[FileLine, ...]
    history: tuple[RevisionView, ...]
    snippets: tuple[Snippet, ...]
    updated_at: datetime


@router.get("/datasets/{namespace}/{name}")
def show_dataset(
    request: Request,
    services: ServicesDep,
    user: Reader,
    namespace: str,
    name: str,
    revision: Annotated[str, Query(max_length=255)] = "main",
) -> Response:
    """One data set at a revision."""
    registry = services.registry
    commit = registry.resolve(namespace, name, revision, kind=Kind.DATASET)
    card = registry.read(commit, "README.md")
    base_url = (services.settings.public_url or str(request.base_url)).rstrip("/")
    view = dataset_page(
        registry.get(namespace, name, kind=Kind.DATASET),
        commit,
        registry.files(commit),
        registry.history(namespace, name, commit.oid, kind=Kind.DATASET),
        card.decode("utf-8", "replace") if card else None,
        dataset_snippets(base_url, commit.repository, language_of(request)),
    )
    return render(request, "dataset.html", dataset=view)


def dataset_page(
    repository: Repository,
    commit: Revision,
    files: tuple[FileEntry, ...],
    history: tuple[Revision, ...],
    card: str | None,
    ways: tuple[Snippet, ...],
) -> DatasetPageView:
    """Everything the page of a data set says.

    Args:
        repository: The data set.
        commit: The commit that is shown.
        files: Its files.
        history: The commit and all before it.
        card: Its README.md, if it has one.
        ways: How to load it.
    """
    root = f"/datasets/{quote(commit.repository)}/resolve/{commit.oid}"
    lines = (
        FileLine(file.path, "", file.size, f"{root}/{quote(file.path)}?download=true")
        for file in files
        if not file.path.startswith(".")
    )
    return DatasetPageView(
        id=repository.id,
        commit=commit.oid,
        is_head=commit.oid == repository.head,
        private=repository.private,
        bytes=sum(file.size for file in files),
        card=render_card(card) if card else None,
        files=tuple(lines),
        history=tuple(map(RevisionView.of, history)),
        snippets=ways,
        updated_at=repository.updated_at,
    )
