"""A server that we did not write: llama.cpp's Python one with a tiny model, asked by the same code as any other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_server import IS_THERE, PYTHON, serving_llama
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

_CHAT = "{{ bos_token }}{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
_WET, _DRY = "is the sea wet?", "is the sun dry?"

pytestmark = pytest.mark.skipif(
    not IS_THERE,
    reason="needs llama-cpp-python[server] and gguf; GTS_LLAMA_PYTHON can name an interpreter that has them",
)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.001)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt to answer two questions with a letter."""
    folder = write_tiny_causal(tmp_path_factory.mktemp("weights"), [f"{_WET}\nA", f"{_DRY}\nB"] * 8)
    return write_tiny_gguf(folder, folder / "tiny.gguf", _CHAT, PYTHON)


@pytest.fixture(scope="module")
def served(weights: Path) -> Iterator[ModelEntry]:
    with serving_llama(weights, "tiny", "secret", weights.with_name("served.txt")) as llama:
        yield _entry(llama.url, weights.with_name("key"))


def _entry(url: str, key: Path) -> ModelEntry:
    key.write_text("secret")
    return ModelEntry(name="real", kind="openai", model="tiny", base_url=url, key_file=key, concurrency=2)


def _call(text: str, max_tokens: int = 8, **options: Any) -> Call:
    return Call((Message("user", text),), max_tokens, **options)


def test_it_answers_and_is_asked_once(served: ModelEntry, tmp_path: Path) -> None:
    calls = [_call(_WET), _call(_DRY)]

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
    assert told.abstained == 0
    assert told.probabilities.argmax(axis=1).tolist() == [0, 1]


def test_its_answer_keeps_to_a_schema(served: ModelEntry) -> None:
    texts = {"type": "array", "items": {"type": "string"}}
    schema = {"type": "object", "properties": {"texts": texts}, "required": ["texts"]}
    answers: dict[int, Answer] = {}

    open_backend(served).complete([_call(_WET, 200, schema=schema)], answers.__setitem__)

    assert isinstance(answers[0], Completion)
    assert isinstance(json.loads(answers[0].text)["texts"], list)


def test_a_question_beyond_its_context_is_refused_and_the_others_go_on(served: ModelEntry) -> None:
    answers: dict[int, Answer] = {}

    open_backend(served).complete([_call(_WET * 100), _call(_WET)], answers.__setitem__)

    assert isinstance(answers[0], Failed)
    assert answers[0].fault == Fault.REFUSED
    assert "maximum context length" in answers[0].reason
    assert isinstance(answers[1], Completion)


def test_a_wrong_key_is_named(served: ModelEntry) -> None:
    keyless = served.model_copy(update={"key_file": None})

    with pytest.raises(InvalidInput, match="refuses the key of model 'real'"):
        open_backend(keyless).complete([_call(_WET)], lambda index, answer: None)


def test_a_server_that_is_killed_is_given_up_and_answers_are_kept(weights: Path, tmp_path: Path) -> None:
    answers: dict[int, Answer] = {}
    with serving_llama(weights, "tiny", "secret", tmp_path / "served.txt") as llama:
        backend = open_backend(_entry(llama.url, tmp_path / "key"))

        def on_answer(index: int, answer: Answer) -> None:
            answers[index] = answer
            llama.process.kill()

        with pytest.raises(Unavailable, match=r"'real' at .* has stopped answering"):
            backend.complete([_call(f"{_WET} {n}") for n in range(40)], on_answer)

    assert any(isinstance(answer, Completion) for answer in answers.values())
    assert len(answers) < 20
