from __future__ import annotations

import base64
import io
import json
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.core.errors import InvalidInput
from gts.registry.hub_commits import CommitRequest, read_commit
from gts.registry.staging import AddFile, AddUpload, Delete, Staging


class Trickle:
    """A body that arrives in pieces of random sizes."""

    def __init__(self, content: bytes, seed: int = 0, most: int = 1 << 20) -> None:
        self._rest, self._random, self._most = io.BytesIO(content), random.Random(seed), most

    def read(self, size: int, /) -> bytes:
        return self._rest.read(self._random.randint(1, min(size, self._most)))


def file_line(path: str, content: bytes) -> dict[str, Any]:
    value = {"content": base64.b64encode(content).decode(), "path": path, "encoding": "base64"}
    return {"key": "file", "value": value}


def header(**value: str) -> dict[str, Any]:
    return {"key": "header", "value": {"summary": "s", **value}}


def body(*lines: Any) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[Staging]:
    with Staging(tmp_path) as staging:
        yield staging
    assert list(tmp_path.iterdir()) == []


def files(request: CommitRequest) -> dict[str, bytes]:
    return {
        operation.path: operation.content.read_bytes()
        for operation in request.operations
        if isinstance(operation, AddFile)
    }


def test_a_commit_is_read(staging: Staging) -> None:
    lines = [
        header(description="more", parentCommit="ABCDEF1"),
        file_line("a", b"1"),
        {"key": "lfsFile", "value": {"path": "b", "algo": "sha256", "oid": "0" * 64, "size": 5}},
        {"key": "lfsFile", "value": {"path": "c", "algo": "sha256", "oid": "1" * 64}},
        {"key": "deletedFile", "value": {"path": "d"}},
        {"key": "deletedFolder", "value": {"path": "e/"}},
    ]
    found = read_commit(io.BytesIO(body(*lines)), staging)
    assert (found.message, found.parent) == ("s\n\nmore", "abcdef1")
    assert files(found) == {"a": b"1"}
    assert found.operations[1:] == (
        AddUpload("b", "0" * 64, 5),
        AddUpload("c", "1" * 64, None),
        Delete("d"),
        Delete("e/", folder=True),
    )


@settings(max_examples=60, deadline=None)
@given(
    contents=st.lists(
        st.one_of(
            st.binary(max_size=200),
            # Around the length at which a line is no longer read as a whole.
            st.integers(97_000, 100_000).map(lambda size: bytes(range(256)) * (size // 256)),
            st.integers(150_000, 500_000).map(lambda size: random.Random(size).randbytes(size)),
        ),
        max_size=4,
    ),
    seed=st.integers(0, 1000),
    most=st.sampled_from([1, 7, 1000, 1 << 20]),
    ends=st.sampled_from([b"", b"\n", b"\n\n"]),
    spaces=st.booleans(),
)
def test_files_arrive_whole_however_the_body_is_cut(
    contents: list[bytes],
    seed: int,
    most: int,
    ends: bytes,
    spaces: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if most < 1000:
        contents = [content[:3000] for content in contents]
    lines = [header(), *(file_line(f'f{n} "content": "', content) for n, content in enumerate(contents))]
    separators = (", ", ": ") if spaces else (",", ":")
    text = b"\n".join(json.dumps(line, separators=separators).encode() for line in lines) + ends
    with Staging(tmp_path_factory.mktemp("staging")) as staging:
        found = read_commit(Trickle(text, seed, most), staging)
        assert list(files(found).values()) == contents


def test_a_large_file_takes_little_memory(staging: Staging) -> None:
    content = random.Random(0).randbytes(30_000_000)
    text = io.BytesIO(body(header(), file_line("large", content)))
    tracemalloc.start()
    found = read_commit(text, staging)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000
    assert files(found) == {"large": content}


def test_what_comes_behind_the_content_counts(staging: Staging) -> None:
    line = json.dumps(file_line("a", b"x" * 200_000)).encode()
    moved = line.replace(b'"encoding": "base64"', b'"encoding": "rot13"')
    with pytest.raises(InvalidInput, match="line 2"):
        read_commit(io.BytesIO(body(header()) + moved), staging)


def test_every_cut_is_noticed_or_harmless(staging: Staging) -> None:
    text = body(header(), file_line("a", b"x" * 150_000), {"key": "deletedFile", "value": {"path": "b"}})
    first = text.index(b"\n") + 1
    whole = read_commit(io.BytesIO(text), staging)
    for at in [*range(first + 1, first + 60), *range(first + 60, len(text) - 1, 3001), len(text) - 5]:
        try:
            found = read_commit(io.BytesIO(text[:at]), staging)
        except InvalidInput:
            continue
        assert files(found) in ({}, files(whole)), at
