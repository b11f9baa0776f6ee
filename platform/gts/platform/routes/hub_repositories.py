"""The Hub protocol about repositories as wholes: made, moved, removed; and who the caller is."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from gts.core.errors import Conflict, InvalidInput, Unauthorized
from gts.platform.routes.hub_bodies import CreateBody, MoveBody, RepositoryBody, YamlBody, kind_of
from gts.platform.routes.hub_protocol import Moved, base_url, error_response, hide, user_of, visible
from gts.registry.cards import parse_card
from gts.registry.registry import Registry
from gts.registry.values import Kind, Repository


class HubRepositories:
    """The handlers; plain functions, so the framework runs them in its thread pool."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def whoami(self, request: Request) -> Response:
        """Who the token belongs to, as `hf auth whoami` shows it."""
        user = user_of(request)
        if user.name is None:
            raise Unauthorized("no token came with the request", mend="send `Authorization: Bearer <token>`")
        token = {"displayName": "gts", "role": "write" if user.may_write else "read"}
        auth = {"type": "access_token", "accessToken": token}
        return JSONResponse({"type": "user", "id": user.name, "name": user.name, "orgs": [], "auth": auth})

    def create(self, request: Request, body: CreateBody) -> Response:
        """Make a repository. One that exists is a conflict, whose answer names it too."""
        user, kind = user_of(request), body.kind
        namespace, name = body.parts(user.name)
        author = user.require_write(f"{kind.prefix}{namespace}/{name}")
        found = {
            "url": f"{base_url(request)}/{kind.prefix}{namespace}/{name}",
            "name": f"{namespace}/{name}",
        }
        private = body.hidden() or False
        try:
            self._registry.create(namespace, name, author, private=private, kind=kind)
        except Conflict as error:
            refused = error_response(error)
            headers = {"X-Error-Message": refused.headers["X-Error-Message"]}
            return JSONResponse({**found, "error": str(error)}, status_code=error.status, headers=headers)
        return JSONResponse(found)

    def delete(self, request: Request, body: RepositoryBody) -> Response:
        """Remove a repository with all its commits."""
        user, kind = user_of(request), body.kind
        repository = self._named(request, kind, *body.parts(user.name))
        user.require_write(repository.full_name)
        self._registry.delete_repository(repository.namespace, repository.name, kind=kind)
        return JSONResponse({})

    def move(self, request: Request, body: MoveBody) -> Response:
        """Give a repository another name; the old one leads to it."""
        user, kind = user_of(request), kind_of(body.type)
        (namespace, _, name), (to_namespace, _, to_name) = (
            text.partition("/") for text in (body.fromRepo, body.toRepo)
        )
        repository = self._named(request, kind, namespace, name)
        user.require_write(repository.full_name)
        user.require_write(f"{kind.prefix}{body.toRepo}")
        self._registry.move(namespace, name, to_namespace, to_name, kind=kind)
        return JSONResponse({"url": f"{base_url(request)}/{kind.prefix}{body.toRepo}"})

    def validate_yaml(self, request: Request, body: YamlBody) -> Response:
        """Whether the front matter of a README.md can be used."""
        if user_of(request).name is None:
            raise Unauthorized("no token came with the request", mend="send `Authorization: Bearer <token>`")
        try:
            parse_card(body.content)
        except InvalidInput as error:
            problems = [{"message": str(error)}]
            return JSONResponse({"errors": problems, "warnings": []}, status_code=400)
        return JSONResponse({"errors": [], "warnings": []})

    def _named(self, request: Request, kind: Kind, namespace: str, name: str) -> Repository:
        """The repository that has this name now; one that had it before is not meant."""
        try:
            return visible(self._registry, request, kind, namespace, name)
        except Moved:
            hide(user_of(request), kind, namespace, name)
