"""The server as clients meet it: where it is, and the errors it answers with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from gts.core.errors import GTSError, InvalidInput

_T = TypeVar("_T")


class ServerUnreachable(GTSError):
    """Nothing answers at the server's address."""

    code = "server_unreachable"
    status = 503


def error_of(response: httpx.Response) -> GTSError:
    """The error a response carries, as the class that the server raised."""
    try:
        return error_told(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return GTSError(
            f"the server answered {response.status_code} without saying why",
            mend="is this the address of a GTS platform? its log has the details",
        )


def error_told(body: Mapping[str, Any]) -> GTSError:
    """The error that JSON of the server tells, as the class that it raised.

    Raises:
        KeyError: It tells none.
    """
    code, message = str(body["code"]), str(body["message"])
    details = {str(key): value for key, value in (body.get("details") or {}).items() if str(key) != "mend"}
    known = {cls.code: cls for cls in subclasses(GTSError)}
    error = known.get(code, GTSError)(message, mend=str(body.get("mend", "")), **details)
    return error


def hub_error_of(response: Any) -> GTSError | None:
    """The error that a platform's Hub routes answered with, as the class that it raised; None where it is none of these.

    Args:
        response: Of httpx, or of the twin of it that Hub clients bring.
    """
    try:
        body = json.loads(response.content)
        return error_told({"code": body["code"], "message": body["error"]})
    except (ValueError, KeyError, TypeError):
        return None


def locate(url: str | None, token: str | None, data_dir: Path | None) -> tuple[str, str | None]:
    """Address and token of a server; what is not given is that of the server running on this machine.

    Raises:
        ServerUnreachable: No address was given and no local server runs.
    """
    folder = data_dir or Path(os.environ.get("GTS_HOME") or Path.home() / ".gts").expanduser()
    try:
        document = json.loads((folder / "server.json").read_text("utf-8"))
        local_url, local_token = str(document["url"]), str(document["token"])
    except (OSError, ValueError, KeyError) as error:
        if url is None:
            raise ServerUnreachable(
                f"no platform is running on {folder}",
                mend="start it with `gts up`, or give the address of another with --url and --token",
            ) from error
        return url, token
    # The local token belongs to the local server and is never sent elsewhere.
    same = url is None or url.rstrip("/") == local_url
    return url or local_url, token or (local_token if same else None)


def generated_path(job_id: str, text_id: str | None = None) -> str:
    """Where the generated texts of a job are, or one of them."""
    path = f"/api/v1/jobs/{quote(job_id, safe='')}/generated"
    return path if text_id is None else f"{path}/{quote(text_id, safe='')}"


def model_path(name: str) -> str:
    """The part of a path that names a model.

    Raises:
        InvalidInput: It is not of the form ``namespace/name``.
    """
    namespace, slash, model = name.partition("/")
    if not (namespace and slash and model) or "/" in model:
        raise InvalidInput(f"{name!r} is not the name of a model", mend="write it as namespace/name")
    return f"{quote(namespace, safe='')}/{quote(model, safe='')}"


def subclasses(cls: type[_T]) -> Iterator[type[_T]]:
    """A class and all below it."""
    yield cls
    for child in cls.__subclasses__():
        yield from subclasses(child)
