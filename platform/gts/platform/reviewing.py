"""The generated texts of a job beside what people said of them: what routes and pages share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gts.core.artifacts import ArtifactStore
from gts.core.errors import NotFound
from gts.orchestrator import reviews
from gts.orchestrator.records import Job
from gts.orchestrator.reviews import Review
from gts.platform.auth import User
from gts.platform.generated import (
    JUDGED,
    GeneratedText,
    JudgedFile,
    Wanted,
    check_wanted,
    find_text,
    generators,
    read_page,
)
from gts.platform.schemas import EditBody, GeneratedPage, GeneratedView, ReviewView, VetoBody
from gts.platform.services import Services
from gts.tasks.row_text import read_row
from gts.tasks.spec import TaskSpec

_TEXT_ID = re.compile(r"[0-9a-f]{16}")


def generated_page(services: Services, job: Job, wanted: Wanted, cursor: int, limit: int) -> GeneratedPage:
    """Some generated texts of a job, with what people said of them.

    Raises:
        NotFound: The job has no report (yet), or none of the wanted texts is kept any more.
        InvalidInput: A filter names what the job does not have.
        StorageError: What is stored is damaged.
    """
    report = report_of(job)
    check_wanted(report, wanted)
    files, missing = _files(services.store, report, wanted.generator)
    if missing and not files:
        raise _gone(missing)
    page = read_page(files, wanted, cursor, limit)
    with services.database.reading() as session:
        said = reviews.find(session, job.namespace, job.name, {text.id for text in page.texts})
    return GeneratedPage(
        texts=[generated_view(text, said.get(text.id)) for text in page.texts],
        next_cursor=page.next_cursor,
        missing=missing,
    )


def review_text(
    services: Services, user: User, job: Job, text_id: str, body: VetoBody | EditBody
) -> GeneratedView:
    """Keep what a person says of a generated text.

    Raises:
        NotFound: The job generated no such text, or its texts are not kept any more.
        InvalidInput: The edit is no text of the task, or no row of it in the form of :mod:`gts.tasks.row_text`.
    """
    report = report_of(job)
    _check_id(text_id)
    files, missing = _files(services.store, report)
    if missing and not files:
        raise _gone(missing)
    found = find_text(files, text_id)
    spec = TaskSpec.model_validate(job.spec)
    with services.database.writing() as session:
        if isinstance(body, VetoBody):
            review = reviews.veto(session, job.namespace, job.name, found.text, by=user.who)
        else:
            is_row = spec.type != "classification"
            new_text = found.text if body.text is None else body.text
            if is_row:
                read_row(new_text, spec)
            review = reviews.edit(
                session,
                job.namespace,
                job.name,
                found.text,
                new_text=new_text,
                labels=() if is_row else found.labels if body.labels is None else body.labels,
                known_labels=() if is_row else report.get("labels") or (),
                multi_label=is_row or bool(report.get("multi_label")),
                by=user.who,
            )
    return generated_view(found, review)


def take_back(services: Services, job: Job, text_id: str) -> None:
    """Forget what was said of a text; the job's texts need not be kept any more.

    Raises:
        NotFound: Nothing was said of it.
    """
    _check_id(text_id)
    with services.database.writing() as session:
        reviews.take_back(session, job.namespace, job.name, text_id)


def report_of(job: Job) -> Mapping[str, Any]:
    """The report of a job.

    Raises:
        NotFound: It has none.
    """
    if job.report is None:
        raise NotFound(
            f"job {job.id} has no generated texts to show: it is {job.state}",
            mend="they are there once the job has succeeded",
            state=job.state,
        )
    return job.report


def generated_view(text: GeneratedText, review: Review | None) -> GeneratedView:
    """A generated text in its public form."""
    return GeneratedView(
        id=text.id,
        text=text.text,
        labels=list(text.labels),
        generator=text.generator,
        seeds=list(text.seeds),
        scores=dict(text.scores),
        kept=text.kept,
        kind=text.kind,
        reason=text.reason,
        review=None if review is None else _review_view(review),
    )


def _review_view(review: Review) -> ReviewView:
    return ReviewView(
        verdict=review.verdict.value,
        text=review.new_text,
        labels=list(review.labels),
        by=review.by,
        at=review.at,
    )


def _files(
    store: ArtifactStore, report: Mapping[str, Any], generator: str | None = None
) -> tuple[list[JudgedFile], list[str]]:
    """Files of judged texts, and the generators whose file is gone."""
    files, missing = [], []
    for entry in generators(report):
        name = str(entry["name"])
        if generator not in (None, name):
            continue
        try:
            path = store.path(str(entry["artifact"])) / JUDGED
        except NotFound:
            missing.append(name)
            continue
        if path.is_file():
            files.append(JudgedFile(name, path))
        else:
            missing.append(name)
    return files, missing


def _gone(missing: Sequence[str]) -> NotFound:
    return NotFound(
        f"the texts that {', '.join(missing)} generated for this job are not kept any more",
        mend="run the job again to have them made again",
        generators=list(missing),
    )


def _check_id(text_id: str) -> None:
    if not _TEXT_ID.fullmatch(text_id):
        raise NotFound(
            f"no generated text {text_id[:100]!r}", mend="an id has 16 hex digits; list the generated texts"
        )
