"""The base model whose untuned vectors suit the labelled rows is taken, the faster one where that cannot be told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gts.core import catalogue
from gts.core.artifacts import ArtifactStore, StageResult
from gts.core.encoder import Encoder
from gts.core.errors import StorageError
from gts.core.features import FeatureStore
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.encoders import candidates_of
from gts.orchestrator.evidence import Profile
from gts.orchestrator.lines import line_of
from gts.orchestrator.produce import EventRecorder
from gts.orchestrator.production import profile_of
from gts.orchestrator.ranking import Base, Score, choose, in_words, label_evidence, pair_order
from gts.orchestrator.runner import StageRunner
from gts.orchestrator.stage import StageCall, execute
from gts.orchestrator.stages import STAGES
from gts.orchestrator.stages import profile as profiling
from gts.orchestrator.taskstore import put_task
from gts.tasks.dataset import Example, Origin, TaskData
from gts.tasks.rows import MarkedRow, PairRow, RowTask
from gts.tasks.saving import AnyTask
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Span, Structure

TopicTexts = Callable[..., list[str]]
TOPICS = ("cooking", "football", "computing")


def vectors_of(labels: np.ndarray, dimensions: int, pull: float, seed: int) -> np.ndarray:
    """Unit vectors in which texts of a label lie together, the more the greater ``pull``."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(int(labels.max()) + 1, dimensions))
    # All texts share a strong direction, as those of encoders do.
    found = pull * centres[labels] + rng.normal(size=(len(labels), dimensions)) + 3.0
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("dimensions", [4, 32, 384])
@pytest.mark.parametrize(("labels", "of_each"), [(2, 4), (3, 8), (10, 4), (4, 100)])
def test_evidence_tells_vectors_apart_with_fewer_rows_than_dimensions_and_with_more(
    labels: int, of_each: int, dimensions: int
) -> None:
    told = np.repeat(np.arange(labels), of_each)
    targets = np.eye(labels, dtype=np.float32)[told]

    clear, dim, none = (
        label_evidence(vectors_of(told, dimensions, pull, 1), targets) for pull in (2.0, 0.7, 0.0)
    )

    assert clear.value > dim.value > none.value - none.least
    assert not clear.is_near(none)
    assert none.value == pytest.approx(0, abs=none.least)


def test_a_direction_that_all_texts_share_counts_for_nothing() -> None:
    told = np.repeat(np.arange(3), 6)
    targets, vectors = np.eye(3, dtype=np.float32)[told], vectors_of(told, 16, 1.0, 0)

    moved = label_evidence(vectors + 5.0, targets)

    assert moved.value == pytest.approx(label_evidence(vectors, targets).value, abs=1e-3)


@pytest.mark.parametrize(
    "targets",
    [np.ones((6, 1), np.float32), np.array([[0.0, 1.0]] * 6, np.float32)],
    ids=["one label", "a label that none has"],
)
def test_labels_that_tell_nothing_rank_nothing(targets: np.ndarray) -> None:
    assert label_evidence(np.eye(6, dtype=np.float32), targets).value == 0.0


def test_vectors_that_are_all_alike_tell_nothing() -> None:
    targets = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0]]

    assert label_evidence(np.ones((5, 8), np.float32), targets).value == 0.0


def test_the_same_text_under_two_labels_breaks_nothing() -> None:
    vectors = np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]

    assert label_evidence(vectors, vectors[[0, 2, 1, 3]]).value == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("grades", [[0, 0, 1, 1], [0, 1, 2, 3]])
def test_cosines_in_the_order_of_the_grades_are_best(grades: list[float]) -> None:
    true = np.array(grades, np.float32)
    right, mixed = np.array([0.1, 0.2, 0.6, 0.9]), np.array([0.1, 0.6, 0.2, 0.9])

    assert pair_order(right, true).value > pair_order(mixed, true).value > pair_order(-right, true).value
    assert pair_order(right, np.ones(4, np.float32)).value == 0


@pytest.mark.parametrize("of_each", [10, 100])
def test_a_lead_that_hangs_on_the_rows_that_were_drawn_is_chance(of_each: int) -> None:
    told = np.repeat(np.arange(3), of_each)
    targets = np.eye(3, dtype=np.float32)[told]
    equals = [label_evidence(vectors_of(told, 32, 0.5, 7), targets)]
    rng = np.random.default_rng(0)
    # The same vectors with a little noise of their own: neither is better, one of them leads.
    for _ in range(12):
        noisy = vectors_of(told, 32, 0.5, 7) + 0.02 * rng.normal(size=(len(told), 32))
        equals.append(label_evidence(np.asarray(noisy, np.float32), targets))
    better = label_evidence(vectors_of(told, 32, 2.0, 7), targets)

    leads = [
        max(a, b, key=lambda s: s.value).is_near(min(a, b, key=lambda s: s.value))
        for a, b in pairwise(equals[1:])
    ]
    assert sum(leads) >= 9
    assert not any(better.is_near(other) for other in equals)


