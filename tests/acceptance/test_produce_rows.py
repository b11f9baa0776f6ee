"""A job from its task file to a student that answers, for each task type whose rows are no single labelled text."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gts.orchestrator import row_course
from gts.orchestrator.produce import produce
from gts.student.opening import open_student
from gts.tasks.taskfile import load_task_document

PEOPLE = ["王芳", "李强", "张敏", "刘洋", "陈静", "赵磊", "孙丽", "周涛"]
FIRMS = ["东山公司", "长河银行", "青云医院", "北湖学校", "南星集团", "西岭工厂"]
PLACES = ["上海", "成都", "广州", "西安"]


@pytest.fixture(scope="module", autouse=True)
def few_visits() -> Iterator[None]:
    """Students of this module see few lessons, however fast the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_course, "FEW_ROWS_VISITS", 480)
        yield


def ner(rng: random.Random) -> dict[str, Any]:
    who, where = rng.choice(PEOPLE), rng.choice(PLACES)
    text = rng.choice(
        ["{who}昨天去了{where}。", "今天{who}从{where}回来，很高兴。", "听说{who}住在{where}！"]
    )
    text = text.format(who=who, where=where)
    spans = [(who, "人物"), (where, "地点")]
    return {"text": text, "entities": [_span(text, words, name) for words, name in spans]}


def relation(rng: random.Random) -> dict[str, Any]:
    who, firm = rng.choice(PEOPLE), rng.choice(FIRMS)
    text = rng.choice(["{who}在{firm}工作多年。", "{firm}的员工{who}发言。"]).format(who=who, firm=firm)
    head, tail = _span(text, who, "人物"), _span(text, firm, "机构")
    return {"text": text, "relations": [{"type": "任职", "head": head, "tail": tail}]}


def event(rng: random.Random) -> dict[str, Any]:
    who, firm = rng.choice(PEOPLE), rng.choice(FIRMS)
    verb = rng.choice(["加入", "离开"])
    text = f"{who}上周{verb}了{firm}。"
    trigger = _span(text, verb)
    argument = {"role": "人", **_span(text, who)}
    return {"text": text, "events": [{"type": verb, "trigger": trigger, "arguments": [argument]}]}


def similarity(rng: random.Random) -> dict[str, Any]:
    what = ["怎么退货", "如何付款", "几点开门", "哪里取票", "怎样改签", "能否开票"]
    one, other = rng.sample(what, 2)
    alike = rng.random() < 0.5
    name = rng.choice(PEOPLE)
    return {"text_a": f"{name}问{one}", "text_b": f"请问{one if alike else other}", "label": int(alike)}


def summarization(rng: random.Random) -> dict[str, Any]:
    others = rng.sample(["天气晴朗。", "大家都很忙。", "午饭吃了面条。", "路上有点堵。", "办公室很安静。"], 3)
    main = f"会议决定由{rng.choice(PEOPLE)}负责{rng.choice(FIRMS)}的项目。"
    place = rng.randrange(4)
    return {"text": "".join([*others[:place], main, *others[place:]]), "summary": main}


def _span(text: str, words: str, name: str = "") -> dict[str, Any]:
    start = text.index(words)
    return {"start": start, "end": start + len(words), **({"type": name} if name else {})}


def _asked(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key.startswith("text")}


@pytest.mark.parametrize(
    ("task_type", "make", "least"),
    [
        ("ner", ner, 0.5),
        ("relation", relation, 0.2),
        ("event", event, 0.3),
        ("similarity", similarity, 0.4),
        ("summarization", summarization, 0.3),
    ],
)
def test_a_chinese_task_gives_a_student_without_any_weights(
    task_type: str, make: Callable[[random.Random], dict[str, Any]], least: float, tmp_path: Path
) -> None:
    rng = random.Random(task_type)
    rows = list({json.dumps(make(rng), ensure_ascii=False): None for _ in range(400)})
    parsed = [json.loads(row) for row in rows]
    gold, test, pool = (
        parsed[:24],
        parsed[24:40],
        [_asked(row) for row in parsed[40 : 50 if task_type == "event" else 70]],
    )
    document = {
        "name": f"tiny-{task_type}",
        "type": task_type,
        "language": "zh",
        "examples": gold,
        "test": test,
        "unlabeled": pool,
        "budget": {"seconds": "60"},
    }
    events: list[Mapping[str, Any]] = []

    report = produce(
        load_task_document(document),
        tmp_path / "model",
        store_root=tmp_path / "store",
        on_event=events.append,
    )

    assert report["type"] == task_type
    assert report["tier"] == "static"
    assert report["estimate"]["low"] <= report["estimate"]["value"] <= report["estimate"]["high"]
    assert report["test"]["student"]["n"] == len(test)
    assert report["test"]["student"][report["metric"]] >= least
    assert report["measured"]["value"] >= report["seed_only"]["value"]
    student = open_student(tmp_path / "model")
    sure = student.manifest.held_out
    assert len(sure.right if sure else ()) == (len(gold) if task_type == "similarity" else 0)
    answers = student.answer([_asked(row) for row in test])
    assert len(answers) == len(test)
    json.dumps(answers)
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert f"tiny-{task_type}" in card
    assert not any(row["text"] in card for row in gold if "text" in row)
    assert {event["data"].get("action") for event in events if event["kind"] == "decision"} >= {"publish"}


@pytest.mark.parametrize("tier", ["mini", "static"])
def test_pairs_of_a_language_with_an_encoder(
    tier: str, tiny_catalogue: str, topic_texts: Callable[..., list[str]], tmp_path: Path
) -> None:
    cooking, football = topic_texts("cooking", 60), topic_texts("football", 60)
    alike = [{"text_a": a, "text_b": b, "label": 1} for a, b in zip(cooking[:20], cooking[20:], strict=False)]
    unlike = [{"text_a": a, "text_b": b, "label": 0} for a, b in zip(cooking[40:], football, strict=False)]
    pool = [{"text_a": a, "text_b": b} for a, b in zip(football[20:40], football[40:], strict=True)]
    document = {
        "name": "twins",
        "type": "similarity",
        "language": "en",
        "examples": [*alike, *unlike],
        "unlabeled": pool,
        "student": {"tier": tier},
    }

    report = produce(load_task_document(document), tmp_path / "model", store_root=tmp_path / "store")

    assert report["tier"] == tier
    assert {teacher["name"] for teacher in report["teachers"]} >= {"lexical", "frozen"}
    (answer,) = open_student(tmp_path / "model").answer([_asked(alike[0])])
    assert 0 <= answer["score"] <= 1
