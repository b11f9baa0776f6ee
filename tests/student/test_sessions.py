"""Networks and token tables are held once for each content, whatever the files are called."""

from __future__ import annotations

import gc
import shutil
import weakref
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from gts.core.errors import StorageError
from gts.student import sessions
from gts.student.export import quantize_table, save_graph
from gts.student.layout import ONNX_FP32, ONNX_INT8
from gts.student.onnx_file import tables
from gts.student.sessions import Session, open_session
from gts.student.shared import Memory, Shared
from gts.student.tokenizing import shared_tokenizer

INPUTS = {"input_ids": np.array([[5, 7, 9]]), "attention_mask": np.array([[1, 1, 1]])}


@pytest.fixture
def all_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of any size are shared."""
    monkeypatch.setattr(sessions, "_LEAST_SHARED", 0)


def logits(session: Session) -> np.ndarray:
    return np.asarray(session.run(["logits"], INPUTS)[0])


def with_another_head(path: Path, target: Path) -> Path:
    """The same network but for what comes after its table."""
    proto = onnx.load(path)
    (stored,) = (tensor for tensor in proto.graph.initializer if tensor.name == "bias")
    stored.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(stored) + 1, "bias"))
    save_graph(proto, target)
    return target


@pytest.mark.parametrize("name", [ONNX_FP32, ONNX_INT8])
def test_tables_are_found_as_onnx_finds_them(
    static_folder: Path, arrays: tuple[np.ndarray, ...], name: str
) -> None:
    data = (static_folder / name).read_bytes()
    found = {table.name: table for table in tables(memoryview(data))}
    wanted = {"table": quantize_table(arrays[0])[0]}
    assert found.keys() == wanted.keys()
    for key, values in wanted.items():
        table = found[key]
        read = np.frombuffer(data[table.start : table.stop], table.dtype).reshape(table.shape)
        np.testing.assert_array_equal(read, values)


def test_bytes_that_are_no_model_hold_no_tables(static_folder: Path) -> None:
    whole = (static_folder / ONNX_INT8).read_bytes()

    @settings(max_examples=200, deadline=None)
    @given(st.one_of(st.binary(max_size=200), st.integers(0, len(whole)).map(lambda size: whole[:size])))
    def check(data: bytes) -> None:
        for table in tables(memoryview(data)):
            assert 0 <= table.start <= table.stop <= len(data)

    check()
    assert tables(memoryview(b"")) == []


@pytest.mark.usefixtures("all_tables")
@pytest.mark.parametrize("name", [ONNX_FP32, ONNX_INT8])
def test_networks_with_one_table_hold_it_once(static_folder: Path, tmp_path: Path, name: str) -> None:
    path = static_folder / name
    other = with_another_head(path, tmp_path / "other.onnx")
    session, second = open_session(path, 1), open_session(other, 1)
    np.testing.assert_allclose(logits(second), logits(session) + 1, atol=1e-5)
    common = session.memory.keys() & second.memory.keys()
    assert common and all(key.startswith("table ") for key in common)
    together = Memory(0, session.memory) + Memory(0, second.memory)
    assert sum(together.shared.values()) < sum(session.memory.values()) + sum(second.memory.values())


def test_one_content_is_opened_once_and_goes_with_its_last_user(static_folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(static_folder / ONNX_INT8, tmp_path / "copy.onnx"))
    session = open_session(static_folder / ONNX_INT8, 1)
    assert open_session(copy, 1) is session
    assert open_session(copy, 2) is not session
    expected, held = logits(session), weakref.ref(session)
    del session
    gc.collect()
    assert held() is None
    np.testing.assert_array_equal(logits(open_session(copy, 1)), expected)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"no network", b"\x3a\xff\xff\xff\xff\x0f"):
        (tmp_path / "model.onnx").write_bytes(content)
        with pytest.raises(StorageError, match="onnxruntime cannot run"):
            open_session(tmp_path / "model.onnx", 1)


def test_folders_with_one_tokenizer_share_it(static_folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(static_folder, tmp_path / "other"))
    assert shared_tokenizer(other) is shared_tokenizer(static_folder)
    short = shared_tokenizer(other, 4)
    assert short is not shared_tokenizer(static_folder)
    text = "where is my parcel is my parcel"
    assert (
        len(short.tokenizer.encode(text).ids) == 4 < len(shared_tokenizer(other).tokenizer.encode(text).ids)
    )
    (other / "tokenizer.json").write_text("{}")
    with pytest.raises(StorageError, match="damaged"):
        shared_tokenizer(other)


def test_what_nobody_uses_is_forgotten() -> None:
    class Thing:
        pass

    shared: Shared[Thing] = Shared()
    first = shared.get("a", Thing)
    assert shared.get("a", Thing) is first
    held = weakref.ref(first)
    del first
    gc.collect()
    assert held() is None