@pytest.mark.parametrize("grades", [2, 5])
def test_the_same_lead_of_cosines_counts_on_many_pairs_and_not_on_few(grades: int) -> None:
    def near(pairs: int) -> bool:
        rng = np.random.default_rng(3)
        true = np.arange(pairs) % grades
        good, fair = (true + noise * rng.normal(size=pairs) for noise in (0.8, 1.2))
        return pair_order(good, true).is_near(pair_order(fair, true))

    assert near(12)
    assert not near(1000)


def worth(*values: float) -> list[Score]:
    return [Score(value, np.zeros(10), 0.1) for value in values]


def test_the_better_is_chosen_unless_the_faster_is_about_as_good() -> None:
    assert choose(worth(0.2, 0.5), [1.0, 9.0]) == 1
    assert choose(worth(0.45, 0.5), [1.0, 9.0]) == 0
    assert choose(worth(0.45, 0.5), [9.0, 1.0]) == 1


def test_the_choice_is_told_in_words() -> None:
    one, other = Base("site/one", 0.41, 0.01), Base("site/other", 0.44, 0.03)

    assert in_words((), None) == in_words((one,), "site/one") == ""
    assert in_words((one, other), "site/other") == (
        "base model site/other of 2: its untuned vectors fit the labelled rows best (0.440; site/one 0.410)"
    )
    assert in_words((one, other), "site/one") == (
        "base model site/one of 2: its untuned vectors do as well as any on so few rows, and it is faster "
        "(0.410; site/other 0.440)"
    )
    unranked = (replace(one, score=None), Base("site/other", None, None))
    assert "site/one, the first of 2" in in_words(unranked, "site/one")


@pytest.fixture
def two_encoders(
    tiny_encoder: Path, topic_words: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, str]]:
    """A site with two encoders for English and for nothing else: under the second, words of a topic lie together."""
    import torch

    encoder = Encoder(tiny_encoder)
    table = encoder.model.embeddings.word_embeddings.weight
    with torch.no_grad():
        for number, words in enumerate(topic_words.values()):
            ids = encoder.tokenizer.convert_tokens_to_ids(words)
            table[ids] = 0.05 * table[ids]
            table[ids, number] = 2.0
    encoder.save(tmp_path / "apart")
    common = {"languages": ["en"], "parameters": 30_000, "hidden_size": 32, "licence": "apache-2.0"}
    models = [
        {"id": "site/random", "path": str(tiny_encoder), **common},
        {"id": "site/apart", "path": str(tmp_path / "apart"), **common},
    ]
    (tmp_path / "catalogue.json").write_text(json.dumps({"models": models}), "utf-8")
    monkeypatch.setenv("GTS_CATALOGUE", str(tmp_path / "catalogue.json"))
    monkeypatch.setattr(profiling, "_PROBE_S", 0.0)
    catalogue.locate.cache_clear()
    catalogue.identity.cache_clear()
    yield "site/random", "site/apart"
    catalogue.locate.cache_clear()
    catalogue.identity.cache_clear()


@pytest.fixture
def topic_words(topic_texts: TopicTexts) -> dict[str, list[str]]:
    """Words that come in texts of one topic only."""
    words = {topic: set(" ".join(topic_texts(topic, 200)).split()) for topic in TOPICS}
    return {
        topic: sorted(own.difference(*(other for name, other in words.items() if name != topic)))
        for topic, own in words.items()
    }


def topics(topic_texts: TopicTexts, gold: int = 8, origin: Origin = Origin.GOLD) -> TaskData:
    spec = {"name": "topics", "labels": list(TOPICS), "multi_label": False, "language": "en"}
    return TaskData(
        TaskSpec.model_validate(spec),
        tuple(
            Example(text, (topic,), origin) for topic in TOPICS for text in topic_texts(topic, gold, seed=3)
        ),
    )


def pairs(topic_texts: TopicTexts) -> RowTask:
    cooking, football = topic_texts("cooking", 24, seed=3), topic_texts("football", 24, seed=3)
    alike = [PairRow(a, b, 1.0) for a, b in zip(cooking[:12], cooking[12:], strict=True)]
    unlike = [PairRow(a, b, 0.0) for a, b in zip(cooking[:12], football[:12], strict=True)]
    return RowTask(TaskSpec(name="twins", type="similarity", language="en"), (*alike, *unlike))


def people() -> RowTask:
    rows = [MarkedRow(f"Ada {verb} bread", Structure((Span(0, 3, "person"),))) for verb in ("fry", "boil")]
    spec = {"name": "people", "type": "ner", "entities": ["person"], "language": "en"}
    return RowTask(TaskSpec.model_validate(spec), tuple(rows))


def profile(store: ArtifactStore, data: AnyTask, params: dict[str, Any]) -> StageResult:
    name = line_of(data.spec.type).profile
    call = StageCall(name, STAGES[name].version, {"machine": "m", **params}, {"task": put_task(store, data)})
    return execute(store, STAGES, call, lambda fraction, message: None)


