from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from gts.core.blobs import BlobStore
from gts.core.database import Database
from gts.registry.registry import Registry

README = "---\nlicense: mit\npipeline_tag: text-classification\nlibrary_name: transformers\ntags: [gts]\n---\n# Card\n"


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def registry(database: Database, blobs: BlobStore) -> Registry:
    return Registry(database, blobs)


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
