"""Language models as teachers of a whole job: judged on gold, used where they know better, never a reason to fail."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canned_stages import canned, logits_of
from scripted_server import Script, chat, error, serving
from tiny_causal import write_tiny_causal

from gts.core.artifacts import ArtifactStore
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.produce import EventRecorder
from gts.orchestrator.production import produce_student
from gts.orchestrator.report import report_of
from gts.orchestrator.stages import STAGES
from gts.orchestrator.taskstore import put_task
from gts.tasks.dataset import Example, TaskData
from gts.tasks.spec import TaskSpec

WORDS = [
    "parcel",
    "invoice",
    "refund",
    "courier",
    "basket",
    "password",
    "voucher",
    "delivery",
    "return",
    "colour",
]
Report = dict[str, Any]

REAL = ("teach", "audit", "examine", "consult", "generate")
STAGE_TABLE = canned(logits_of({}), encoder=None) | {name: STAGES[name] for name in REAL}
"""All that has to do with teachers is real; students cost nothing."""


def numbered(index: int) -> str:
    """A text whose kind no table of words can tell: whether its number is even."""
    words = random.Random(index).sample(WORDS, 3)
    return f"{' '.join(words)} number {index * 7919 % 100_000}"


def kind(text: str) -> str:
    return "AB"[int(text.rsplit(" ", 1)[1]) % 2]


def knows(body: dict[str, Any], count: int) -> dict[str, Any]:
    """A model that tells even numbers from odd ones, and gives its log-probabilities."""
    prompt = body["messages"][0]["content"]
    texts = re.findall(r"^Text: (.*)$", prompt, re.MULTILINE)
    if not texts:
        return chat("A few sentences about the sea.")
    answer = kind(texts[-1])
    other = "AB".replace(answer, "")
    top = [{"token": f" {answer}", "logprob": -0.05}, {"token": other, "logprob": -3.0}]
    return chat(answer, logprobs={"content": [{"token": answer, "logprob": -0.05, "top_logprobs": top}]})


@pytest.fixture
def produce(store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Report]:
    """Runs a job whose task names the model ``big``, and gives its report."""
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.001)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)

    def run(entry: str, **spec: Any) -> Report:
        models = tmp_path / "models.yaml"
        models.write_text(f"models:\n  - {{name: big, {entry}}}\n")
        monkeypatch.setenv("GTS_MODELS", str(models))
        asked = {
            "name": "t",
            "labels": ["even", "odd"],
            "language": "xx",
            "multi_label": False,
            "teachers": ["big"],
        }
        texts = [numbered(i) for i in range(84)]
        gold = tuple(Example(text, ("even" if kind(text) == "A" else "odd",)) for text in texts[:24])
        data = TaskData(TaskSpec.model_validate(asked | spec), gold, tuple(texts[24:]))
        recorder = EventRecorder(lambda event: None)
        compute = InlineCompute(store, STAGE_TABLE)
        return report_of(produce_student(put_task(store, data), store, compute, recorder))

    return run


def prompts(bodies: list[dict[str, Any]]) -> list[str]:
    return [body["messages"][0]["content"] for body in bodies]


def outcome(report: Report, action: str) -> str:
    return str(next(made["outcome"] for made in report["decisions"] if made["action"] == action))


def teacher(report: Report, name: str = "big") -> Report:
    return next(row for row in report["teachers"] if row["name"] == name)


def served(url: str, **more: Any) -> str:
    return f'kind: openai, model: m, base_url: "{url}", price: {{input: 1.0, output: 2.0}}'


def test_a_model_that_knows_better_is_used_and_paid_for_once(
    produce: Callable[..., Report], store: ArtifactStore
) -> None:
    with serving(knows) as server:
        report = produce(served(server.url))
        asked = len(server.bodies)
        for stage in (store.root / "stages").glob("*.json"):
            stage.unlink()  # as after an upgrade: every stage runs anew
        again = produce(served(server.url))
        new = len(server.bodies) - asked

    assert teacher(report)["value"] == 1.0
    assert teacher(report)["weight"] > 0.5
    assert teacher(report)["value"] > max(row["value"] for row in report["teachers"] if row["name"] != "big")
    (account,) = report["models"]
    assert account["tokens"] == report["tokens"] > 0
    assert report["money"] == pytest.approx(account["money"])
    assert report["money"] > 0
    assert account["faults"] == {}
    assert sum(stage.get("tokens", 0) for stage in report["stages"]) == report["tokens"]
    assert new <= 3  # what the examination asks without keeping it
    assert again["models"][0]["cached"] == again["models"][0]["calls"]


def test_what_was_paid_before_is_counted_but_not_shown_as_paid(produce: Callable[..., Report]) -> None:
    with serving(knows) as server:
        first, second = produce(served(server.url)), produce(served(server.url))

    assert first["paid"] == pytest.approx(first["money"])
    assert second["money"] == first["money"] > 0
    assert (second["paid"], second["models"][0]["paid"]) == (0.0, 0.0)


def test_the_same_name_at_another_address_is_asked_itself(produce: Callable[..., Report]) -> None:
    with serving(knows) as server, serving(lambda body, count: chat("A")) as other:
        first, second = produce(served(server.url)), produce(served(other.url))

    assert (teacher(first)["used"], teacher(second)["used"]) == (True, False)


def test_a_prompt_of_ones_own_is_used_though_the_job_ran_before(
    produce: Callable[..., Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = (resources.files("gts.teacher") / "prompts" / "choose.txt").read_text("utf-8")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "choose.txt").write_text(f"In my own words.\n{shipped}")
    with serving(knows) as server:
        produce(served(server.url))
        before = len(server.bodies)
        monkeypatch.setenv("GTS_PROMPTS", str(tmp_path / "prompts"))
        produce(served(server.url))

    asked = [prompt for prompt in prompts(server.bodies[before:]) if "Text: " in prompt]
    assert asked
    assert all(prompt.startswith("In my own words.") for prompt in asked)


def test_the_speed_of_the_store_is_not_that_of_the_model(
    produce: Callable[..., Report], store: ArtifactStore
) -> None:
    def slow(body: dict[str, Any], count: int) -> dict[str, Any]:
        time.sleep(0.02)
        return knows(body, count)

    with serving(slow) as server:
        produce(f"{served(server.url)}, concurrency: 1")
        for stage in (store.root / "stages").glob("*.json"):
            stage.unlink()
        again = produce(f"{served(server.url)}, concurrency: 1")

    assert again["models"][0]["cached"] > 0
    assert not outcome(again, "examine big").startswith(("0.00", "0.01"))


def test_without_log_probabilities_the_model_votes(produce: Callable[..., Report]) -> None:
    with serving(lambda body, count: chat(knows(body, count)["choices"][0]["message"]["content"])) as server:
        report = produce(served(server.url))

    assert teacher(report)["value"] == 1.0
    assert teacher(report)["used"]


def test_a_model_that_is_worse_is_not_used_and_not_asked_about_the_pool(
    produce: Callable[..., Report],
) -> None:
    with serving(lambda body, count: chat("A")) as server:
        report = produce(served(server.url))
        prompts = {body["messages"][0]["content"] for body in server.bodies}

    assert not teacher(report)["used"]
    assert "better without it" in str(report["decisions"])
    pool = {numbered(i) for i in range(24, 84)}
    assert not any(prompt.endswith(f"Text: {text}\nAnswer:") for prompt in prompts for text in pool)


@pytest.mark.parametrize(
    "script",
    [
        lambda body, count: error(500, "out of order"),
        lambda body, count: knows(body, count) if count < 25 else error(500, "out of order"),
        lambda body, count: chat(""),
        lambda body, count: b"garbage",
        lambda body, count: error(401, "wrong key"),
    ],
    ids=["dead", "dies halfway", "says nothing", "garbage", "refuses the key"],
)
def test_a_model_that_fails_leaves_a_job_that_ends_well(
    produce: Callable[..., Report], script: Script
) -> None:
    with serving(script) as server:
        report = produce(served(server.url))

    assert report["published"] in ("student", "seed_only")
    row = teacher(report)
    assert not row["used"]
    assert row["reason"]


def test_a_model_that_nobody_named_is_left_out_in_words(produce: Callable[..., Report]) -> None:
    report = produce('kind: openai, model: m, base_url: "http://127.0.0.1:9/v1"', teachers=["huge"])

    assert "no language model is named 'huge'" in teacher(report, "huge")["reason"]


def writes(body: dict[str, Any], count: int) -> dict[str, Any]:
    """A model that writes new texts when it is asked for some."""
    prompt = body["messages"][0]["content"]
    if "Write" not in prompt:
        return knows(body, count)
    kept = [text for text in (numbered(1000 + 50 * count + i) for i in range(50)) if _is_wanted(text, prompt)]
    return chat(json.dumps({"texts": kept[:8]}))


def _is_wanted(text: str, prompt: str) -> bool:
    return ("A" if '- "even"' in prompt else "B") == kind(text)


def test_a_model_writes_for_a_job_and_its_texts_are_judged(produce: Callable[..., Report]) -> None:
    with serving(writes) as server:
        report = produce(served(server.url), teachers=["big"], generators=["embedded", "big"])

    assert [row["name"] for row in report["generators"]] == ["embedded", "big"]
    by_model = report["generators"][1]
    assert by_model["accepted"] > 10
    assert by_model["artifact"]
    assert any(stage["name"] == "generate" and stage.get("tokens") for stage in report["stages"])


def test_a_model_that_stops_writing_leaves_a_job_that_ends_well(produce: Callable[..., Report]) -> None:
    def tired(body: dict[str, Any], count: int) -> Any:
        return error(500, "tired") if "new texts" in body["messages"][0]["content"] else knows(body, count)

    with serving(tired) as server:
        report = produce(served(server.url), teachers=[], generators=["big"])

    (row,) = report["generators"]
    assert not row["used"]
    assert "left out" in row["reason"]


def test_the_budget_of_tokens_is_kept(produce: Callable[..., Report]) -> None:
    with serving(knows) as server:
        report = produce(served(server.url), budget={"tokens": 500})

    assert report["tokens"] <= 500 + 4 * 8 * 10  # a batch of calls may go over it
    assert report["published"] in ("student", "seed_only")


def test_a_model_that_could_not_be_asked_has_no_measure(produce: Callable[..., Report]) -> None:
    with serving(knows) as server:
        report = produce(served(server.url), budget={"tokens": 1})

    row = teacher(report)
    assert (row["value"], row["loss"], row["used"]) == (None, None, False)
    assert row["reason"] == "not asked: the budget of tokens was spent"
    assert outcome(report, "consult big") == row["reason"]
    assert not any(stage["name"] == "consult" for stage in report["stages"])


def test_a_model_is_measured_by_what_it_answered(produce: Callable[..., Report]) -> None:
    def half(body: dict[str, Any], count: int) -> dict[str, Any]:
        answer = knows(body, count)
        texts = re.findall(r"^Text: (.*)$", body["messages"][0]["content"], re.MULTILINE)
        return chat("") if texts and "parcel" in texts[-1] else answer

    with serving(half) as server:
        report = produce(served(server.url))

    assert teacher(report)["value"] == 1.0
    assert "it had no opinion on" in teacher(report)["reason"]
    assert "without an answer)" in outcome(report, "consult big")


def test_tokens_are_shared_by_folds_and_all_gold(produce: Callable[..., Report]) -> None:
    def dear(body: dict[str, Any], count: int) -> dict[str, Any]:
        answer = writes(body, count)
        if "new texts" in body["messages"][0]["content"]:
            answer["usage"] = {"prompt_tokens": 700, "completion_tokens": 300}
        return answer

    with serving(dear) as server:
        report = produce(
            f"{served(server.url)}, concurrency: 1", teachers=[], generators=["big"], budget={"tokens": 4500}
        )

    spent = [stage["tokens"] for stage in report["stages"] if stage["name"] == "generate"]
    assert len(spent) == 3
    assert min(spent) > 0
    assert report["tokens"] <= 4500


def test_texts_that_the_published_student_cannot_have_are_not_kept(produce: Callable[..., Report]) -> None:
    with serving(lambda body, count: chat("no idea")) as server:
        report = produce(served(server.url), teachers=[], generators=["big"])

    (row,) = report["generators"]
    assert not row["used"]
    assert "no text for the student of all gold passed the filters" in row["reason"]
    assert report["counts"]["generated"] == 0


def test_a_writer_that_was_not_tried_says_why(produce: Callable[..., Report]) -> None:
    with serving(knows) as server:
        report = produce(
            served(server.url), teachers=[], generators=["embedded", "big"], budget={"tokens": 300}
        )

    reasons = {row["name"]: row["reason"] for row in report["generators"]}
    assert re.match(r"not tried: at least [\d,]+ tokens were needed, \d+ tokens were left", reasons["big"])
    assert report["generators"][1] | {"reason": ""} == {
        "name": "big",
        "used": False,
        "reason": "",
        "accepted": 0,
        "rejected": {},
        "artifact": None,
    }


def test_a_model_that_was_left_out_is_among_the_language_models(produce: Callable[..., Report]) -> None:
    report = produce('kind: openai, model: m, base_url: "http://127.0.0.1:1/v1", timeout_s: 2')

    (row,) = report["models"]
    assert (row["name"], row["calls"], row["paid"]) == ("big", 0, 0.0)
    assert re.match(
        r"model 'big' at http://127.0.0.1:1/v1 cannot be reached: .*; start the server", row["problem"]
    )
    assert ". " not in row["problem"]


def test_a_local_model_is_also_asked_what_it_finds_likelier(
    produce: Callable[..., Report], tmp_path: Path
) -> None:
    folder = write_tiny_causal(tmp_path / "tiny")

    report = produce(f"kind: transformers, model: {folder}, chat: false")

    assert {"big", "big (likelihood)"} <= {row["name"] for row in report["teachers"]}
    assert np.isclose(sum(row["weight"] for row in report["teachers"]), 1)


def test_a_local_model_writes_by_searching(produce: Callable[..., Report], tmp_path: Path) -> None:
    lines = ["".join(f"{numbered(1000 + 4 * i + k)}\n" for k in range(4)) for i in range(50)]
    folder = write_tiny_causal(tmp_path / "tiny", lines, steps=40)
    search = "{simulations: 2, max_tokens: 40, shown: 2}"

    report = produce(
        f"kind: transformers, model: {folder}, chat: false, search: {search}",
        teachers=[],
        generators=["big"],
        budget={"tokens": 12_000},
    )

    (row,) = report["generators"]
    assert row["artifact"], row["reason"]
    assert sum(row["rejected"].values()) + row["accepted"] > 0
    assert report["models"][0]["tokens"] > 0