def test_a_task_is_profiled_with_the_encoder_that_separates_its_labels(
    store: ArtifactStore, topic_texts: TopicTexts, two_encoders: tuple[str, str]
) -> None:
    data, params = topics(topic_texts), candidates_of("en")

    found = profile(store, data, params).summary

    assert found["encoder"] == "site/apart"
    assert found["weights"] == catalogue.identity("site/apart") != params["weights"]
    assert [base["encoder"] for base in found["bases"]] == list(two_encoders)
    random, apart = found["bases"]
    assert apart["score"] > random["score"]
    assert found["encode_s"] == apart["encode_s"] > 0 < random["encode_s"]


def test_what_was_read_to_rank_is_not_read_again(
    store: ArtifactStore,
    topic_texts: TopicTexts,
    two_encoders: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = topics(topic_texts)
    found = profile(store, data, candidates_of("en")).summary
    read: list[str] = []
    embed = Encoder.embed

    def noted(self: Encoder, texts: Any, *more: Any, **named: Any) -> Any:
        read.extend(texts)
        return embed(self, texts, *more, **named)

    monkeypatch.setattr(Encoder, "embed", noted)
    params = {"encoder": found["encoder"], "weights": found["weights"], "pool": 0}
    call = StageCall("embed", STAGES["embed"].version, params, {"task": put_task(store, data)})
    execute(store, STAGES, call, lambda fraction, message: None)

    assert read and not set(read) & {example.text for example in data.gold}


def test_pairs_are_profiled_with_the_encoder_whose_cosines_order_them(
    store: ArtifactStore, topic_texts: TopicTexts, two_encoders: tuple[str, str]
) -> None:
    found = profile(store, pairs(topic_texts), candidates_of("en")).summary

    random, apart = found["bases"]
    assert found["encoder"] == "site/apart"
    assert random["score"] < apart["score"] <= 1


def test_for_spans_and_guessed_examples_the_first_is_taken_and_that_is_said(
    store: ArtifactStore, topic_texts: TopicTexts, two_encoders: tuple[str, str]
) -> None:
    for data in (people(), topics(topic_texts, origin=Origin.GUESSED)):
        found = profile(store, data, candidates_of("en")).summary

        assert found["encoder"] == "site/random"
        assert [base["score"] for base in found["bases"]] == [None, None]


def test_many_rows_are_ranked_on_a_part_of_them(
    store: ArtifactStore,
    topic_texts: TopicTexts,
    two_encoders: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[int] = []
    embed = FeatureStore.embed

    def noted(self: FeatureStore, encoder: Encoder, weights: str, texts: Any, *more: Any) -> Any:
        read.append(len(texts))
        return embed(self, encoder, weights, texts, *more)

    monkeypatch.setattr(FeatureStore, "embed", noted)

    profile(store, topics(topic_texts, gold=200), candidates_of("en"))

    assert read == [500, 500]


def job_profile(store: ArtifactStore, data: AnyTask) -> tuple[Profile, dict[str, Any]]:
    """A job's profile, and the parameters of its stage."""
    called: list[StageCall] = []

    class Compute(InlineCompute):
        def run(self, call: StageCall, *more: Any) -> StageResult:
            called.append(call)
            return super().run(call, *more)

    runner = StageRunner(
        put_task(store, data), store, Compute(store, STAGES), EventRecorder(lambda event: None)
    )
    found = profile_of(runner, line_of(data.spec.type).profile, data.spec.language)
    return found, dict(called[0].params)


def test_a_job_goes_on_with_the_encoder_that_was_chosen(
    store: ArtifactStore, topic_texts: TopicTexts, two_encoders: tuple[str, str]
) -> None:
    found, params = job_profile(store, topics(topic_texts))

    assert (found.encoder, found.weights) == ("site/apart", catalogue.identity("site/apart"))
    assert [base.encoder for base in found.bases] == list(two_encoders)
    assert "site/apart of 2" in in_words(found.bases, found.encoder)
    assert {base["encoder"] for base in params["bases"]} == set(two_encoders)


def test_one_encoder_is_asked_for_as_it_always_was(
    store: ArtifactStore, topic_texts: TopicTexts, tiny_catalogue: str
) -> None:
    found, params = job_profile(store, topics(topic_texts))

    assert set(params) == {"machine", "encoder", "weights"}
    assert [(base.encoder, base.score) for base in found.bases] == [(tiny_catalogue, None)]
    assert in_words(found.bases, found.encoder) == ""


def test_no_encoder_is_no_choice(store: ArtifactStore, topic_texts: TopicTexts) -> None:
    data = topics(topic_texts)
    found, _ = job_profile(store, replace(data, spec=data.spec.evolve(language="zh")))

    assert (found.encoder, found.weights, found.bases) == (None, None, ())


def test_a_candidate_with_other_weights_than_the_catalogue_says_is_refused(
    two_encoders: tuple[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "catalogue.json"
    known = json.loads(path.read_text("utf-8"))
    known["models"][1]["sha256"] = {"config.json": "0" * 64}
    path.write_text(json.dumps(known), "utf-8")

    with pytest.raises(StorageError, match="site/apart"):
        candidates_of("en")
