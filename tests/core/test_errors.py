"""Errors keep what they say on their way out: over process borders and as JSON."""

from __future__ import annotations

import json
import multiprocessing
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from gts.core import errors
from gts.core.errors import DataError, GTSError, NotFound
from gts.tasks.dataset import load_task


def kinds(root: type[GTSError] = GTSError) -> Iterator[type[GTSError]]:
    yield root
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from kinds(kind)


def test_an_error_crosses_a_process_border(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool, pytest.raises(DataError) as caught:
        pool.apply_async(load_task, (tmp_path,)).get(timeout=60)

    assert caught.value.mend == "submit the task again"


def test_nothing_of_an_error_is_lost_on_the_way() -> None:
    error = pickle.loads(
        pickle.dumps(DataError("row 3 has no text", mend="fill it in", file="a.csv", line=3))
    )

    assert type(error) is DataError
    assert (error.message, error.mend) == ("row 3 has no text", "fill it in")
    assert error.details == {"file": "a.csv", "line": 3}


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_every_error_leaves_in_one_shape(kind: type[GTSError]) -> None:
    body = json.loads(json.dumps(kind("no model 'a/b'", mend="look again", model="a/b").as_json()))

    assert body == {
        "error": {
            "code": kind.code,
            "message": "no model 'a/b'",
            "mend": "look again",
            "details": {"model": "a/b"},
        }
    }
    assert 400 <= kind.status < 600


def test_codes_tell_errors_apart() -> None:
    assert len({kind.code for kind in kinds()}) == len(list(kinds()))


def test_the_text_for_people_ends_with_the_mend() -> None:
    assert str(NotFound("no model 'a/b'", mend="run `gts models`")) == "no model 'a/b'. run `gts models`"
    assert str(NotFound("no model 'a/b'")) == "no model 'a/b'"
