"""New pairs that a language model writes: read from whatever it answers, of the kind that was asked for, and new."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from scripted_model import ScriptedModel

from gts.core.errors import InvalidInput
from gts.core.llm.values import Answer, Call, Completion, Failed, Fault
from gts.generator.couple_writing import CoupleBrief
from gts.generator.couples import couples_of
from gts.generator.made import MadeRows
from gts.generator.pair_llm import PairLLMGenerator
from gts.generator.protocol import Request
from gts.generator.questions import LLMConfig
from gts.tasks.dataset import Origin
from gts.tasks.intake.fields import find_pair
from gts.tasks.rows import PairRow

GOLD = [
    PairRow("how do I reset my password", "what can I do to get a new password", 1.0),
    PairRow("where is the nearest bank", "is there a bank close to here", 1.0),
    PairRow("how do I reset my password", "how do I reset my phone", 0.0),
    PairRow("when does the shop open", "what is the weather like", 0.0),
]
POOL = [PairRow("can I pay by card", "do you take cash")]
FAILED = Failed(Fault.EMPTY, "the answer was empty")


def write(
    model: ScriptedModel | str | Answer,
    requests: Sequence[Request] = (Request("alike", 2),),
    *,
    gold: Sequence[PairRow] = GOLD,
    pool: Sequence[PairRow] = POOL,
    language: str = "en",
    seed: int = 0,
    **options: Any,
) -> MadeRows:
    asked = model if isinstance(model, ScriptedModel) else ScriptedModel(model)
    config = LLMConfig(**options)
    return PairLLMGenerator("big", asked, CoupleBrief("questions", language), config).generate(
        gold, pool, requests, seed
    )


def pairs(made: MadeRows) -> list[tuple[str, str]]:
    return [(row.row.text_a, row.row.text_b) for row in made.rows if isinstance(row.row, PairRow)]


def as_json(*couples: tuple[str, str]) -> str:
    return json.dumps({"pairs": [{"text_a": one, "text_b": other} for one, other in couples]})


def ever_new() -> ScriptedModel:
    numbers = count()

    def answer(call: Call) -> str:
        asked = re.search(r"Write (\d+) new", call.messages[0].content)
        assert asked
        return as_json(*((f"one {next(numbers)}", f"other {next(numbers)}") for _ in range(int(asked[1]))))

    return ScriptedModel(answer)


def test_pairs_come_with_score_and_provenance_in_the_order_of_the_requests() -> None:
    model = ever_new()
    made = write(model, [Request("alike", 10), Request("not alike", 7)], seeds_per_call=3)
    assert [row.labels for row in made.rows] == [("alike",)] * 10 + [("not alike",)] * 7
    assert [row.row.score for row in made.rows] == [1.0] * 10 + [0.0] * 7
    first = made.rows[0]
    assert (first.generator, first.kind, first.row.origin) == ("big", "written", Origin.GENERATED)
    assert first.scores == {"temperature": 0.8, "round": 1.0}
    shown = {text for row in GOLD for text in (row.text_a, row.text_b)}
    assert len(first.seeds) == 6 and set(first.seeds) <= shown
    assert len(model.rounds) == 1 and made.dropped == {}


def test_the_prompt_shows_both_kinds_and_says_which_is_wanted() -> None:
    model = ever_new()
    write(model, [Request("alike", 8), Request("not alike", 16)])
    alike, hard, easy = model.prompts
    for prompt in model.prompts:
        yes, no = prompt.split("not alike, as JSON:")[0:2]
        assert '{"text_a": "where is the nearest bank", "text_b": "is there a bank close to here"}' in yes
        assert '"text_b": "how do I reset my phone"}' in no and "reset my phone" not in yes
        assert '"questions"' in prompt and "Write in English" in prompt and "$" not in prompt
    assert "are alike as those real pairs" in alike
    assert "share most of their words" in hard and "plainly about different things" in easy
    only = ever_new()
    write(only, [Request("not alike", 1)], gold=GOLD[:1])
    assert "none are known yet" in only.prompts[0]


@pytest.mark.parametrize(
    "answer",
    [
        as_json(("a b", "c d"), ("e f", "g h")),
        'Sure!\n```json\n[\n["a b", "c d"],\n["e f", "g h"]\n]\n```\nEnjoy.',
        '{"pairs": [["a b", "c d"], ["e f", "g h"]]}',
        '{"1": {"Sentence 1": "a b", "Sentence 2": "c d"}, "2": {"Sentence 1": "e f", "Sentence 2": "g h"}}',
        "Here are two pairs:\n\nPair 1:\nA: a b\nB: c d\nPair 2:\nA: e f\nB: g h\n\nI hope this helps!",
        '1. **Text A:** "a b"\n   **Text B:** "c d"\n\n2. **Text A:** "e f"\n   **Text B:** "g h"',
        "Question 1: a b\nQuestion 2: c d\nQuestion 1: e f\nQuestion 2: g h",
        "Here you are:\n1. a b\n   c d\n2. e f\n   g h",
        "1.\n- a b\n- c d\n\n2.\n- e f\n- g h",
        "a b\nc d\n\ne f\ng h",
        "1. a b | c d\n2. e f | g h",
        "a b\tc d\ne f\tg h",
    ],
)
def test_answers_of_many_shapes_are_read(answer: str) -> None:
    assert pairs(write(answer, rounds=1, schema=False)) == [("a b", "c d"), ("e f", "g h")]


def test_signs_within_a_text_are_no_numbering() -> None:
    made = write("1. a - b is 1. and 2) too\n   3.5 - is *it*", rounds=1)
    assert pairs(made) == [("a - b is 1. and 2) too", "3.5 - is *it*")]


@pytest.mark.parametrize(
    "answer",
    ["", "[[[{", "{}", "As an AI language model, I cannot.", as_json(*[("", "")] * 1000), '{"pairs": ["...", 1]}', FAILED],
)  # fmt: skip
def test_a_model_that_says_nothing_is_asked_once(answer: str | Answer) -> None:
    model = ScriptedModel(answer)
    assert write(model, [Request("alike", 50)], rounds=20).rows == ()
    assert len(model.rounds) == 1


def test_what_is_of_no_use_is_left_out_and_counted() -> None:
    answer = as_json(
        ("new one", "new other"),
        ("New  other", "new ONE"),
        (GOLD[0].text_b, GOLD[0].text_a.upper()),
        ("do you take cash", "can I pay by card"),
        ("the same", "The same "),
        ("half", "..."),
        ("two", "more"),
    )
    made = write(answer, [Request("alike", 9)], rounds=1)
    assert pairs(made) == [("new one", "new other"), ("two", "more")]
    # Two calls: the second brings the same again.
    assert made.dropped == {"copy": 3 + 5, "same text": 2, "empty": 2}


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ('{"pairs": [{"text_a": "a", "text_b": "b"}, {"text_a": "c", "text_b": "d', [("a", "b")]),
        ("1. a | b\n2. c | d", [("a", "b")]),
        ("A: a\nB: b\n\nA: c", [("a", "b")]),
        ('{"pairs": [{"text_a": "a', []),
    ],
)
def test_what_was_cut_off_is_left_out_and_counted(answer: str, found: list[tuple[str, str]]) -> None:
    made = write(Completion(answer, is_whole=False), rounds=1)
    assert (pairs(made), made.dropped) == (found, {"cut off": 1})


def test_what_is_missing_is_asked_for_again_faults_are_skipped_kinds_take_turns() -> None:
    turns, numbers = count(), count()
    model = ScriptedModel(lambda call: FAILED if next(turns) % 2 else as_json((f"a {next(numbers)}", "b")))
    made = write(
        model,
        [Request("alike", 5), Request("not alike", 4)],
        texts_per_call=2,
        temperatures=(0.5, 1.0),
        rounds=2,
    )
    assert [len(calls) for calls in model.rounds] == [5, 3]
    assert [calls[0].temperature for calls in model.rounds] == [0.5, 1.0]
    kinds = ["not" if "texts of each pair are not alike" in prompt else "alike" for prompt in model.prompts]
    assert kinds[:5] == ["alike", "not", "alike", "not", "alike"]
    assert [row.labels for row in made.rows] == [("alike",)] * 3 + [("not alike",)]


def test_never_more_than_asked_for_nor_more_in_a_call_than_an_answer_holds() -> None:
    many = as_json(*((f"a {i}", f"b {i}") for i in range(50)))
    counted = Counter(row.labels for row in write(many, [Request("alike", 3), Request("not alike", 2)]).rows)
    assert counted == {("alike",): 3, ("not alike",): 2}
    model = ever_new()
    long = PairRow("x" * 400, "y" * 400, 1.0)
    assert len(write(model, [Request("alike", 6)], gold=[long]).rows) == 6
    assert [len(calls) for calls in model.rounds] == [3]


def test_equal_arguments_give_equal_calls_and_no_two_calls_are_equal() -> None:
    def calls(requests: Sequence[Request], seed: int = 0, **options: Any) -> list[Call]:
        model = ScriptedModel(FAILED)
        write(model, requests, seed=seed, **options)
        return model.rounds[0]

    both = [Request("alike", 60), Request("not alike", 60)]
    first = calls(both)
    assert first == calls(both) != calls(both, seed=1)
    assert len({(call.messages, call.seed) for call in first}) == len(first)
    alone = calls([Request("alike", 60)])
    assert [call for call in first if call in alone] == alone
    many = calls([Request("alike", 100)], chat=False, gold=GOLD[:1])
    assert len({(call.messages, call.seed) for call in many}) == 100


def test_a_schema_is_sent_where_the_model_keeps_to_one() -> None:
    for options, is_sent in (({}, True), ({"schema": False}, False), ({"chat": False}, False)):
        model = ScriptedModel(FAILED)
        write(model, **options)
        schema = model.rounds[0][0].schema
        assert (schema is not None) is is_sent
        if schema is not None:
            assert schema["properties"]["pairs"]["items"]["required"] == ["text_a", "text_b"]


def test_a_model_without_instruction_tuning_goes_on_writing_a_list() -> None:
    numbers = count()
    model = ScriptedModel(
        lambda call: f" who {next(numbers)}\nB: what\n\nTwo texts that are alike:\nA: where"
    )
    made = write(model, [Request("not alike", 3)], chat=False)
    assert pairs(made) == [(f"who {i}", "what") for i in range(3)]
    for prompt in model.prompts:
        assert prompt.endswith("\n\nTwo texts that are not alike:\nA:")
        assert "Two texts that are alike:\nA: where is the nearest bank\nB: is there a bank" in prompt
    assert model.rounds[0][0].max_tokens < 100
    for cut in ("who are", "who are you\nB: what is", ""):
        made = write(Completion(cut, is_whole=False), chat=False, rounds=1)
        assert (made.rows, made.dropped) == ((), {"cut off": 2} if cut else {})
    assert pairs(write("A: who\nB: what", chat=False, rounds=1)) == [("who", "what")]
    assert write("one\ntwo", chat=False, rounds=1).dropped == {"empty": 2}


def test_chinese_pairs_are_asked_for_in_chinese() -> None:
    gold = [PairRow("你晚上吃了什么", "你晚上吃啥了", 1.0), PairRow("我喜欢你", "你喜欢我", 0.0)]
    model = ScriptedModel("好的，以下是文本对：\n1. 文本一：今天天气怎么样\n   文本二：今天天气好吗")
    made = write(model, gold=gold, pool=(), language="zh", rounds=1)
    assert pairs(made) == [("今天天气怎么样", "今天天气好吗")]
    assert (
        "用中文写" in model.prompts[0]
        and "Write" not in model.prompts[0]
        and "你晚上吃啥了" in model.prompts[0]
    )
    base = ScriptedModel("今天几号\n乙：今天是几号\n\n两条不相似的文本：")
    made = write(base, [Request("alike", 1)], gold=gold, pool=(), language="zh", chat=False)
    assert pairs(made) == [("今天几号", "今天是几号")]
    assert base.prompts[0].endswith("两条相似的文本：\n甲：")


def test_a_persons_own_prompt_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GTS_PROMPTS", str(tmp_path))
    (tmp_path / "write_pairs.txt").write_text("$alike|$unlike|$wanted|$count", "utf-8")
    model = ScriptedModel(FAILED)
    write(model)
    assert model.prompts[0].endswith("|2")
    (tmp_path / "write_pairs.txt").write_text("$alike|$wanted|$count", "utf-8")
    with pytest.raises(InvalidInput, match="unlike"):
        write(model)
    (tmp_path / "write_pairs.txt").unlink()
    (tmp_path / "pairs.txt").write_text("alike: x", "utf-8")
    with pytest.raises(InvalidInput, match=r"pairs\.txt has no line for 'easy'"):
        write(model)


def test_wrong_arguments_are_refused() -> None:
    for request in (Request("similar", 1), Request((), 1), Request(("alike", "not alike"), 1)):
        with pytest.raises(InvalidInput, match="known: alike, not alike"):
            write("", [request])
    with pytest.raises(InvalidInput, match="no pair to learn from"):
        write("", gold=[])
    with pytest.raises(InvalidInput, match=r"score 0\.5"):
        write("", gold=[PairRow("a", "b", 0.5)])
    assert write("", []) == MadeRows() == write("", [Request("alike", 0)])


def test_no_answer_is_too_long_or_too_odd_to_be_read() -> None:
    counts: Counter[str] = Counter()
    for answer in (
        "A: " * 50_000,
        '{"a": ' * 20_000,
        "1. " * 50_000,
        "x: y\n" * 20_000,
        "[" * 50_000,
        f"a{' ' * 50_000}b",
    ):
        found = couples_of(Completion(answer), lambda keys: find_pair(keys, None), counts)
        assert not any(one and other for one, other in found)
