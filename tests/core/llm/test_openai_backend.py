"""Servers that answer, and all the ways in which they do not."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_server import Script, chat, error, serving, trickle

from gts.core.errors import Cancelled, InvalidInput, MissingDependency, Unavailable
from gts.core.llm import openai_backend
from gts.core.llm.backend import open_backend
from gts.core.llm.entries import ModelEntry
from gts.core.llm.values import Answer, Call, Completion, Failed, Fault, Message, Usage


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    monkeypatch.setattr("openai._constants.INITIAL_RETRY_DELAY", 0.001)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.001)


def call(text: str = "say hello", **options: Any) -> Call:
    return Call((Message("user", text),), **options)


def entry(url: str, **options: Any) -> ModelEntry:
    return ModelEntry(name="big", kind="openai", model="m", base_url=url, **options)


def complete(script: Script, calls: list[Call], **options: Any) -> tuple[list[Answer], list[dict[str, Any]]]:
    answers: dict[int, Answer] = {}
    with serving(script) as server:
        open_backend(entry(server.url, **options)).complete(calls, answers.__setitem__)
    return [answers[index] for index in range(len(calls))], server.bodies


def test_an_answer_comes_with_what_it_took() -> None:
    answers, bodies = complete(
        lambda body, count: chat("hello"),
        [call(temperature=0.7, max_tokens=9, seed=3, schema={"type": "object"})],
    )

    assert answers == [Completion("hello", Usage(7, 3))]
    assert bodies[0]["messages"] == [{"role": "user", "content": "say hello"}]
    assert {name: bodies[0][name] for name in ("temperature", "max_tokens", "seed")} == {
        "temperature": 0.7,
        "max_tokens": 9,
        "seed": 3,
    }
    assert bodies[0]["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_every_call_gets_its_own_answer_however_many_fly_at_once() -> None:
    calls = [call(f"number {n}") for n in range(40)]

    answers, _ = complete(
        lambda body, count: chat(body["messages"][0]["content"].upper()), calls, concurrency=7
    )

    assert [answer.text for answer in answers if isinstance(answer, Completion)] == [
        f"NUMBER {n}" for n in range(40)
    ]


def test_the_likeliest_first_tokens_are_given() -> None:
    top = [{"token": "yes", "logprob": -0.1, "bytes": None}, {"token": "no", "logprob": -2.5, "bytes": None}]
    logprobs = {
        "content": [{"token": "yes", "logprob": -0.1, "bytes": None, "top_logprobs": top}],
        "refusal": None,
    }

    answers, bodies = complete(lambda body, count: chat("yes", logprobs=logprobs), [call(top_logprobs=5)])

    assert answers == [Completion("yes", Usage(7, 3), {"yes": -0.1, "no": -2.5})]
    assert (bodies[0]["logprobs"], bodies[0]["top_logprobs"]) == (True, 5)


def test_of_first_tokens_with_one_text_the_likeliest_counts() -> None:
    top = [{"token": text, "logprob": nats, "bytes": None} for text, nats in (("A", -0.1), ("A", -9.0))]
    logprobs = {"content": [{**top[0], "top_logprobs": top}], "refusal": None}

    answers, _ = complete(lambda body, count: chat("A", logprobs=logprobs), [call(top_logprobs=5)])

    assert answers == [Completion("A", Usage(7, 3), {"A": -0.1})]


def test_half_an_answer_says_that_it_is_one() -> None:
    answers, _ = complete(lambda body, count: chat("half an ans", finish="length"), [call()])

    assert answers == [Completion("half an ans", Usage(7, 3), is_whole=False)]


def test_many_calls_at_once_learn_the_newer_name_of_the_limit() -> None:
    def script(body: dict[str, Any], count: int) -> Any:
        return error(400, "use 'max_completion_tokens' instead") if "max_tokens" in body else chat("hello")

    answers, _ = complete(script, [call(str(n)) for n in range(20)], concurrency=8)

    assert answers == [Completion("hello", Usage(7, 3))] * 20


def test_one_call_without_an_answer_does_not_give_up_a_server_that_answered() -> None:
    with serving(lambda body, count: chat("hello") if count < 3 else error(500, "oops")) as server:
        backend = open_backend(entry(server.url, concurrency=1))
        backend.complete([call(str(n)) for n in range(3)], lambda index, answer: None)
        last: list[Answer] = []
        backend.complete([call("3")], lambda index, answer: last.append(answer))

    assert isinstance(last[0], Failed)


def test_what_a_model_thinks_aloud_is_no_answer() -> None:
    answers, _ = complete(lambda body, count: chat("<think>yes? no?</think>\n\nno"), [call()])

    assert answers == [Completion("no", Usage(7, 3))]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_stumbles_is_asked_again(status: int) -> None:
    answers, bodies = complete(
        lambda body, count: error(status, "busy") if count < 2 else chat("hello"), [call()]
    )

    assert answers == [Completion("hello", Usage(7, 3))]
    assert len(bodies) == 3


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (error(400, "the context is too long"), Fault.REFUSED),
        (chat(""), Fault.EMPTY),
        (chat(None), Fault.EMPTY),
        (chat("<think>for ever"), Fault.EMPTY),
        ({"choices": []}, Fault.GARBAGE),
        ({}, Fault.GARBAGE),
        (b"<html>welcome</html>", Fault.GARBAGE),
    ],
)
def test_a_call_that_fails_says_why_and_the_others_go_on(reply: Any, fault: Fault) -> None:
    calls = [call("good"), call("bad"), call("fine")]

    answers, _ = complete(
        lambda body, count: reply if body["messages"][0]["content"] == "bad" else chat("hello"), calls
    )

    assert [isinstance(answer, Completion) for answer in answers] == [True, False, True]
    assert isinstance(answers[1], Failed)
    assert answers[1].fault == fault
    assert answers[1].reason


def test_a_server_that_answers_for_ever_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_backend, "_PATIENCE", 1.0)

    answers, _ = complete(
        lambda body, count: trickle if body["messages"][0]["content"] == "bad" else chat("hello"),
        [call("bad"), call("good")],
        timeout_s=0.4,
    )

    assert isinstance(answers[0], Failed)
    assert answers[0].fault == Fault.NO_ANSWER
    assert answers[1] == Completion("hello", Usage(7, 3))


def test_a_server_that_died_halfway_is_given_up_and_answers_are_kept() -> None:
    answers: dict[int, Answer] = {}
    calls = [call(f"number {n}") for n in range(200)]
    with serving(lambda body, count: chat("hello") if count < 20 else error(500, "out of memory")) as server:
        backend = open_backend(entry(server.url, concurrency=2))
        with pytest.raises(Unavailable, match=r"has stopped answering: .*out of memory"):
            backend.complete(calls, answers.__setitem__)

    assert sum(isinstance(answer, Completion) for answer in answers.values()) == 20
    assert len(answers) < 40


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(Unavailable, match=r"'big' at http://127\.0\.0\.1:1/v1 cannot be reached"):
        open_backend(entry("http://127.0.0.1:1/v1")).complete([call()], lambda index, answer: None)


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "refuses the key"), (403, "refuses the key"), (404, "does not know the model")],
)
def test_a_wrong_key_or_name_ends_it_at_once(status: int, words: str) -> None:
    with serving(lambda body, count: error(status, "no")) as server, pytest.raises(InvalidInput, match=words):
        open_backend(entry(server.url, concurrency=1)).complete([call()] * 9, lambda index, answer: None)

    assert len(server.bodies) == 1


def test_a_server_that_knows_the_limit_by_its_newer_name_is_understood() -> None:
    def script(body: dict[str, Any], count: int) -> Any:
        if "max_tokens" in body:
            return error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return chat("hello")

    answers, bodies = complete(script, [call(max_tokens=5), call("again", max_tokens=5)], concurrency=1)

    assert answers == [Completion("hello", Usage(7, 3))] * 2
    assert [body.get("max_completion_tokens") for body in bodies] == [None, 5, 5]


def test_a_server_that_knows_schemas_by_another_name_is_understood() -> None:
    def script(body: dict[str, Any], count: int) -> Any:
        if body.get("response_format", {}).get("type") == "json_schema":
            return error(500, "1 validation error: Input should be 'text' or 'json_object'")
        return chat("{}")

    schema = {"type": "object"}
    calls = [call("plain"), call("shaped", schema=schema), call("again", schema=schema)]
    answers, bodies = complete(script, calls, concurrency=1)

    assert answers == [Completion("{}", Usage(7, 3))] * 3
    assert [body["response_format"] for body in bodies[-2:]] == [
        {"type": "json_object", "schema": schema}
    ] * 2


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "secret")
    with serving(lambda body, count: chat("hello")) as server:
        open_backend(entry(server.url, key_env="SOME_KEY")).complete([call()], lambda index, answer: None)
    assert server.keys == ["Bearer secret"]

    monkeypatch.delenv("SOME_KEY")
    with pytest.raises(MissingDependency, match="SOME_KEY, which is not set"):
        open_backend(entry(server.url, key_env="SOME_KEY"))


def test_a_server_that_only_fails_is_not_said_to_have_stopped() -> None:
    with serving(lambda body, count: error(500, "oops")) as server, pytest.raises(Unavailable) as caught:
        open_backend(entry(server.url)).complete([call()], lambda index, answer: None)
    assert "answers with errors only" in str(caught.value)


def test_neither_key_nor_password_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-hush-12345")
    said = "Incorrect API key provided: sk-hush-12345"
    with serving(lambda body, count: error(401, said)) as server:
        address = server.url.replace("http://", "http://ann:pass-hush@")
        with pytest.raises(InvalidInput) as caught:
            open_backend(entry(address, key_env="SOME_KEY")).complete([call()], lambda index, answer: None)
    assert "hush" not in str(caught.value)
    assert "***" in str(caught.value)

    answers, _ = complete(lambda body, count: error(400, said), [call()], key_env="SOME_KEY")
    assert isinstance(answers[0], Failed)
    assert "hush" not in answers[0].reason


@pytest.mark.parametrize(
    "reply",
    [
        chat("hello") | {"usage": {"prompt_tokens": "many", "completion_tokens": None}},
        chat("hello", logprobs={"content": [{"top_logprobs": [{"token": "a"}, {"token": None}]}]}),
        {"choices": [{"message": {"content": ["a"]}}]},
        {"choices": [7]},
    ],
)
def test_parts_of_the_wrong_kind_end_nothing(reply: Any) -> None:
    answers, _ = complete(
        lambda body, count: reply if body["messages"][0]["content"] == "bad" else chat("hello"),
        [call("bad"), call("good")],
        concurrency=1,
    )

    assert answers[1] == Completion("hello", Usage(7, 3))


def test_an_address_that_no_library_takes_is_an_error_of_ours() -> None:
    odd = ModelEntry.model_construct(**{**entry("http://h/v1").__dict__, "base_url": "http://h:99999/v1"})
    with pytest.raises((InvalidInput, Unavailable), match="'big' at http://h:99999/v1"):
        open_backend(odd).complete([call(str(n)) for n in range(3)], lambda index, answer: None)


def test_a_job_that_is_cancelled_ends_the_asking() -> None:
    def stop(index: int, answer: Answer) -> None:
        raise Cancelled("the job was stopped")

    with serving(lambda body, count: chat("hello")) as server, pytest.raises(Cancelled, match="stopped"):
        open_backend(entry(server.url)).complete([call(f"number {n}") for n in range(9)], stop)
    assert len(server.bodies) < 9 + 8
