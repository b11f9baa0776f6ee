"""The forms of a model's versions: promote, roll back, retire; each leads back to the model's page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from gts.core.errors import GTSError, NotFound
from gts.platform.auth import Writer
from gts.platform.pages.modelpage import render_model, view_of
from gts.platform.pages.modelviews import model_path
from gts.platform.services import Services, ServicesDep
from gts.registry.promotion_rows import NOTHING

Name = Annotated[str, Form(max_length=100)]
Revision = Annotated[str, Form(max_length=255)]
Why = Annotated[str, Form(max_length=1000)]

router = APIRouter(prefix="/models/{namespace}/{name}", include_in_schema=False)


@router.post("/promote")
def promote(
    request: Request,
    services: ServicesDep,
    user: Writer,
    namespace: str,
    name: str,
    alias: Name = "",
    revision: Revision = "",
    why: Why = "",
    seen: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Point an alias at a revision, if it names what the page said it names."""
    return _done(
        request,
        services,
        (namespace, name),
        lambda: services.registry.promotions.promote(
            namespace, name, alias.strip(), revision, by=user.who, why=why, expect=_expected(alias, seen)
        ),
    )


@router.post("/rollback")
def roll_back(
    request: Request,
    services: ServicesDep,
    user: Writer,
    namespace: str,
    name: str,
    alias: Name = "",
    expect: Annotated[str, Form(max_length=40)] = "",
    why: Why = "",
) -> Response:
    """Let an alias name what it named before, if it names what the page said it names."""
    return _done(
        request,
        services,
        (namespace, name),
        lambda: services.registry.promotions.roll_back(
            namespace, name, alias, by=user.who, why=why, expect=expect or None
        ),
    )


@router.post("/retire")
def retire(
    request: Request,
    services: ServicesDep,
    user: Writer,
    namespace: str,
    name: str,
    revision: Revision = "",
    why: Why = "",
) -> Response:
    """Take a revision out of use."""
    return _done(
        request,
        services,
        (namespace, name),
        lambda: services.registry.promotions.retire(namespace, name, revision, by=user.who, why=why),
        revision,
    )


@router.post("/restore")
def restore(
    request: Request,
    services: ServicesDep,
    user: Writer,
    namespace: str,
    name: str,
    revision: Revision = "",
) -> Response:
    """Let a retired revision be used again."""
    return _done(
        request,
        services,
        (namespace, name),
        lambda: services.registry.promotions.restore(namespace, name, revision, by=user.who),
        revision,
    )


def _done(
    request: Request,
    services: Services,
    model: tuple[str, str],
    act: Callable[[], object],
    revision: str = "main",
) -> Response:
    """Do it and lead back to the page; what was refused is said on it."""
    path = model_path("/".join(model))
    try:
        act()
    except GTSError as error:
        try:
            shown = view_of(request, services, *model, revision)
        except NotFound:  # the revision itself is what there is not
            shown = view_of(request, services, *model, "main")
        return render_model(request, services, shown, address=path, refused=error)
    return RedirectResponse(f"{path}#versions", status_code=303)


def _expected(alias: str, seen: Sequence[str] | None) -> str:
    """The commit that an alias named on the page, given there as ``name commit``.

    Example:
        >>> _expected("production", ["candidate 1234567", "production 89abcde"]), _expected("new", None)
        ('89abcde', 'none')
    """
    known = dict(line.partition(" ")[::2] for line in seen or ())
    return known.get(alias.strip()) or NOTHING
