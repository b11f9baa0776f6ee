"""Language models that write rows for a whole job: judged, learnt from where they help, shown to a person who has the last word."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from scripted_server import chat, error, serving

from gts.core.artifacts import ArtifactStore
from gts.core.errors import InvalidInput
from gts.generator.wishes import Wish
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.produce import EventRecorder
from gts.orchestrator.production import produce_student
from gts.orchestrator.report import report_of
from gts.orchestrator.site_models import check_models
from gts.orchestrator.stages import STAGES
from gts.orchestrator.taskstore import put_task
from gts.tasks.spec import TaskSpec
from gts.tasks.taskfile import load_task_document

Report = dict[str, Any]
ASKS = ["when does it come", "can it be changed", "who pays for it", "how is it sent back"]
THINGS = [
    "the parcel",
    "my invoice",
    "a voucher",
    "the blue coat",
    "an old radio",
    "my password",
    "the spare key",
]


def pairs(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Questions about the same thing are alike."""
    out = []
    for number in range(count):
        thing, other = rng.sample(THINGS, 2)
        one, two = rng.sample(ASKS, 2)
        alike = number % 2
        out.append(
            {
                "text_a": f"{thing}: {one}, number {rng.randrange(10_000)}?",
                "text_b": f"{thing if alike else other}: {two}, number {rng.randrange(10_000)}?",
                "label": alike,
            }
        )
    return out


def writes_pairs(body: dict[str, Any], count: int) -> dict[str, Any]:
    prompt = body["messages"][0]["content"]
    if "new pairs" not in prompt:
        return chat("alike")
    wanted = int("The two texts of each pair are alike" in prompt)
    made = [pair for pair in pairs(random.Random(count), 40) if pair.pop("label") == wanted]
    return chat(json.dumps({"pairs": made[:8]}))


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Names the model ``big`` to this site."""
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.001)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)

    def name(entry: str) -> None:
        (tmp_path / "models.yaml").write_text(f"models:\n  - {{name: big, {entry}}}\n")
        monkeypatch.setenv("GTS_MODELS", str(tmp_path / "models.yaml"))

    return name


@pytest.fixture
def produce(store: ArtifactStore, models: Callable[[str], None]) -> Callable[..., Report]:
    def run(url: str, wishes: Sequence[Wish] = (), **more: Any) -> Report:
        models(f'kind: openai, model: m, base_url: "{url}", concurrency: 2')
        document = {
            "name": "twins",
            "type": "similarity",
            "language": "xx",
            "examples": pairs(random.Random(0), 24),
            "generators": ["big"],
        }
        data = load_task_document(document | more)
        compute = InlineCompute(store, STAGES)
        recorder = EventRecorder(lambda event: None)
        return report_of(produce_student(put_task(store, data), store, compute, recorder, wishes))

    return run


def judged(store: ArtifactStore, report: Report) -> list[dict[str, Any]]:
    """The rows of the generator, as its page shows them."""
    (row,) = report["generators"]
    lines = (store.path(row["artifact"]) / "judged.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_model_writes_pairs_which_are_judged_and_shown(
    produce: Callable[..., Report], store: ArtifactStore
) -> None:
    with serving(writes_pairs) as server:
        report = produce(server.url)

    (row,) = report["generators"]
    assert row["accepted"] > 10
    assert "rows passed the filters" in row["reason"]
    shown = judged(store, report)
    assert sum(one["kept"] for one in shown) == row["accepted"]
    assert {one["text"].rsplit("\n", 1)[1] for one in shown} == {"0", "1"}
    assert all(one["reason"] for one in shown if not one["kept"])
    assert any(stage["name"] == "rows.generate" and stage.get("tokens") for stage in report["stages"])


def test_what_a_person_said_of_a_row_is_respected(
    produce: Callable[..., Report], store: ArtifactStore
) -> None:
    with serving(writes_pairs) as server:
        first, second = [one["text"] for one in judged(store, produce(server.url)) if one["kept"]][:2]
        edited = "is it heavy?\n---\nhow much does it weigh?\n---\n1"
        wishes = [Wish(first, None, ()), Wish(second, edited, ())]
        again = {one["text"]: one for one in judged(store, produce(server.url, wishes))}

    assert [again[first]["kind"], again[second]["kind"]] == ["veto", "edit"]
    assert again[edited]["kept"]
    assert again[edited]["generator"] == "a person"


def test_a_model_that_stops_writing_leaves_a_job_that_ends_well(produce: Callable[..., Report]) -> None:
    def tired(body: dict[str, Any], count: int) -> Any:
        return error(500, "tired") if "new pairs" in body["messages"][0]["content"] else chat("alike")

    with serving(tired) as server:
        report = produce(server.url)

    (row,) = report["generators"]
    assert not row["used"]
    assert "left out" in row["reason"]
    assert report["published"] in ("student", "seed_only")


def test_the_budget_of_tokens_is_kept(produce: Callable[..., Report]) -> None:
    with serving(writes_pairs) as server:
        report = produce(server.url, budget={"tokens": 400})

    assert report["tokens"] <= 400 + 100 * 8  # a batch of calls may go over it
    assert not report["generators"][0]["used"]


@pytest.mark.parametrize(
    ("entry", "more", "said"),
    [
        (
            "kind: transformers, model: m, tune: {steps: 1}",
            {},
            "has `tune`, which is for labelled texts only",
        ),
        ("kind: transformers, model: m, search: {}", {}, "has `search`"),
        ("kind: transformers, model: m", {"scale": [0, 5]}, "pairs with grades"),
    ],
)
def test_a_model_that_cannot_write_for_a_task_is_refused_before_it_begins(
    models: Callable[[str], None], entry: str, more: dict[str, Any], said: str
) -> None:
    models(entry)
    spec = TaskSpec.model_validate({"name": "twins", "type": "similarity", "generators": ["big"], **more})

    with pytest.raises(InvalidInput, match=said) as raised:
        check_models(spec)

    assert raised.value.mend
