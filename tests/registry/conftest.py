from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from s3_lab import ask_s3
from safetensors.numpy import save_file

from gts.core.blob_cache import BlobCache
from gts.core.blobs import Blobs, BlobStore
from gts.core.database import Database
from gts.core.remote_blobs import RemoteBlobs
from gts.core.s3 import open_s3, parse_url
from gts.registry.registry import Registry

README = "---\nlicense: mit\npipeline_tag: text-classification\nlibrary_name: transformers\ntags: [gts]\n---\n# Card\n"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Blobs in S3 are tried over one kind of database: the two know nothing of each other."""
    items[:] = [item for item in items if _params(item) != {"postgres", "s3"}]


def _params(item: pytest.Item) -> set[str]:
    params = getattr(item, "callspec", None) and item.callspec.params
    return {params.get("database_url"), params.get("blobs")} if params else set()


@pytest.fixture(scope="session")
def s3_files() -> Any:
    """One client of S3 for all tests, to be used with ``s3_url``: each new one reads what all of S3 can do."""
    return open_s3()


@pytest.fixture(params=["local", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """An empty store of this test alone, once of each kind."""
    if request.param == "local":
        return BlobStore(tmp_path / "blobs")
    base = parse_url(request.getfixturevalue("s3_url"))
    return RemoteBlobs(request.getfixturevalue("s3_files"), base, BlobCache(tmp_path / "copies", 1 << 30))


@pytest.fixture
def registry(database: Database, blobs: Blobs) -> Registry:
    return Registry(database, blobs)


@pytest.fixture
def damage(blobs: Blobs, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Flips the last bit of a stored blob, or takes its last byte (``shorter``), or all of it (``missing``)."""

    def damaged(data: bytes, shorter: bool = False) -> bytes:
        return data[:-1] if shorter else data[:-1] + bytes([data[-1] ^ 1])

    def on_disk(digest: str, missing: bool = False, **how: bool) -> None:
        path = blobs.path(digest)
        if missing:
            path.unlink()
            return
        path.write_bytes(damaged(path.read_bytes(), **how))
        os.utime(path, ns=(1, path.stat().st_mtime_ns + 1_000_000))  # clocks may be coarser than this test

    def in_s3(digest: str, missing: bool = False, **how: bool) -> None:
        server = request.getfixturevalue("s3_server")
        place = f"{request.getfixturevalue('s3_url')}/{digest[:2]}/{digest}"
        if missing:
            ask_s3(server, place, "DELETE")
        else:
            ask_s3(server, place, "PUT", damaged(ask_s3(server, place), **how))
        (blobs.root / digest[:2] / digest).unlink(missing_ok=True)  # another machine has no copy

    return on_disk if isinstance(blobs, BlobStore) else in_s3


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small model folder; files given by keyword path replace or (None) leave out the usual ones."""

    def write(name: str = "model", **changed: bytes | None) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        save_file({"weight": np.arange(64, dtype=np.float32)}, folder / "model.safetensors")
        usual: dict[str, bytes | None] = {
            "README.md": README.encode(),
            "config.json": json.dumps({"architectures": ["BertForSequenceClassification"]}).encode(),
            "onnx/model.onnx": b"\x08\x0a\0onnx",
        }
        for path, content in (usual | changed).items():
            if content is not None:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
        return folder

    return write
