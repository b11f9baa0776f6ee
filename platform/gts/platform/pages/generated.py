"""The page of a job's generated texts: look at them, veto or edit one, take it back. No script is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from gts.core.errors import GTSError, InvalidInput, NotFound
from gts.orchestrator.records import Job
from gts.platform.auth import Reader, Writer
from gts.platform.generated import Wanted, generators
from gts.platform.jobviews import find_job
from gts.platform.pages.render import render
from gts.platform.reviewing import generated_page, report_of, review_text, take_back
from gts.platform.schemas import EditBody, VetoBody
from gts.platform.services import Services, ServicesDep

_TEXTS_A_PAGE = 20
_MAX_CURSOR = 2**53

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class View:
    """What part of the texts is looked at; empty is all.

    Attributes:
        generator: Name of a generator.
        label: Label the texts were made for.
        kept: ``true``, ``false`` or empty.
        cursor: Where the page begins.
    """

    generator: str
    label: str
    kept: str
    cursor: int

    @property
    def wanted(self) -> Wanted:
        """The same as a filter."""
        return Wanted(self.generator or None, self.label or None, self.kept == "true" if self.kept else None)

    @property
    def is_filtered(self) -> bool:
        """Whether something is left out."""
        return bool(self.generator or self.label or self.kept)

    def query(self, **changed: object) -> str:
        """The view as the query of an address, with changes; empty parts are left out.

        Example:
            >>> View("", "a b", "", 20).query(cursor=40)
            '?label=a+b&cursor=40'
        """
        parts = {**vars(self), **changed}
        query = urlencode({key: value for key, value in parts.items() if value})
        return f"?{query}" if query else ""


def read_view(
    generator: Annotated[str, Query(max_length=200)] = "",
    label: Annotated[str, Query(max_length=200)] = "",
    kept: Annotated[str, Query(pattern="^(true|false|)$")] = "",
    cursor: Annotated[int, Query(ge=0, lt=_MAX_CURSOR)] = 0,
) -> View:
    """FastAPI dependency: the view that the address asks for."""
    return View(generator, label, kept, cursor)


ViewDep = Annotated[View, Depends(read_view)]


@router.get("/jobs/{job_id}/generated")
def show_generated(
    request: Request,
    services: ServicesDep,
    user: Reader,
    job_id: str,
    view: ViewDep,
    edit: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Generated texts with the reason why one was dropped; with ``edit`` the form for one of them."""
    return _page(request, services, find_job(services, user, job_id), view, _Editing(edit))


@router.post("/jobs/{job_id}/generated/{text_id}")
def review_generated(
    request: Request,
    services: ServicesDep,
    user: Writer,
    job_id: str,
    text_id: str,
    view: ViewDep,
    verdict: Annotated[str, Form(pattern="^(veto|edit|undo)$")],
    text: Annotated[str, Form()] = "",
    labels: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Keep what was said of one text and lead back to it; a faulty edit is shown again with what is wrong."""
    job = find_job(services, user, job_id)
    given = text.replace("\r\n", "\n")  # as forms send line ends
    try:
        if verdict == "undo":
            take_back(services, job, text_id)
        elif verdict == "veto":
            review_text(services, user, job, text_id, VetoBody(verdict="veto"))
        else:
            edit = EditBody(verdict="edit", text=given, labels=labels or [])
            review_text(services, user, job, text_id, edit)
    except InvalidInput as error:
        editing = _Editing(text_id, given, tuple(labels or ()), error)
        return _page(request, services, job, view, editing)
    return RedirectResponse(f"/jobs/{job_id}/generated{view.query()}#t-{text_id}", status_code=303)


@dataclass(frozen=True)
class _Editing:
    """The text that is being edited, and after a faulty edit what was typed and what is wrong with it."""

    text_id: str
    text: str = ""
    labels: tuple[str, ...] = ()
    problem: GTSError | None = None


def _page(request: Request, services: Services, job: Job, view: View, editing: _Editing) -> Response:
    report = job.report or {}
    page, problem = None, None
    try:
        report_of(job)
        page = generated_page(services, job, view.wanted, view.cursor, _TEXTS_A_PAGE)
    except (NotFound, InvalidInput) as error:
        problem = error
    failed = problem or editing.problem
    return render(
        request,
        "generated.html",
        status=failed.status if failed else 200,
        address=f"/jobs/{job.id}/generated{view.query(edit=editing.text_id)}",
        job=job,
        view=view,
        page=page,
        problem=problem,
        editing=editing,
        labels=list(report.get("labels") or ()),
        is_labelled=report.get("type") == "classification",
        multi_label=bool(report.get("multi_label")),
        generators=generators(report),
        note=report.get("generation_note"),
    )
