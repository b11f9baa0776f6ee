"""Rows of a table come from its file as they were written, and a file that is not well is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from gts.core.errors import NotFound, StorageError
from gts.student.stored_table import StoredTable


def stored(folder: Path, values: np.ndarray, **others: np.ndarray) -> StoredTable:
    save_file({"embeddings": values, **others}, folder / "model.safetensors")
    return StoredTable(folder, "model.safetensors", "embeddings")


@pytest.mark.parametrize("kind", [np.int8, np.float16, np.float32])
def test_rows_are_those_that_were_written(tmp_path: Path, kind: type) -> None:
    values = (40 * np.random.default_rng(0).normal(size=(500, 6))).clip(-127, 127).astype(kind)
    # Another tensor comes before it in the file.
    table = stored(tmp_path, values, before=np.zeros(7, np.float32))
    assert table.shape == (500, 6)
    ids = np.array([3, 499, 0, 3])
    found = table.rows(ids)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, values[ids].astype(np.float32))
    assert table.rows(np.zeros(0, np.int64)).shape == (0, 6)


def test_a_file_may_go_while_it_is_read(tmp_path: Path) -> None:
    table = stored(tmp_path, np.ones((5, 4), np.float32))
    (tmp_path / "model.safetensors").unlink()
    assert table.rows(np.array([2])).tolist() == [[1, 1, 1, 1]]


def test_a_file_that_has_become_shorter_is_noticed(tmp_path: Path) -> None:
    table = stored(tmp_path, np.ones((500, 4), np.float32))
    with (tmp_path / "model.safetensors").open("r+b") as file:
        file.truncate(200)
    with pytest.raises(StorageError, match="shorter"):
        table.rows(np.array([499]))


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    for values in (np.ones(4, np.float32), np.ones((2, 2), np.int64)):
        with pytest.raises(StorageError, match="two dimensions in int8, float16 or float32"):
            stored(tmp_path, values)
    with pytest.raises(StorageError, match="not finite"):
        stored(tmp_path, np.full((600_000, 2), np.inf, np.float16))
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(StorageError, match="damaged"):
        StoredTable(tmp_path, "model.safetensors", "embeddings")
    with pytest.raises(NotFound):
        StoredTable(tmp_path, "head.safetensors", "embeddings")
