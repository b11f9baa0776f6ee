"""A server that we did not write: llama.cpp's Python one with a tiny model, asked by the same code as any other.

Compiling llama.cpp takes minutes, so the tests are skipped where it is not at hand. ``GTS_LLAMA_PYTHON`` names an interpreter that
has it, made by ``pip install 'llama-cpp-python[server]' gguf`` in an environment of its own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from tiny_causal import write_tiny_causal
from tiny_gguf import write_tiny_gguf

from gts.core.errors import InvalidInput, Unavailable
from gts.core.llm.backend import open_backend
from gts.core.llm.calls import CallStore, ask
from gts.core.llm.entries import ModelEntry
from gts.core.llm.probe import probe
from gts.core.llm.values import Answer, Call, Completion, Failed, Fault, Message
from gts.teacher.incontext import Question
from gts.teacher.llm import tell

_START_S = 120.0
_CHAT = "{{ bos_token }}{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
_WET, _DRY = "is the sea wet?", "is the sun dry?"
_PYTHON = os.environ.get("GTS_LLAMA_PYTHON", sys.executable)

pytestmark = pytest.mark.skipif(
    "GTS_LLAMA_PYTHON" not in os.environ and not (find_spec("llama_cpp") and find_spec("gguf")),
    reason="needs llama-cpp-python[server] and gguf; GTS_LLAMA_PYTHON can name an interpreter that has them",
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt to answer two questions with a letter."""
    folder = write_tiny_causal(tmp_path_factory.mktemp("weights"), [f"{_WET}\nA", f"{_DRY}\nB"] * 8)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": _CHAT}))
    return write_tiny_gguf(folder, folder / "tiny.gguf", _PYTHON)


@contextmanager
def serving(weights: Path) -> Iterator[tuple[ModelEntry, subprocess.Popen[bytes]]]:
    """Serve the model, for those who know the key, until the end of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    key = weights.with_name("key")
    key.write_text("secret")
    options = {"model": weights, "model_alias": "tiny", "host": "127.0.0.1", "port": port, "n_ctx": 512}
    options |= {"n_threads": 1, "n_threads_batch": 1, "api_key": "secret"}
    command = [_PYTHON, "-m", "llama_cpp.server"]
    command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    log = weights.with_name("log.txt")
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}/v1"
        until = time.monotonic() + _START_S
        while True:
            try:
                bearer = {"Authorization": "Bearer secret"}
                httpx.get(f"{url}/models", headers=bearer, timeout=1).raise_for_status()
                break
            except httpx.HTTPError:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.2)
        entry = ModelEntry(
            name="real", kind="openai", model="tiny", base_url=url, key_file=key, concurrency=2
        )
        yield entry, server
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def served(weights: Path) -> Iterator[ModelEntry]:
    with serving(weights) as (entry, _):
        yield entry


def test_it_answers_and_is_asked_once(served: ModelEntry, tmp_path: Path) -> None:
    calls = [Call((Message("user", text),), 8) for text in (_WET, _DRY)]

    first = ask(served, open_backend(served), calls, CallStore(tmp_path))
    again = ask(served, open_backend(served), calls, CallStore(tmp_path))

    assert [answer.text for answer in first.answers if isinstance(answer, Completion)] == ["A", "B"]
    assert first.usage.completion_tokens > 0
    assert again.answers == first.answers
    assert again.paid.tokens == 0


def test_its_abilities_are_found_out(served: ModelEntry) -> None:
    abilities = probe(open_backend(served))

    assert (abilities.logprobs, abilities.schema, abilities.problem) == (True, True, "")
    assert abilities.tokens_per_second > 0


def test_its_beliefs_are_read_from_the_letters(served: ModelEntry, tmp_path: Path) -> None:
    backend, store = open_backend(served), CallStore(tmp_path)
    questions = [Question(text, (0, 1)) for text in (_WET, _DRY)]

    told = tell(questions, 2, False, lambda calls: ask(served, backend, calls, store).answers)

    assert told.method == "log-probabilities"
    assert told.probabilities.argmax(axis=1).tolist() == [0, 1]
    assert told.probabilities.max() < 0.99  # as sure as the model is, not a vote


def test_a_question_beyond_its_context_is_refused_and_the_others_go_on(served: ModelEntry) -> None:
    answers: dict[int, Answer] = {}
    calls = [Call((Message("user", text),), 8) for text in (_WET * 100, _WET)]

    open_backend(served).complete(calls, answers.__setitem__)

    assert isinstance(answers[0], Failed)
    assert answers[0].fault == Fault.REFUSED
    assert "context" in answers[0].reason
    assert isinstance(answers[1], Completion)


def test_a_wrong_key_is_named(served: ModelEntry) -> None:
    keyless = served.model_copy(update={"key_file": None})

    with pytest.raises(InvalidInput, match="refuses the key of model 'real'"):
        open_backend(keyless).complete([Call((Message("user", _WET),), 8)], lambda index, answer: None)


def test_a_server_that_is_killed_is_given_up(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.001)
    with serving(weights) as (entry, server):
        backend = open_backend(entry)
        kept: list[Answer] = []

        def on_answer(index: int, answer: Answer) -> None:
            kept.append(answer)
            server.kill()

        calls = [Call((Message("user", f"{_WET} {n}"),), 8) for n in range(40)]
        with pytest.raises(Unavailable, match="'real' at .* has stopped answering"):
            backend.complete(calls, on_answer)

    assert isinstance(kept[0], Completion)
    assert len(kept) < 20
