"""New texts with summaries that a language model writes: read from whatever it answers, whole, and new."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from scripted_model import ScriptedModel

from gts.core.errors import InvalidInput
from gts.core.llm.values import Answer, Call, Completion, Failed, Fault
from gts.generator.couple_writing import CoupleBrief
from gts.generator.made import MadeRows
from gts.generator.questions import LLMConfig
from gts.generator.summary_llm import SummaryLLMGenerator
from gts.tasks.dataset import Origin
from gts.tasks.rows import SummaryRow

GOLD = [
    SummaryRow("Ann: Are you coming tonight?\nBen: No, I have to work late again.", "Ben works late."),
    SummaryRow("Kim: Where is my blue bag?\nLee: You left it on the train, I think.", "Kim lost a bag."),
    SummaryRow("Max: The soup is cold.\nWaiter: I am sorry, I will bring another.", "Max sends soup back."),
]
POOL = ["Zoe: Have you seen the new film?\nTom: Twice, and I liked it."]
TEXT = "Eve: Shall we go out for lunch?\nSam: Yes, at noon, I will be at the door."
LUNCH = "Eve and Sam have lunch."
FAILED = Failed(Fault.EMPTY, "the answer was empty")


def write(
    model: ScriptedModel | str | Answer,
    wanted: int = 1,
    *,
    gold: Sequence[SummaryRow] = GOLD,
    pool: Sequence[str] = POOL,
    language: str = "en",
    seed: int = 0,
    **options: Any,
) -> MadeRows:
    asked = model if isinstance(model, ScriptedModel) else ScriptedModel(model)
    config = LLMConfig(**options)
    return SummaryLLMGenerator("big", asked, CoupleBrief("talks", language), config).generate(
        gold, pool, wanted, seed
    )


def written(made: MadeRows) -> list[tuple[str, str | None]]:
    return [(row.row.text, row.row.summary) for row in made.rows if isinstance(row.row, SummaryRow)]


def as_json(*rows: tuple[str, str]) -> str:
    return json.dumps({"texts": [{"text": text, "summary": summary} for text, summary in rows]})


def ever_new() -> ScriptedModel:
    numbers = count()

    def answer(call: Call) -> str:
        asked = re.search(r"Write (\d+) new", call.messages[0].content)
        assert asked
        return as_json(*((f"{TEXT} {next(numbers)}", LUNCH) for _ in range(int(asked[1]))))

    return ScriptedModel(answer)


def test_rows_come_with_provenance_and_never_more_than_asked_for() -> None:
    model = ever_new()
    made = write(model, 10, seeds_per_call=2)
    assert len(made.rows) == 10 and len(model.rounds) == 1
    (first, *_) = made.rows
    assert (first.labels, first.generator, first.kind) == ((), "big", "written")
    assert first.row == SummaryRow(f"{TEXT} 0", LUNCH, Origin.GENERATED)
    assert len(first.seeds) == 2 and set(first.seeds) <= {row.text for row in GOLD}
    assert first.scores == {"temperature": 0.8, "round": 1.0}
    assert len(write(as_json(*((f"{TEXT} {i}", LUNCH) for i in range(50))), 3).rows) == 3
    assert write(ever_new(), 0) == MadeRows()


def test_the_prompt_shows_texts_with_summaries_and_wishes_for_their_lengths() -> None:
    model = ever_new()
    write(model, 3)
    (prompt,) = model.prompts
    for part in (
        '"talks"',
        f'{{"text": {json.dumps(GOLD[0].text)}, "summary": "Ben works late."}}',
        "Write 3 new texts",
        "- Style: ",
        "- Length: 13 to 1",
        "- Length of the summaries: 3 to 4 words each.",
    ):
        assert part in prompt
    assert "$" not in prompt


@pytest.mark.parametrize(
    "answer",
    [
        as_json((TEXT, LUNCH)),
        f"Sure!\n```json\n{json.dumps([{'dialogue': TEXT, 'Title': LUNCH}])}\n```",
        f"Here is one:\n\n**Text 1:**\n{TEXT}\n\n**Summary 1:** {LUNCH}\n\nI hope this helps!",
        f"Text:\n{TEXT}\nSummary:\n{LUNCH}\n\nLet me know.",
        f"1. Dialogue: {TEXT}\n   Summary: {LUNCH}\n2.",
    ],
)
def test_answers_of_many_shapes_are_read(answer: str) -> None:
    assert written(write(answer, rounds=1, schema=False)) == [(TEXT, LUNCH)]


@pytest.mark.parametrize(
    "answer", ["", "[[[{", "I cannot help with that.", as_json(*[("", "")] * 1000), FAILED]
)
def test_a_model_that_says_nothing_is_asked_once(answer: str | Answer) -> None:
    model = ScriptedModel(answer)
    assert write(model, 50, rounds=20).rows == ()
    assert len(model.rounds) == 1


def test_what_is_of_no_use_is_left_out_and_counted() -> None:
    answer = as_json(
        (TEXT, LUNCH),
        (TEXT.upper(), "Lunch."),
        (GOLD[1].text, "Kim lost it."),
        (POOL[0], "Tom liked it."),
        ("The train was late again today.", ""),
        ("...", "Nothing."),
        ("The train was late again today.", "The train was late again today, and so was the bus."),
        ("The bus was late again today.", "The bus was late again today."),
        ("Too short", "Short"),
    )
    made = write(answer, 8, rounds=1)
    assert written(made) == [(TEXT, LUNCH)]
    assert made.dropped == {"copy": 3, "empty": 2, "long summary": 2, "short text": 1}


@pytest.mark.parametrize(
    "answer",
    [
        as_json((TEXT, LUNCH), (f"{TEXT} Bye.", LUNCH))[:-8],
        f"Text: {TEXT}\nSummary: {LUNCH}\n\nText: {TEXT} Bye.\nSummary: Eve an",
        f"Text: {TEXT}\nSummary: {LUNCH}\n\nText: Eve",
    ],
)
def test_what_was_cut_off_is_left_out_and_counted(answer: str) -> None:
    made = write(Completion(answer, is_whole=False), 2, rounds=1)
    assert (written(made), made.dropped) == ([(TEXT, LUNCH)], {"cut off": 1})


def test_what_is_missing_is_asked_for_again_and_faults_are_skipped() -> None:
    turns, numbers = count(), count()
    model = ScriptedModel(
        lambda call: FAILED if next(turns) % 2 else as_json((f"{TEXT} {next(numbers)}", LUNCH))
    )
    made = write(model, 4, texts_per_call=2, temperatures=(0.5, 1.0), rounds=3)
    assert [len(calls) for calls in model.rounds] == [2, 2, 1]
    assert [calls[0].temperature for calls in model.rounds] == [0.5, 1.0, 0.5]
    assert [row.scores["round"] for row in made.rows] == [1.0, 2.0, 3.0]


def test_texts_that_an_answer_cannot_hold_are_not_shown_where_there_are_others() -> None:
    long = SummaryRow("word " * 2000, "A long one.")
    model = ever_new()
    write(model, 8, gold=[*GOLD, long])
    assert "word word" not in model.prompts[0] and "- Length: 13 to 1" in model.prompts[0]
    assert len(model.rounds[0]) == 1
    middling = ever_new()
    write(middling, 8, gold=[SummaryRow("word " * 200, "A middling one.")])
    assert len(middling.rounds[0]) == 8 and "Write 1 new" in middling.prompts[0]
    alone = ever_new()
    write(alone, 1, gold=[long])
    assert "word…" in alone.prompts[0].replace(" …", "…") and len(alone.prompts[0]) < 6000


def test_equal_arguments_give_equal_calls_and_no_two_calls_are_equal() -> None:
    def calls(seed: int = 0, **options: Any) -> list[Call]:
        model = ScriptedModel(FAILED)
        write(model, 60, seed=seed, **options)
        return model.rounds[0]

    assert calls() == calls() != calls(seed=1)
    for made in (calls(), calls(chat=False, gold=GOLD[:1])):
        assert len({(call.messages, call.seed) for call in made}) == len(made)
    assert calls()[0].schema and not calls(schema=False)[0].schema and not calls(chat=False)[0].schema


def test_a_model_without_instruction_tuning_goes_on_writing_a_list() -> None:
    numbers = count()
    model = ScriptedModel(lambda call: f" {TEXT} {next(numbers)}\nSummary: {LUNCH}\n\nText: Joe")
    made = write(model, 3, chat=False)
    assert written(made) == [(f"{TEXT} {i}", LUNCH) for i in range(3)]
    for prompt in model.prompts:
        assert prompt.endswith("\n\nText:")
        assert f"Text: {GOLD[0].text}\nSummary: Ben works late.\n\n" in prompt
    cut = write(Completion(f"{TEXT}\nSummary: Eve an", is_whole=False), chat=False, rounds=1)
    assert (cut.rows, cut.dropped) == ((), {"cut off": 1})


def test_chinese_texts_are_asked_for_in_chinese() -> None:
    gold = [SummaryRow("本文研究了城市地下管线的三维建模方法，并给出了实例。", "城市地下管线三维建模")]
    new = ("本文讨论了山区公路边坡的监测方法，并在两处工地做了试验。", "山区公路边坡监测")
    model = ScriptedModel(f"好的。\n\n文本：{new[0]}\n摘要：{new[1]}\n\n希望对你有帮助")
    assert written(write(model, gold=gold, pool=(), language="zh", rounds=1)) == [new]
    prompt = model.prompts[0]
    assert "用中文写" in prompt and "摘要的长度：每条 10 到 10 个字" in prompt and "Write" not in prompt
    base = ScriptedModel(f"{new[0]}\n摘要：{new[1]}\n\n文本：本文")
    assert written(write(base, gold=gold, pool=(), language="zh", chat=False)) == [new]
    assert base.prompts[0].endswith("文本：")


def test_a_persons_own_prompt_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GTS_PROMPTS", str(tmp_path))
    (tmp_path / "write_summaries.txt").write_text("$examples|$count", "utf-8")
    model = ScriptedModel(FAILED)
    write(model)
    assert model.prompts[0].endswith("|1")
    (tmp_path / "summaries.txt").write_text("length: $low", "utf-8")
    with pytest.raises(InvalidInput, match=r"summaries\.txt"):
        write(model)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no summary to learn from"):
        write("", gold=[SummaryRow("a text without one")])
    with pytest.raises(InvalidInput, match="expected 0 or more"):
        write("", -1)
