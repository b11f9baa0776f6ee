"""The Hugging Face Hub protocol: ``HF_ENDPOINT=<platform>`` and existing clients work.

Mount the router last: its ``/{namespace}/{name}/resolve/...`` begins with whatever comes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter
from fastapi import APIRouter, Request, Response

from gts.platform.routes.hub_lfs import HubLfs, HubObjects
from gts.platform.routes.hub_protocol import HubUser, hide, routes_for, user_of
from gts.platform.routes.hub_reading import HubReading
from gts.platform.routes.hub_repositories import HubRepositories
from gts.platform.routes.hub_writing import HubWriting
from gts.registry.registry import Registry
from gts.registry.values import Kind, Sight

_RECEIVERS = 16
_Route = tuple[str, str, Callable[..., Any]]


@dataclass(frozen=True)
class HubOptions:
    """How much may be uploaded, and how.

    Attributes:
        key: Signs the addresses to which large files are sent.
        inline_bytes: Largest file that clients are told to send inside a commit. Clients with Xet support would
            send larger ones by Xet, which this server does not speak.
        max_bytes: Largest file there may be.
    """

    key: bytes
    inline_bytes: int = 512 << 20
    max_bytes: int = 8 << 30


def hub_router(registry: Registry, find_user: Callable[[Request], HubUser], options: HubOptions) -> APIRouter:
    """The routes of the Hub protocol.

    Args:
        registry: What is served.
        find_user: Says who asks; may raise :class:`Unauthorized` for a bad token.
        options: How much may be uploaded, and how.

    Returns:
        A router to include last, without a prefix.
    """
    router = APIRouter(route_class=routes_for(find_user), tags=["Hugging Face Hub protocol"])
    receivers = CapacityLimiter(_RECEIVERS)
    documented: list[_Route] = [*_common(registry)]
    hidden: list[_Route] = []
    for kind in (Kind.DATASET, Kind.MODEL):  # a path of a data set could be taken for one of a model
        reading = HubReading(registry, kind)
        documented += _reading(reading, kind)
        documented += _writing(registry, kind, options, receivers)
        hidden += [
            (
                "HEAD",
                f"/{kind.prefix}{{namespace}}/{{name}}/resolve/{{revision_and_path:path}}",
                reading.resolve,
            ),
            ("GET", f"/api/{kind}s/{{rest:path}}", reading.unknown),
        ]
    for method, path, handler in documented:
        extra = {"parameters": _raw_parameters(path)}
        if handler.__name__ == "commit":
            extra |= _COMMIT_BODY
        router.add_api_route(path, handler, methods=[method], response_class=Response, openapi_extra=extra)
    for method, path, handler in hidden:
        router.add_api_route(path, handler, methods=[method], include_in_schema=False)
    # Clients send no token with the bytes of a large file: its address says what they may do.
    router.add_api_route(
        "/api/lfs/{oid}",
        HubObjects(registry, key=options.key, receivers=receivers).put,
        methods=["PUT"],
        response_class=Response,
        route_class_override=routes_for(lambda _request: HubUser(None, Sight(public=False, private=False))),
    )
    router.add_api_route(
        "/{name}/resolve/{rest:path}", _without_namespace, methods=["GET", "HEAD"], include_in_schema=False
    )
    return router


def _common(registry: Registry) -> Iterator[_Route]:
    repositories = HubRepositories(registry)
    yield "GET", "/api/whoami-v2", repositories.whoami
    yield "POST", "/api/repos/create", repositories.create
    yield "DELETE", "/api/repos/delete", repositories.delete
    yield "POST", "/api/repos/move", repositories.move
    yield "POST", "/api/validate-yaml", repositories.validate_yaml


def _reading(hub: HubReading, kind: Kind) -> Iterator[_Route]:
    one = f"/api/{kind}s/{{namespace}}/{{name}}"
    yield "GET", f"/api/{kind}s", hub.listing
    yield "GET", one, hub.info
    yield "GET", one + "/revision/{revision:path}", hub.info_at_revision
    yield "GET", one + "/tree/{revision_and_folder:path}", hub.tree
    yield "POST", one + "/paths-info/{revision:path}", hub.paths_info
    yield "GET", one + "/refs", hub.refs
    yield "GET", one + "/commits/{revision:path}", hub.commits
    yield "GET", one + "/auth-check", hub.auth_check
    yield "GET", one + "/auth-check/write", hub.auth_check_write
    yield "GET", f"/{kind.prefix}{{namespace}}/{{name}}/resolve/{{revision_and_path:path}}", hub.resolve


def _writing(
    registry: Registry, kind: Kind, options: HubOptions, receivers: CapacityLimiter
) -> Iterator[_Route]:
    hub = HubWriting(
        registry,
        kind,
        inline_bytes=options.inline_bytes,
        max_bytes=options.max_bytes,
        receivers=receivers,
    )
    lfs = HubLfs(registry, kind, key=options.key, max_bytes=options.max_bytes)
    one = f"/api/{kind}s/{{namespace}}/{{name}}"
    objects = f"/{kind.prefix}{{namespace}}/{{name}}.git/info/lfs/objects"
    yield "PUT", one + "/settings", hub.settings
    yield "POST", one + "/preupload/{revision:path}", hub.preupload
    yield "POST", one + "/commit/{revision:path}", hub.commit
    yield "POST", one + "/branch/{branch:path}", hub.create_branch
    yield "DELETE", one + "/branch/{branch:path}", hub.delete_branch
    yield "POST", one + "/tag/{revision:path}", hub.create_tag
    yield "DELETE", one + "/tag/{tag:path}", hub.delete_tag
    yield "POST", objects + "/batch", lfs.batch
    yield "POST", objects + "/verify", lfs.verify


def _without_namespace(request: Request, name: str) -> Response:
    """Every repository here has a namespace."""
    hide(user_of(request), Kind.MODEL, "", name)


_COMMIT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
        "description": "A header and operations, one JSON object a line.",
    }
}


def _raw_parameters(path: str) -> list[dict[str, Any]]:
    """OpenAPI entries for what handlers read from the raw path themselves."""
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+):path\}", path)
    ]
