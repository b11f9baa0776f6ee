"""A task without any labelled example: labels with descriptions, and unlabelled texts."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from canned_stages import canned, logits_of
from scripted_server import chat, error, serving

from gts.core.artifacts import ArtifactStore
from gts.core.errors import DataError, InvalidInput
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.course import ClassificationCourse
from gts.orchestrator.evidence import Profile, Sizes
from gts.orchestrator.planner import Planner
from gts.orchestrator.produce import EventRecorder
from gts.orchestrator.production import produce_student
from gts.orchestrator.report import report_of
from gts.orchestrator.stages import STAGES
from gts.orchestrator.strategies import Fixed
from gts.orchestrator.taskstore import put_task
from gts.tasks.dataset import Origin, TaskData
from gts.tasks.spec import TaskSpec
from gts.tasks.taskfile import load_task_document

Report = dict[str, Any]
WORDS = {
    "cooking": ["soup", "bread", "salt", "oven", "butter", "onion", "garlic", "flour"],
    "football": ["goal", "striker", "coach", "match", "referee", "penalty", "league", "cup"],
}
LABELS = {"cooking": "soup, bread and butter from the oven", "football": "a match with a goal by the striker"}
REAL = ("guess", "teach", "audit", "examine", "consult")
STAGE_TABLE = canned(logits_of({}), encoder=None) | {name: STAGES[name] for name in REAL}
"""Students cost nothing."""


def texts(count: int = 120) -> list[str]:
    rng = random.Random(0)
    return [" ".join(rng.sample(WORDS[list(WORDS)[n % 2]], 4)) for n in range(count)]


def document(**more: Any) -> dict[str, Any]:
    return {"name": "hobbies", "language": "xx", "labels": LABELS, "unlabeled": texts()} | more


def topic(text: str) -> str:
    return next(name for name, words in WORDS.items() if set(text.split()) & set(words))


@pytest.fixture
def produce(store: ArtifactStore) -> Callable[..., tuple[TaskData, Report]]:
    def run(**more: Any) -> tuple[TaskData, Report]:
        data = load_task_document(document(**more))
        compute = InlineCompute(store, STAGE_TABLE)
        made = produce_student(put_task(store, data), store, compute, EventRecorder(lambda event: None))
        assert isinstance(made.data, TaskData)
        return made.data, report_of(made)

    return run


def test_examples_are_guessed_and_called_guesses(produce: Callable[..., tuple[TaskData, Report]]) -> None:
    data, report = produce()

    assert len(data.gold) == 32
    assert all(example.origin == Origin.GUESSED for example in data.gold)
    right = sum(topic(example.text) == example.labels[0] for example in data.gold)
    assert right >= 30
    assert report["decisions"][0]["outcome"] == "32 texts of 2 labels"
    assert report["counts"]["gold"] == 0
    assert report["counts"]["guessed"] == 32
    assert report["counts"]["pool"] == len(set(texts())) - 32
    assert report["estimate"]["metric"] == report["seed_only"]["metric"] == "agreement"
    assert any("can only be told with a test file" in note for note in report["notes"])


def test_a_test_file_tells_how_good_it_is(produce: Callable[..., tuple[TaskData, Report]]) -> None:
    rows = [{"text": f"{text} again", "label": topic(text)} for text in texts(10)]

    _, report = produce(test=rows)

    assert report["test"]["student"]["accuracy"] >= 0


def test_a_label_that_no_text_speaks_for_is_named(produce: Callable[..., tuple[TaskData, Report]]) -> None:
    with pytest.raises(DataError, match="hardly any unlabelled text speaks for 'law'") as raised:
        produce(labels={**LABELS, "law": "zzz qqq"})
    assert "two examples" in str(raised.value.mend)


@pytest.mark.parametrize(
    "without",
    [{"labels": {}}, {"unlabeled": []}, {"labels": {"cooking": ""}}, {"multi_label": True}, {"type": "ner"}],
)
def test_without_labels_and_texts_examples_are_asked_for(without: dict[str, Any]) -> None:
    given = document(**without)
    if without == {"type": "ner"}:
        given.pop("labels")
    if not given["unlabeled"]:
        given.pop("unlabeled")
    with pytest.raises(InvalidInput, match="no examples") as raised:
        load_task_document(given)
    assert raised.value.mend


@pytest.fixture
def big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.001)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)

    def name(url: str) -> None:
        entry = f'{{name: big, kind: openai, model: m, base_url: "{url}", concurrency: 2}}'
        (tmp_path / "models.yaml").write_text(f"models:\n  - {entry}\n")
        monkeypatch.setenv("GTS_MODELS", str(tmp_path / "models.yaml"))

    return name


def test_a_language_model_has_the_last_word(
    big: Callable[[str], None], produce: Callable[..., tuple[TaskData, Report]]
) -> None:
    def swapped(body: dict[str, Any], count: int) -> dict[str, Any]:
        """Says football of what is cooked, which likeness would never do."""
        asked = re.findall(r"^Text: (.*)$", body["messages"][0]["content"], re.MULTILINE)
        letter = "B" if asked and asked[-1].split() and topic(asked[-1]) == "cooking" else "A"
        top = [{"token": letter, "logprob": -0.01}, {"token": "AB".replace(letter, ""), "logprob": -5.0}]
        return chat(letter, logprobs={"content": [{"token": letter, "logprob": -0.01, "top_logprobs": top}]})

    with serving(swapped) as server:
        big(server.url)
        data, report = produce(teachers=["big"])

    assert {topic(example.text) for example in data.gold if example.labels == ("football",)} == {"cooking"}
    (guessing,) = [stage for stage in report["stages"] if stage["name"] == "guess"]
    assert guessing["tokens"] > 0


def test_a_model_that_cannot_be_asked_is_named_in_a_note(
    big: Callable[[str], None], produce: Callable[..., tuple[TaskData, Report]]
) -> None:
    with serving(lambda body, count: error(500, "tired")) as server:
        big(server.url)
        data, report = produce(teachers=["big"])

    assert len(data.gold) == 32
    assert any(note.startswith("big was not asked for examples") for note in report["notes"])


def test_the_time_of_guessing_is_not_planned_for_again(store: ArtifactStore) -> None:
    planned_s = []

    class Watched(Planner):
        def sizes(self, spec: TaskSpec, profile: Profile, budget_s: float) -> Sizes:
            planned_s.append(budget_s)
            return super().sizes(spec, profile, budget_s)

    data = load_task_document(document(budget={"seconds": "100"}))
    planner, compute = Watched(ClassificationCourse(), Fixed()), InlineCompute(store, STAGE_TABLE)
    made = produce_student(
        put_task(store, data), store, compute, EventRecorder(lambda event: None), planner=planner
    )

    (guessing,) = [stage for stage in made.stages if stage["name"] == "guess"]
    assert planned_s == [pytest.approx(100 - guessing["seconds"], abs=0.01)]
    assert made.decisions[1]["outcome"].startswith("32 guessed and ")
