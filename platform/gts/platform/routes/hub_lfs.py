"""Large files in the Hub protocol: a batch request gives each an address, where its bytes are sent before the commit."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse

from gts.core.blobs import Readable
from gts.core.errors import Forbidden, NotFound, Unauthorized
from gts.platform.routes.hub_bodies import LfsBatchBody, LfsObject
from gts.platform.routes.hub_protocol import base_url, user_of, visible
from gts.platform.routes.hub_writing import Body
from gts.registry.registry import Registry
from gts.registry.values import Kind

_TICKET_S = 3600.0
_MEDIA_TYPE = "application/vnd.git-lfs+json"


@dataclass(frozen=True)
class Ticket:
    """The right to send one object to one repository. Clients send no token with the bytes: the address is the right.

    Attributes:
        kind: What the repository holds.
        namespace: Its owner.
        name: Its name.
        oid: SHA-256 that the bytes must have.
        size: Their number.
        until: When the right ends, in seconds since 1970.
    """

    kind: str
    namespace: str
    name: str
    oid: str
    size: int
    until: float

    def sign(self, key: bytes) -> str:
        """The ticket as text that cannot be changed."""
        text = base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()
        return f"{text}.{_signature(text, key)}"

    @staticmethod
    def read(text: str, key: bytes, oid: str) -> Ticket:
        """The ticket in a text, if it was signed with the key and is for the object.

        Raises:
            Unauthorized: It is forged, or for another object.
            Forbidden: Its time is over.
        """
        document, _, signature = text.partition(".")
        if not hmac.compare_digest(
            signature.encode("utf-8", "surrogatepass"), _signature(document, key).encode()
        ):
            raise Unauthorized("this address was not made by this server", mend="ask for a new one")
        ticket = Ticket(**json.loads(base64.urlsafe_b64decode(document)))
        if ticket.oid != oid:
            raise Unauthorized("this address is for another object", mend="ask for a new one")
        if ticket.until < time.time():
            raise Forbidden("the time of this address is over", mend="start the upload again")
        return ticket


def _signature(text: str, key: bytes) -> str:
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def upload_key(path: Path) -> bytes:
    """The key in a file, made the first time; servers that share the file understand each other's addresses."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".upload-key-")
        with os.fdopen(handle, "wb") as target:
            target.write(secrets.token_bytes(32))
        try:
            os.link(draft, path)
        except FileExistsError:  # another process was first
            pass
        except OSError:  # a file system without links
            os.replace(draft, path)
        Path(draft).unlink(missing_ok=True)
    return path.read_bytes()


class HubLfs:
    """The handlers for one kind of repository.

    Args:
        registry: Where to.
        kind: What the repositories hold.
        key: Signs addresses.
        max_bytes: Largest object there may be.
    """

    def __init__(self, registry: Registry, kind: Kind, *, key: bytes, max_bytes: int) -> None:
        self._registry = registry
        self._kind = kind
        self._key = key
        self._max_bytes = max_bytes

    def batch(self, request: Request, namespace: str, name: str, body: LfsBatchBody) -> Response:
        """Where to send objects; those that are here need not be sent again."""
        self._writable(request, namespace, name)
        digests = {item.oid for item in body.objects}
        here = self._registry.uploaded(namespace, name, digests, kind=self._kind)
        answers = [
            {
                "oid": item.oid,
                "size": item.size,
                **self._answer(request, namespace, name, item, item.oid in here),
            }
            for item in body.objects
        ]
        document = {"transfer": "basic", "objects": answers, "hash_algo": "sha256"}
        return JSONResponse(document, media_type=_MEDIA_TYPE)

    def _answer(
        self, request: Request, namespace: str, name: str, item: LfsObject, here: bool
    ) -> dict[str, Any]:
        if here:
            return {}
        if item.size > self._max_bytes:
            message = f"{item.size:,} bytes are over the limit of {self._max_bytes:,}"
            return {"error": {"code": 413, "message": message}}
        until = time.time() + _TICKET_S
        ticket = Ticket(self._kind, namespace, name, item.oid, item.size, until).sign(self._key)
        base = base_url(request)
        verify = f"{base}/{self._kind.prefix}{namespace}/{name}.git/info/lfs/objects/verify"
        actions = {
            "upload": {"href": f"{base}/api/lfs/{item.oid}?ticket={ticket}"},
            "verify": {"href": verify},
        }
        return {"authenticated": True, "actions": actions}

    def verify(self, request: Request, namespace: str, name: str, body: LfsObject) -> Response:
        """Whether an object has arrived."""
        self._writable(request, namespace, name)
        if not self._registry.uploaded(namespace, name, {body.oid}, kind=self._kind):
            raise NotFound(f"the object {body.oid} has not arrived", mend="upload it again")
        return JSONResponse({}, media_type=_MEDIA_TYPE)

    def _writable(self, request: Request, namespace: str, name: str) -> None:
        repository = visible(self._registry, request, self._kind, namespace, name)
        user_of(request).require_write(repository.full_name)


class HubObjects:
    """Where the bytes of objects arrive.

    Args:
        registry: Where to.
        key: Signed the addresses.
        receivers: Threads that may wait for bytes of clients.
    """

    def __init__(self, registry: Registry, *, key: bytes, receivers: CapacityLimiter) -> None:
        self._registry = registry
        self._key = key
        self._receivers = receivers

    async def put(
        self,
        request: Request,
        oid: str,
        ticket: Annotated[str, Query(max_length=2000, description="From the batch request.")] = "",
    ) -> Response:
        """The bytes of an object; they must be those whose SHA-256 stands in the address."""
        work = partial(self._receive, Ticket.read(ticket, self._key, oid), Body(request))
        await to_thread.run_sync(work, limiter=self._receivers)
        return Response()

    def _receive(self, ticket: Ticket, body: Readable) -> None:
        self._registry.receive(
            ticket.namespace, ticket.name, ticket.oid, ticket.size, body, kind=Kind(ticket.kind)
        )
