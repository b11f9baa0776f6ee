"""A server that we did not write: `transformers serve` with a tiny model, asked by the same code as any other."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tiny_causal import write_tiny_causal

from gts.core.llm.backend import open_backend
from gts.core.llm.calls import CallStore, ask
from gts.core.llm.entries import ModelEntry
from gts.core.llm.probe import probe
from gts.core.llm.values import Call, Completion, Message

_START_S = 120.0
_CHAT = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelEntry]:
    folder = write_tiny_causal(tmp_path_factory.mktemp("weights"), ["hello\nhello there"] * 8)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": _CHAT}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder), "--port", str(port)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    log = tmp_path_factory.mktemp("log") / "serve.txt"
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + _START_S
        while True:
            try:
                httpx.get(f"{url}/health", timeout=1).raise_for_status()
                break
            except httpx.HTTPError:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.2)
        yield ModelEntry(name="real", kind="openai", model=str(folder), base_url=f"{url}/v1", concurrency=2)
    finally:
        server.terminate()
        server.wait(20)


def test_it_answers_and_is_asked_once(served: ModelEntry, tmp_path: Path) -> None:
    calls = [Call((Message("user", f"hello {n}"),), 8) for n in range(6)]

    first = ask(served, open_backend(served), calls, CallStore(tmp_path))
    again = ask(served, open_backend(served), calls, CallStore(tmp_path))

    assert first.faults == {}
    assert all(isinstance(answer, Completion) and answer.text for answer in first.answers)
    assert first.usage.completion_tokens > 0
    assert again.answers == first.answers
    assert again.paid.tokens == 0


def test_its_abilities_are_found_out(served: ModelEntry) -> None:
    abilities = probe(open_backend(served))

    assert abilities.tokens_per_second > 0
    assert not abilities.schema  # the model has never seen JSON, and nothing holds it to a schema
    assert not abilities.problem
