"""What users of a language model as generator rely on, with answers that a test gives."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_causal import write_tiny_causal

from gts.core.errors import InvalidInput
from gts.core.llm.entries import ModelEntry
from gts.core.llm.transformers_backend import TransformersBackend
from gts.core.llm.values import Answer, Call, Completion, Failed, Fault
from gts.generator.llm import Brief, LLMConfig, LLMGenerator
from gts.generator.protocol import GeneratedText, Generator, PoolWeights, Request
from gts.tasks.dataset import Example

BILLING = [
    f"invoice number {word} was charged twice" for word in ("one", "two", "three", "four", "five", "six")
]
DELIVERY = [
    f"parcel number {word} has not come yet" for word in ("one", "two", "three", "four", "five", "six")
]
GOLD = [Example(text, ("billing",)) for text in BILLING] + [Example(text, ("delivery",)) for text in DELIVERY]
POOL = ["the refund for the lamp was too small", "the courier lost the lamp", "the lamp refund never came"]
BRIEF = Brief("tickets", {"billing": "charges", "delivery": "", "praise": ""}, "en")
BOTH = [Request("billing", 20), Request("delivery", 10)]
FAILED = Failed(Fault.EMPTY, "the answer was empty")


class Model:
    """Answers as a function says, and remembers what it was asked, round by round."""

    def __init__(self, answer: Callable[[Call], Answer] | None = None) -> None:
        self.numbers = count()
        self.answer = answer or self.new_texts
        self.rounds: list[list[Call]] = []

    def __call__(self, calls: Sequence[Call]) -> list[Answer]:
        self.rounds.append(list(calls))
        return [self.answer(call) for call in calls]

    @property
    def prompts(self) -> list[str]:
        return [call.messages[0].content for calls in self.rounds for call in calls]

    def new_texts(self, call: Call) -> Answer:
        asked = re.search(r"Write (\d+) new", call.messages[0].content)
        assert asked
        return said(*(f"text {next(self.numbers)}" for _ in range(int(asked[1]))))


def said(*texts: str) -> Completion:
    return Completion(json.dumps({"texts": texts}))


def make(
    model: Model,
    requests: Sequence[Request] = BOTH,
    *,
    gold: Sequence[Example] = GOLD,
    pool: Sequence[str] = POOL,
    brief: Brief = BRIEF,
    weights: PoolWeights | None = None,
    seed: int = 0,
    **options: Any,
) -> list[GeneratedText]:
    generator: Generator = LLMGenerator("big", model, brief, LLMConfig(**options))
    return list(generator.generate(gold, pool, requests, seed, weights))


def wished(prompts: Sequence[str], name: str) -> list[str]:
    return [line for text in prompts for line in re.findall(rf"^- {name}: (.*)$", text, re.MULTILINE)]


def test_texts_come_in_the_order_of_the_requests_and_never_more_than_asked_for() -> None:
    model = Model(lambda call: said(*(f"{call.messages[0].content} {i}" for i in range(50))))
    made = make(model)
    assert [text.labels for text in made] == [("billing",)] * 20 + [("delivery",)] * 10
    assert len({text.text for text in made}) == 30
    assert {text.generator for text in made} == {"big"}
    assert make(Model(), [Request("billing", 0)]) == [] == make(Model(), [])


def test_all_calls_of_a_round_are_handed_over_at_once_labels_by_turns() -> None:
    model = Model()
    assert len(make(model, texts_per_call=4)) == 30
    assert [len(calls) for calls in model.rounds] == [8]
    one_after_the_other = [
        "billing" if 'belongs to this label:\n- "billing"' in p else "d" for p in model.prompts
    ]
    assert one_after_the_other == ["billing", "d"] * 3 + ["billing"] * 2


def test_what_is_missing_is_asked_for_again_at_the_next_temperature() -> None:
    model = Model(lambda call: said(f"text {next(model.numbers)}", "text 0"))
    made = make(model, [Request("billing", 6)], texts_per_call=3, rounds=3, temperatures=(0.5, 1.0))
    assert [len(calls) for calls in model.rounds] == [2, 2, 1]
    assert [calls[0].temperature for calls in model.rounds] == [0.5, 1.0, 0.5]
    assert [text.scores["temperature"] for text in made] == [0.5] * 2 + [1.0] * 2 + [0.5]
    assert [text.scores["round"] for text in made] == [1, 1, 2, 2, 3]


def test_copies_of_the_users_texts_and_of_each_other_do_not_count() -> None:
    model = Model(lambda call: said("new", BILLING[0].upper(), POOL[1] + " ", "New", "also  new", "also new"))
    assert [text.text for text in make(model, rounds=1)] == ["new", "also  new"]


@pytest.mark.parametrize("answer", [FAILED, Completion(""), Completion("{}"), said(*[""] * 1_000)])
def test_a_model_that_says_nothing_is_asked_once(answer: Answer) -> None:
    model = Model(lambda call: answer)
    assert make(model, [Request("billing", 1_000)], rounds=20, texts_per_call=1) == []
    assert len(model.rounds) == 1


def test_failed_calls_are_asked_again_up_to_the_last_round() -> None:
    model = Model(lambda call: FAILED if next(model.numbers) % 2 else said(f"text {next(model.numbers)}0"))
    made = make(model, [Request("billing", 100)], texts_per_call=10, rounds=4)
    assert len(model.rounds) == 4
    assert 0 < len(made) < 100


def test_what_was_cut_off_is_left_out() -> None:
    model = Model(lambda call: Completion('{"texts": ["a whole text", "a text that was c', is_whole=False))
    assert [text.text for text in make(model, rounds=1)] == ["a whole text"]


def test_equal_arguments_and_answers_give_equal_calls_and_no_two_are_equal() -> None:
    first, again, other = Model(), Model(), Model()
    assert make(first) == make(again)
    assert first.rounds == again.rounds
    make(other, seed=1)
    assert other.rounds != first.rounds
    alone = Model()
    make(alone, BOTH[:1])
    assert [call for call in first.rounds[0] if call in alone.rounds[0]] == alone.rounds[0]
    many = Model(lambda call: FAILED)
    make(many, [Request("billing", 200)], chat=False, gold=GOLD[:1], pool=[])
    calls = many.rounds[0]
    assert len({(call.messages, call.seed) for call in calls}) == len(calls) == 200


def test_a_second_request_of_the_same_label_asks_other_questions() -> None:
    model = Model()
    make(model, [Request("billing", 8), Request("billing", 8)])
    assert model.prompts[0] != model.prompts[1]


def test_each_example_is_shown_about_equally_often_and_kept_with_the_texts() -> None:
    model = Model()
    made = make(model, [Request("billing", 80)], texts_per_call=4, seeds_per_call=4)
    shown = Counter(seed for text in made for seed in text.seeds)
    assert set(shown) == set(BILLING)
    assert max(shown.values()) - min(shown.values()) <= 4
    for prompt, text in zip(model.prompts, made[::4], strict=True):
        assert len(text.seeds) == 4
        assert all(f'"{seed}"' in prompt for seed in text.seeds)


def test_pool_texts_of_which_the_teacher_is_sure_are_shown_too() -> None:
    weights = PoolWeights(
        ("praise", "billing", "delivery"), np.array([[0.05, 0.9, 0.05], [0, 0, 1], [0.2, 0.6, 0.2]])
    )
    made = make(Model(), [Request("billing", 40), Request("delivery", 8)], weights=weights)
    for text in made:
        assert set(text.seeds) & set(POOL) == {POOL[0] if text.labels == ("billing",) else POOL[1]}
        assert len(text.seeds) == 5


def test_a_handful_of_calls_covers_the_wishes() -> None:
    model = Model()
    make(model, [Request("billing", 24)], texts_per_call=2)
    prompts = model.prompts
    assert set(Counter(wished(prompts, "Style")).values()) == {1, 2}
    assert len(set(wished(prompts, "Style"))) == len(set(wished(prompts, "Writer"))) == 8
    assert wished(prompts, "Length") == ["6 to 6 words each."] * 12
    topics = " ".join(wished(prompts, "Subjects to choose from, if they suit"))
    assert "refund" in topics and "courier" in topics
    assert "parcel" not in topics
    assert (
        wished(prompts, "Hard cases")
        == ['each could be taken for "delivery" at first sight, but is "billing".'] * 4
    )


def test_the_hard_cases_lie_near_the_label_that_the_teacher_confuses() -> None:
    weights = PoolWeights(
        ("billing", "delivery", "praise"), np.array([[0.5, 0, 0.5], [0, 1, 0], [0.4, 0, 0.6]])
    )
    model = Model()
    make(model, [Request("billing", 24)], weights=weights)
    assert set(wished(model.prompts, "Hard cases")) == {
        'each could be taken for "praise" at first sight, but is "billing".'
    }


def test_sets_of_labels_and_none_at_all() -> None:
    brief = Brief("tickets", {"billing": "", "urgent": ""}, "en", multi_label=True)
    gold = [*GOLD[:3], Example("pay me now", ("urgent", "billing")), Example("hello there")]
    model = Model()
    made = make(model, [Request(("billing", "urgent"), 4), Request((), 4)], gold=gold, brief=brief, pool=[])
    assert {(text.labels, text.seeds) for text in made} == {
        (("billing", "urgent"), ("pay me now",)),
        ((), ("hello there",)),
    }
    assert "all of these labels" in model.prompts[0] and "none of these labels" in model.prompts[1]
    partly = Model()
    make(partly, [Request(("billing", "urgent"), 4)], gold=GOLD[:3], brief=brief, pool=[])
    assert '(labels of this one: "billing")' in partly.prompts[0]


def test_the_schema_is_sent_where_the_server_takes_one() -> None:
    model, without = Model(), Model()
    make(model)
    make(without, schema=False)
    schema = model.rounds[0][0].schema
    assert schema is not None and schema["required"] == ["texts"]
    assert {call.schema for call in without.rounds[0]} == {None}
    assert all(call.max_tokens == 1024 and call.top_p == 0.95 for call in model.rounds[0])


def test_a_label_without_examples_can_be_asked_for() -> None:
    model = Model()
    assert len(make(model, [Request("praise", 3)])) == 3
    assert "none are known yet" in model.prompts[0]


def test_wrong_arguments_are_refused_before_the_model_is_asked() -> None:
    generator = LLMGenerator("big", Model(), BRIEF)
    with pytest.raises(InvalidInput, match="'refunds'; known: billing, delivery"):
        generator.generate(GOLD, POOL, [Request("refunds", 1)], 0)
    with pytest.raises(InvalidInput, match="no text to learn from"):
        generator.generate([], [], BOTH, 0)
    with pytest.raises(InvalidInput, match="for 1 texts; the pool has 3"):
        generator.generate(GOLD, POOL, BOTH, 0, PoolWeights(("billing",), np.ones((1, 1))))


@pytest.mark.parametrize(
    "options",
    [
        {"texts_per_call": 0},
        {"texts_per_call": True},
        {"seeds_per_call": 1.5},
        {"temperatures": ()},
        {"temperatures": (0.5, 3.0)},
        {"temperatures": "hot"},
        {"top_p": 0.0},
        {"max_tokens": 0},
        {"rounds": 0},
        {"chat": "yes"},
        {"schema": None},
        {"bytes_per_token": 0.0},
    ],
)
def test_options_out_of_range_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(options))):
        LLMConfig(**options)


def test_options_can_come_from_json() -> None:
    assert LLMConfig(**json.loads('{"temperatures": [1, 0.5], "top_p": 1}')).temperatures == (1.0, 0.5)


def test_a_model_without_instruction_tuning_goes_on_writing_a_list() -> None:
    model = Model(
        lambda call: Completion(f"new text {next(model.numbers)}\nbilling: more and m", is_whole=False)
    )
    made = make(model, [Request("billing", 5)], chat=False)
    assert [text.text for text in made] == [f"new text {i}" for i in range(5)]
    (calls,) = model.rounds
    assert len(calls) == 5
    for call, text in zip(calls, made, strict=True):
        lines = call.messages[0].content.splitlines()
        assert lines[-6:] == [*(f"billing: {seed}" for seed in text.seeds), "billing:"]
        assert call.schema is None and call.max_tokens < 64
    assert all(one.messages != other.messages for one, other in pairwise(calls))


def test_a_real_model_that_only_continues(tmp_path: Path) -> None:
    texts = ["the tea is hot", "the cup is red", "my tea is cold", "my cup is full"]
    lines = [[texts[(i + j) % 4] for j in range(4)] for i in range(4)]
    folder = write_tiny_causal(
        tmp_path, ["\n".join(f"tea: {text}" for text in row) + "\n" for row in lines], steps=80
    )
    backend = TransformersBackend(ModelEntry(name="tiny", kind="transformers", model=str(folder)))

    def ask(calls: Sequence[Call]) -> list[Answer]:
        answers: dict[int, Answer] = {}
        backend.complete(calls, answers.__setitem__)
        return [answers[i] for i in range(len(calls))]

    generator = LLMGenerator(
        "tiny",
        ask,
        Brief("drinks", {"tea": "", "car": ""}),
        LLMConfig(chat=False, bytes_per_token=0.6, temperatures=(1.0,), top_p=1.0, rounds=1),
    )
    gold = [*(Example(text, ("tea",)) for text in texts), Example("the car is red", ("car",))]

    made = list(generator.generate(gold, [], [Request("tea", 6)], seed=3))

    assert 1 <= len(made) <= 6
    assert made == list(generator.generate(gold, [], [Request("tea", 6)], seed=3))
    assert len({text.text for text in made}) == len(made)
    for text in made:
        assert text.text not in texts and "\n" not in text.text and not text.text.startswith("tea:")
        assert set(text.seeds) == set(texts)
