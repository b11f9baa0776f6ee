"""The forms of a model's traffic: what is kept, forget it, learn from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from gts.core.errors import GTSError, InvalidInput
from gts.platform.auth import Writer
from gts.platform.pages.modelpage import render_model, view_of
from gts.platform.pages.modelviews import model_path
from gts.platform.services import Services, ServicesDep
from gts.platform.traffic.improving import improve
from gts.platform.traffic.keeping import clear, set_share

_Number = Annotated[str, Form(max_length=20)]

router = APIRouter(prefix="/models/{namespace}/{name}", include_in_schema=False)


@router.post("/traffic/logging")
def set_logging(
    request: Request, services: ServicesDep, user: Writer, namespace: str, name: str, share: _Number = ""
) -> Response:
    """Say what is kept of the model's traffic."""
    page = model_path(f"{namespace}/{name}") + "#traffic"

    def act() -> str:
        set_share(services, user, namespace, name, _share(share))
        return page

    return _done(request, services, (namespace, name), act)


@router.post("/traffic/clear")
def forget(request: Request, services: ServicesDep, user: Writer, namespace: str, name: str) -> Response:
    """Delete what is kept of the model's traffic."""
    page = model_path(f"{namespace}/{name}") + "#traffic"

    def act() -> str:
        clear(services, namespace, name)
        return page

    return _done(request, services, (namespace, name), act)


@router.post("/improve")
def improve_model(
    request: Request,
    services: ServicesDep,
    user: Writer,
    namespace: str,
    name: str,
    questions: _Number = "",
) -> Response:
    """Let the model's job go on with recent traffic, and lead to it."""

    def act() -> str:
        found = improve(services, user, namespace, name, questions=_questions(questions))
        return f"/jobs/{found.job.id}"

    return _done(request, services, (namespace, name), act)


def _done(request: Request, services: Services, model: tuple[str, str], act: Callable[[], str]) -> Response:
    """Do it and lead on; what was refused is said on the page."""
    try:
        target = act()
    except GTSError as error:
        shown = view_of(request, services, *model, "main")
        path = model_path("/".join(model))
        return render_model(request, services, shown, address=path, traffic_refused=error)
    return RedirectResponse(target, status_code=303)


def _share(typed: str) -> float | None:
    """A share as a form gives it; nothing stands for the installation's setting.

    Raises:
        InvalidInput: It is no share.
    """
    if not typed:
        return None
    try:
        share = float(typed)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise InvalidInput(f"the share is {typed!r}; a number from 0 to 1 was expected", mend="choose one")
    return share


def _questions(typed: str) -> int | None:
    """A number of questions as a form gives it.

    Raises:
        InvalidInput: It is none.
    """
    if not typed.strip():
        return None
    if not typed.strip().isdecimal() or int(typed) > 10_000:
        raise InvalidInput(
            f"{typed!r} questions; a whole number from 0 to 10,000 was expected", mend="give such a number"
        )
    return int(typed)
