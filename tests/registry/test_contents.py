from __future__ import annotations

import io
import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from gts.core.errors import InvalidInput
from gts.registry.contents import check_content, check_name

WEIGHTS = save(
    {"a": np.zeros((2, 3), np.float32), "b": np.ones(4, np.int64), "empty": np.zeros(0, np.float32)}
)


def safetensors(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(first: object, last: object) -> dict[str, object]:
    return {"dtype": "U8", "shape": [1], "data_offsets": [first, last]}


@pytest.mark.parametrize(
    "path", ["model.safetensors", "a/config.json", "model.onnx", "x.bin.index.json", "vocab"]
)
def test_harmless_names_pass(path: str) -> None:
    check_name(path)


@pytest.mark.parametrize(
    "path",
    [
        "pytorch_model.bin",
        "a/b.pt",
        "x.PTH",
        "head.pkl",
        "m.pickle",
        "h.joblib",
        "h.skops",
        "x.npy",
        "y.npz",
        "x.ckpt",
        "x.pkl.gz",
        "x.joblib.xz.zip",
    ],
)
def test_pickle_names_are_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="can run code"):
        check_name(path)


def test_the_marker_of_a_pickle_is_never_written(tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    class Touch:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (marker,))

    for protocol in range(2, 6):
        with pytest.raises(InvalidInput, match="pickle"):
            check_content("weights.dat", io.BytesIO(pickle.dumps(Touch(), protocol)))
    assert not marker.exists()


def test_a_zip_under_another_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="zip"):
        check_content("model.onnx", io.BytesIO(b"PK\x03\x04rest"))


def test_real_safetensors_pass() -> None:
    check_content("model.safetensors", io.BytesIO(WEIGHTS))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "shorter"),
        (b"\x01\x02", "shorter"),
        (struct.pack("<Q", 1 << 60), "claims"),
        (struct.pack("<Q", 26 << 20) + b"{}", "claims"),
        (safetensors(b"{nonsense"), "not valid JSON"),
        (safetensors(b"[" * 100_000), "not valid JSON"),
        (safetensors([1]), "not a JSON object"),
        (safetensors(b'{"a": {}, "a": {}}'), "twice"),
        (safetensors({"a": tensor(0, 1), "b": tensor(0, 1)}, b"x"), "overlap"),
        (safetensors({"a": tensor(1, 2)}, b"xx"), "gaps"),
        (safetensors({"a": tensor(0, -1)}), "overlap"),
        (safetensors({"a": tensor("0", 1)}, b"x"), "not described"),
        (safetensors({"a": {"dtype": "U8"}}), "not described"),
        (WEIGHTS + pickle.dumps({"hidden": 1}), "end at byte"),
        (WEIGHTS[:-1], "end at byte"),
    ],
)
def test_damaged_or_padded_safetensors_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        check_content("x/model.safetensors", io.BytesIO(data))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (b'{"auto_map": {"AutoModel": "evil.Model"}}', "auto_map"),
        (b'{"custom_pipelines": {"x": {"impl": "evil.Pipe"}}}', "custom_pipelines"),
        (b"[]", "JSON object"),
        (b"{", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a": "\\ud800"}', "not valid JSON"),
        (b"\xff\xfe\xfd", "not valid JSON"),
    ],
)
@pytest.mark.parametrize("path", ["config.json", "sub/tokenizer_config.json"])
def test_configs_that_ask_for_code_or_cannot_be_read_are_refused(
    path: str, config: bytes, reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        check_content(path, io.BytesIO(config))


def test_the_list_of_training_data_is_no_config() -> None:
    check_content("data_config.json", io.BytesIO(b'[{"name": "reddit", "lines": 1}]'))


def test_a_label_may_be_called_auto_map() -> None:
    check_content("config.json", io.BytesIO(b'{"label2id": {"auto_map": 0}, "auto_map": null}'))
