"""Answers are paid for once, kept as they come, and not bought beyond the budget."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from gts.core.errors import Unavailable
from gts.core.llm.backend import OnAnswer
from gts.core.llm.calls import Allowance, CallStore, ask, call_key
from gts.core.llm.entries import ModelEntry, Price
from gts.core.llm.values import Call, Completion, Failed, Fault, Message, Usage

ENTRY = ModelEntry(
    name="big",
    kind="openai",
    model="m",
    base_url="http://localhost/v1",
    concurrency=2,
    price=Price(input=1.0, output=10.0),
)


class Echo:
    """Answers with the question; dies after so many, and fails those that say so."""

    def __init__(self, dies_after: int = 1000) -> None:
        self.asked: list[str] = []
        self._left = dies_after

    def complete(self, calls: Sequence[Call], on_answer: OnAnswer) -> None:
        for index, call in enumerate(calls):
            if not self._left:
                raise Unavailable("gone", mend="start it")
            self._left -= 1
            text = call.messages[0].content
            self.asked.append(text)
            usage = Usage(100, 10)
            failed = Failed(Fault.EMPTY, "the answer was empty", usage)
            on_answer(index, failed if text.startswith("fail") else Completion(text.upper(), usage))


def calls(*texts: str) -> list[Call]:
    return [Call((Message("user", text),)) for text in texts]


def test_an_answer_is_paid_for_once(tmp_path: Path) -> None:
    store, echo = CallStore(tmp_path), Echo()

    first = ask(ENTRY, echo, calls("a", "b", "a"), store)
    second = ask(ENTRY, echo, calls("b", "c"), store)

    assert [answer.text for answer in first.answers if isinstance(answer, Completion)] == ["A", "B", "A"]
    assert echo.asked == ["a", "b", "c"]
    assert (first.usage, first.cached) == (Usage(200, 20), 0)
    assert (second.usage, second.paid, second.cached) == (Usage(200, 20), Usage(100, 10), 1)
    assert second.money == pytest.approx(200e-6 + 200e-6)


def test_what_came_before_a_crash_is_not_bought_again(tmp_path: Path) -> None:
    wanted = calls(*"abcdefghij")
    with pytest.raises(Unavailable):
        ask(ENTRY, Echo(dies_after=7), wanted, CallStore(tmp_path))

    echo = Echo()
    answers = ask(ENTRY, echo, wanted, CallStore(tmp_path))

    assert echo.asked == list("hij")
    assert answers.cached == 7


def test_a_failed_call_is_asked_again_next_time(tmp_path: Path) -> None:
    store, echo = CallStore(tmp_path), Echo()

    first = ask(ENTRY, echo, calls("fail", "a"), store)
    ask(ENTRY, echo, calls("fail", "a"), store)

    assert first.faults == {"empty": 1}
    assert first.paid == Usage(200, 20)
    assert echo.asked == ["fail", "a", "fail"]


@pytest.mark.parametrize("allowance", [Allowance(tokens=800), Allowance(money=1500e-6)])
def test_no_batch_is_bought_when_the_budget_is_spent(tmp_path: Path, allowance: Allowance) -> None:
    echo = Echo()

    answers = ask(ENTRY, echo, calls(*(f"text {n}" for n in range(50))), CallStore(tmp_path), allowance)

    assert len(echo.asked) == 7  # an eighth would not have fitted
    assert answers.faults == {"budget": 43}


def test_another_model_or_seed_is_another_answer() -> None:
    call = calls("a")[0]
    other = ENTRY.model_copy(update={"model": "n"})
    elsewhere = ENTRY.model_copy(update={"base_url": "http://other/v1"})
    called_otherwise = ENTRY.model_copy(update={"base_url": "http://ann:hush@localhost/v1/", "name": "huge"})

    assert call_key(ENTRY, call) != call_key(other, call)
    assert call_key(ENTRY, call) != call_key(ENTRY, Call(call.messages, seed=1))
    assert call_key(ENTRY, call) != call_key(elsewhere, call)  # two servers may call different models alike
    assert call_key(ENTRY, call) == call_key(called_otherwise, call)


def test_the_last_batch_is_as_small_as_what_is_left(tmp_path: Path) -> None:
    many = calls(*(f"text {n}" for n in range(200)))
    wide = ENTRY.model_copy(update={"concurrency": 16})

    answers = ask(wide, Echo(), many, CallStore(tmp_path), Allowance(tokens=5000))
    again = ask(wide, Echo(), many, CallStore(tmp_path), Allowance(tokens=5000))

    assert 4500 < answers.usage.tokens <= 5000
    assert again.answers == answers.answers
    assert again.paid == Usage()


def test_kept_answers_tell_what_they_once_took(tmp_path: Path) -> None:
    first = ask(ENTRY, Echo(), calls("a", "b", "c"), CallStore(tmp_path))
    again = ask(ENTRY, Echo(), calls("a", "b", "c"), CallStore(tmp_path))

    assert first.seconds > 0
    assert again.seconds == pytest.approx(first.seconds, abs=1e-5)
    assert (first.timed, again.timed) == (3, 3)


def test_a_damaged_answer_is_bought_again(tmp_path: Path) -> None:
    store, echo = CallStore(tmp_path), Echo()
    ask(ENTRY, echo, calls("a"), store)
    for file in tmp_path.rglob("*.json"):
        file.write_text("{")

    ask(ENTRY, echo, calls("a"), store)

    assert echo.asked == ["a", "a"]


def test_progress_ends_at_one(tmp_path: Path) -> None:
    seen: list[float] = []
    ask(ENTRY, Echo(), calls("a", "b", "b", "c"), CallStore(tmp_path), on_progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
