"""What the API and the pages say about published models."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from gts.core.errors import NotFound
from gts.orchestrator import jobs
from gts.platform.model_schemas import FileView, ModelDetail, ModelView, RevisionView
from gts.platform.services import Services
from gts.registry.values import Repository, Revision
from gts.student.layout import MANIFEST, StudentManifest


def model_view(repository: Repository) -> ModelView:
    """A model as listings show it."""
    return ModelView(
        id=repository.id,
        commit=repository.head,
        created_at=repository.created_at,
        updated_at=repository.updated_at,
        card=dict(repository.card),
    )


def describe_model(services: Services, namespace: str, name: str, revision: str = "main") -> ModelDetail:
    """A model with files, references, history and report.

    Raises:
        NotFound: There is no such model or revision.
    """
    registry = services.registry
    commit = registry.resolve(namespace, name, revision)
    files = registry.files(commit)
    retired = registry.promotions.retired(namespace, name)
    return ModelDetail(
        **{**model_view(registry.get(namespace, name)).model_dump(), "commit": commit.oid},
        files=[FileView(path=file.path, size=file.size, sha256=file.sha256) for file in files],
        refs={ref.name: ref.oid for ref in registry.refs(namespace, name)},
        history=[
            RevisionView.of(item, retired[item.oid].why if item.oid in retired else None)
            for item in registry.history(namespace, name, commit.oid)
        ],
        report=read_report(services, commit),
    )


def read_report(services: Services, commit: Revision) -> dict[str, Any] | None:
    """The report of the job that published a commit."""
    if commit.job_id is None:
        return None
    with services.database.reading() as session:
        try:
            return jobs.get(session, commit.job_id).report
        except NotFound:  # published from another installation's database
            return None


def read_student(services: Services, revision: Revision) -> StudentManifest | None:
    """What a revision's ``gts.json`` says; ``None`` where it has none that says what a student is."""
    content = services.registry.read(revision, MANIFEST)
    try:
        return StudentManifest.model_validate_json(content) if content else None
    except ValidationError:  # anyone with a write token may publish any gts.json
        return None
