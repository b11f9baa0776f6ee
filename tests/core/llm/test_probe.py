"""What a model can do is what it was seen to do."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_server import chat, error, serving

from gts.core.llm.backend import open_backend
from gts.core.llm.entries import ModelEntry
from gts.core.llm.probe import probe

TOP = [{"token": "Yes", "logprob": -0.1, "bytes": None}]
LOGPROBS = {"content": [{**TOP[0], "top_logprobs": TOP}], "refusal": None}


def able(body: dict[str, Any], count: int) -> dict[str, Any]:
    if "response_format" in body:
        return chat('{"colour": "red"}')
    return chat("Yes", logprobs=LOGPROBS if body.get("logprobs") else None)


def unable(body: dict[str, Any], count: int) -> dict[str, Any]:
    """Takes every wish and keeps none, as some servers do."""
    return chat("Hello!")


@pytest.mark.parametrize(("script", "can"), [(able, True), (unable, False)])
def test_abilities_are_seen(script: Any, can: bool) -> None:
    with serving(script) as server:
        seen = probe(open_backend(ModelEntry(name="big", kind="openai", model="m", base_url=server.url)))

    assert (seen.logprobs, seen.schema, seen.problem) == (can, can, "")
    assert seen.tokens_per_second > 0


def test_a_server_that_refuses_is_reported() -> None:
    with serving(lambda body, count: error(400, "no such field")) as server:
        seen = probe(open_backend(ModelEntry(name="big", kind="openai", model="m", base_url=server.url)))

    assert "no such field" in seen.problem
