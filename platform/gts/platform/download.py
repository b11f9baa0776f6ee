"""Downloading a model's files: every byte checked against its digest before it is visible."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import httpx

from gts.core.blobs import storage_errors
from gts.core.errors import StorageError
from gts.core.fingerprint import file_sha256
from gts.platform.remote import ServerUnreachable, error_of, hub_error_of

_TRIES = 4
_BLOCK_BYTES = 1 << 20


def download_files(
    http: httpx.Client, model: str, commit: str, files: Sequence[Mapping[str, Any]], folder: Path
) -> Path:
    """Fetch files of a commit into a folder; those that are there already and right are left alone.

    A new folder appears complete or not at all: files gather in a hidden folder beside it, where a
    broken download is taken up the next time.

    Args:
        http: Sends the requests, with the token.
        model: ``namespace/name``.
        commit: Commit id.
        files: Each with ``path``, ``size`` and ``sha256``.
        folder: Where the files go.

    Raises:
        StorageError: A file's bytes are not the published ones, or the disk is full.
        ServerUnreachable: The server cannot be reached.
        GTSError: What the server says where it refuses.
    """
    gathering = folder if folder.exists() else folder.with_name(f".{folder.name}.{commit[:12]}.part")
    gathering.mkdir(parents=True, exist_ok=True)
    with storage_errors(f"the model {model}"):
        for file in files:
            target = gathering / _inside(file["path"])
            if target.is_file() and file_sha256(target) == file["sha256"]:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            url = f"/{quote(model)}/resolve/{commit}/{quote(file['path'])}"
            try:
                _fetch(http, url, target, file["sha256"])
            except httpx.HTTPError as error:
                raise ServerUnreachable(
                    f"the download of {model} from {str(http.base_url).rstrip('/')} broke off: "
                    f"{error or type(error).__name__}",
                    mend="try again; what was downloaded is kept",
                ) from error
        if gathering != folder:
            os.rename(gathering, folder)
    return folder


def _inside(path: str) -> PurePosixPath:
    parsed = PurePosixPath(path)
    if parsed.is_absolute() or ".." in parsed.parts or "\\" in path or ":" in path or not parsed.parts:
        raise StorageError(
            f"the model lists a file {path!r}, which would lie outside its folder", mend="do not use it"
        )
    return parsed


def _fetch(http: httpx.Client, url: str, target: Path, sha256: str) -> None:
    part = target.with_name(f".{target.name}.part")
    for attempt in range(1, _TRIES + 1):
        try:
            found = _stream(http, url, part)
            break
        except httpx.TransportError:
            if attempt == _TRIES:
                raise
            time.sleep(0.25 * 2**attempt)
    if found != sha256:
        part.unlink()
        raise StorageError(
            f"{target.name} was damaged on the way or in the registry: its SHA-256 is {found}, published was {sha256}",
            mend="try again; if it stays so, publish the model again",
            file=target.name,
        )
    os.replace(part, target)


def _stream(http: httpx.Client, url: str, part: Path) -> str:
    """Write the body to ``part``, going on where an earlier try stopped; returns the digest of the whole file."""
    done = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={done}-"} if done else {})}
    with http.stream("GET", url, headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return file_sha256(part)  # everything is there
        if response.is_error:
            response.read()
            raise hub_error_of(response) or error_of(response)
        goes_on = response.status_code == httpx.codes.PARTIAL_CONTENT
        hasher = hashlib.sha256()
        if goes_on:
            with part.open("rb") as handle:
                while block := handle.read(_BLOCK_BYTES):
                    hasher.update(block)
        with part.open("ab" if goes_on else "wb") as handle:
            for block in response.iter_bytes(_BLOCK_BYTES):
                handle.write(block)
                hasher.update(block)
        return hasher.hexdigest()
