"""What stages share, and what each leaves for the next."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.core import catalogue
from gts.core.artifacts import ArtifactStore, StageResult
from gts.core.encoder import Encoder
from gts.generator.wishes import Wish, write_reviews
from gts.orchestrator.stage import StageCall, execute
from gts.orchestrator.stages import STAGES
from gts.orchestrator.stages.common import (
    fold_of_gold,
    indicators,
    load_arrays,
    load_split,
    part,
    pool_rows,
    read_json,
    save_arrays,
    write_json,
)
from gts.orchestrator.stages.generate import requests_for
from gts.orchestrator.stages.lessons import gold_only, taught
from gts.orchestrator.stages.profile import typical_batches
from gts.tasks.dataset import Example, TaskData, save_task
from gts.tasks.spec import TaskSpec

TopicTexts = Callable[..., list[str]]
TOPICS = ("cooking", "football", "computing")


class Line:
    """Runs stages one after the other, as a job does."""

    def __init__(self, store: ArtifactStore, data: TaskData) -> None:
        self.store = store
        with store.workspace() as folder:
            save_task(data, folder)
            self.task = store.commit(folder)

    def run(self, name: str, params: Mapping[str, Any], **inputs: str) -> StageResult:
        fractions: list[float] = []
        call = StageCall(name, STAGES[name].version, params, {"task": self.task, **inputs})
        result = execute(self.store, STAGES, call, lambda fraction, message: fractions.append(fraction))
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1.0
        return result

    def arrays(self, result: StageResult, name: str) -> dict[str, np.ndarray]:
        return load_arrays(self.store.path(result.artifact) / f"{name}.safetensors")


def single(counts: list[int]) -> np.ndarray:
    return np.eye(len(counts), dtype=np.float32)[np.repeat(np.arange(len(counts)), counts)]


@settings(max_examples=100, deadline=None)
@given(
    counts=st.lists(st.integers(2, 12), min_size=2, max_size=12),
    folds=st.integers(2, 4),
    seed=st.integers(0, 1000),
    order=st.randoms(use_true_random=False),
)
def test_every_fold_judges_every_label_and_learns_every_label(
    counts: list[int], folds: int, seed: int, order: Any
) -> None:
    targets = single(counts)
    rows = list(range(len(targets)))
    order.shuffle(rows)
    targets = targets[rows]

    fold = fold_of_gold(targets, folds, seed)

    assert fold.shape == (len(targets),)
    assert set(fold.tolist()) <= set(range(folds))
    held = np.stack([targets[fold == k].sum(axis=0) for k in range(folds)])
    assert (held.sum(axis=0) == counts).all()
    assert (
        held.max(axis=0) - held.min(axis=0) <= 1
    ).all()  # so a label with enough examples is in every fold
    assert (targets.sum(axis=0) - held >= 1).all()
    np.testing.assert_array_equal(fold, fold_of_gold(targets, folds, seed))


@settings(max_examples=100, deadline=None)
@given(n=st.integers(4, 40), labels=st.integers(2, 6), folds=st.integers(2, 4), seed=st.integers(0, 1000))
def test_rows_of_a_multi_label_task_are_dealt_out_once_and_evenly(
    n: int, labels: int, folds: int, seed: int
) -> None:
    targets = (np.random.default_rng(seed).random((n, labels)) < 0.3).astype(np.float32)

    fold = fold_of_gold(targets, folds, seed)

    sizes = np.bincount(fold, minlength=folds)
    assert fold.min() >= 0
    assert sizes.sum() == n
    assert sizes.max() - sizes.min() <= max(2, n // 2)


@pytest.mark.parametrize("seed", range(20))
def test_a_label_that_only_shares_texts_is_still_split(seed: int) -> None:
    #                   a  b  c
    targets = np.array([[1, 0, 1], [1, 0, 0], [0, 1, 1], [0, 1, 0]], np.float32)

    fold = fold_of_gold(targets, 2, seed)

    assert all((targets[fold != k].sum(axis=0) >= 1).all() for k in range(2))


@settings(max_examples=50, deadline=None)
@given(n=st.integers(0, 200), few=st.integers(0, 200), more=st.integers(0, 200), seed=st.integers(0, 50))
def test_a_smaller_draw_of_the_pool_is_part_of_a_larger(n: int, few: int, more: int, seed: int) -> None:
    small, large = pool_rows(n, min(few, more), seed), pool_rows(n, max(few, more), seed)

    assert len(small) == min(n, few, more)
    assert set(small.tolist()) <= set(large.tolist()) <= set(range(n))
    assert small.tolist() == sorted(small.tolist())


def task(topic_texts: TopicTexts, *, gold: int = 6, pool: int = 12, test: int = 4, **spec: Any) -> TaskData:
    settings = {"name": "topics", "labels": list(TOPICS), "multi_label": False, "language": "en", **spec}
    return TaskData(
        spec=TaskSpec.model_validate(settings),
        gold=tuple(Example(text, (topic,)) for topic in TOPICS for text in topic_texts(topic, gold)),
        pool=tuple(text for topic in TOPICS for text in topic_texts(topic, pool, seed=1)),
        test=tuple(Example(text, (topic,)) for topic in TOPICS for text in topic_texts(topic, test, seed=2)),
    )


def test_a_fold_holds_out_what_it_does_not_teach(topic_texts: TopicTexts, tmp_path: Path) -> None:
    save_task(task(topic_texts), tmp_path)
    splits = [load_split({"task": tmp_path}, {"fold": k, "folds": 3, "pool": 10}) for k in range(3)]
    whole = load_split({"task": tmp_path}, {"fold": None, "folds": 3, "pool": 10})

    assert sorted(row for split in splits for row in split.heldout.tolist()) == list(range(18))
    for split in splits:
        assert not set(split.train_texts) & set(split.heldout_texts)
        assert len(split.train) + len(split.heldout) == 18
        np.testing.assert_array_equal(split.pool, whole.pool)
    assert (len(whole.train), len(whole.heldout), len(whole.pool_texts)) == (18, 0, 10)
    assert whole.train_targets.sum() == 18


def test_label_indicators_stand_in_the_order_of_the_labels(topic_texts: TopicTexts) -> None:
    data = TaskData(
        TaskSpec.model_validate({"name": "t", "labels": ["b", "a"], "multi_label": True}),
        (Example("x", ("a",)), Example("y", ("a", "b")), Example("z", ())),
    )

    np.testing.assert_array_equal(indicators(data), [[0, 1], [1, 1], [0, 0]])


def test_arrays_and_json_come_back(tmp_path: Path) -> None:
    arrays = {"x": np.arange(6, dtype=np.float32).reshape(2, 3).T, "none": np.zeros((0, 4), np.float16)}
    save_arrays(tmp_path / "deep" / "a.safetensors", arrays)
    write_json(tmp_path / "a.json", {"é": [1]})

    found = load_arrays(tmp_path / "deep" / "a.safetensors")
    np.testing.assert_array_equal(found["x"], arrays["x"])
    assert (found["none"].shape, found["none"].dtype) == ((0, 4), np.float16)
    assert read_json(tmp_path / "a.json") == {"é": [1]}


def test_a_part_of_a_stage_reports_its_part() -> None:
    seen: list[tuple[float, str]] = []
    report = part(lambda fraction, message: seen.append((fraction, message)), 0.2, 0.8, "half")
    for fraction in (0.0, 0.5, 1.0):
        report(fraction)

    assert seen == [(0.2, "half"), (pytest.approx(0.5), "half"), (pytest.approx(0.8), "half")]


def test_the_stage_table_lists_what_a_job_needs() -> None:
    rows = (
        "mine",
        "profile",
        "begin",
        "teach",
        "examine",
        "consult",
        "audit",
        "distil",
        "generate",
        "expect",
        "pose",
        "package",
        "evaluate",
    )
    assert set(STAGES) == {
        *(f"rows.{name}" for name in rows),
        "guess",
        "profile",
        "embed",
        "teach",
        "audit",
        "consult",
        "examine",
        "distil",
        "generate",
        "label",
        "expect",
        "pose",
        "package",
        "evaluate",
    }
    assert all(
        stage.name == name and stage.version >= 1 and stage.cores >= 1 for name, stage in STAGES.items()
    )


def test_the_profile_counts(store: ArtifactStore, topic_texts: TopicTexts, tiny_catalogue: str) -> None:
    params = {"machine": "m", "encoder": tiny_catalogue, "weights": "w"}
    summary = Line(store, task(topic_texts)).run("profile", params).summary

    assert {name: summary[name] for name in ("gold", "pool", "labels", "smallest_label", "language")} == {
        "gold": 18,
        "pool": 36,
        "labels": 3,
        "smallest_label": 6,
        "language": "en",
    }
    assert summary["encoder"] == tiny_catalogue
    assert summary["encode_s"] > 0
    assert summary["chars"] > 0


def test_the_probe_times_texts_of_like_length() -> None:
    batches = typical_batches(["x" * (n * 7 % 600) for n in range(600)])

    assert [len(batch) for batch in batches] == [64, 64, 64]
    assert [(len(batch[0]), len(batch[-1])) for batch in batches] == [(68, 131), (268, 331), (468, 531)]


def test_the_probe_manages_with_two_texts() -> None:
    assert typical_batches(["one", "three"]) == [["one", "three"]] * 3


def test_a_language_without_encoder_is_profiled_without(
    store: ArtifactStore, topic_texts: TopicTexts
) -> None:
    summary = (
        Line(store, task(topic_texts, language="zh"))
        .run("profile", {"machine": "m", "encoder": None, "weights": None})
        .summary
    )

    assert (summary["language"], summary["encoder"], summary["encode_s"]) == ("zh", None, None)


def test_a_lesson_never_holds_what_will_judge(store: ArtifactStore, topic_texts: TopicTexts) -> None:
    data = task(topic_texts)
    line = Line(store, data)
    shared = {"folds": 2, "pool": 36, "encoder": None}
    teach = {"embed_pool": 36, "tune_steps": 0, "max_length": 64, "teachers": None}
    folds = [line.run("teach", {**shared, **teach, "fold": k}) for k in range(2)]
    audit = line.run("audit", {"folds": 2, "models": []}, fold0=folds[0].artifact, fold1=folds[1].artifact)
    generated = line.run(
        "generate",
        {**shared, "fold": 0, "generator": "embedded", "count": 5, "aim": {}},
        teach=folds[0].artifact,
        audit=audit.artifact,
    )
    digests = {
        "task": line.task,
        "teach": folds[0].artifact,
        "audit": audit.artifact,
        "generate embedded": generated.artifact,
    }
    inputs = {name: store.path(digest) for name, digest in digests.items()}
    split = load_split(inputs, {"fold": 0, "folds": 2, "pool": 36})

    for lesson in (gold_only(split), taught(split, inputs)):
        assert not set(lesson.texts) & {*split.heldout_texts, *(example.text for example in data.test)}
        assert lesson.targets.shape == (len(lesson.texts), 3)
        np.testing.assert_allclose(lesson.targets.sum(axis=1), 1, atol=1e-3)
        assert lesson.n_gold == len(split.train) + 3  # the labels' names
    assert len(lesson.texts) == lesson.n_gold + 36 + generated.summary["accepted"]
    rows = [
        json.loads(row)
        for row in (inputs["generate embedded"] / "judged.jsonl").read_text("utf-8").splitlines()
    ]
    assert len(rows) == generated.summary["drafts"]
    assert all(row["kept"] or (row["kind"] and row["reason"]) for row in rows)
    kept = (inputs["generate embedded"] / "kept.jsonl").read_text("utf-8").splitlines()
    assert len(kept) == generated.summary["accepted"] == sum(row["kept"] for row in rows)


def test_the_audit_pools_what_each_fold_held_out(store: ArtifactStore, topic_texts: TopicTexts) -> None:
    line = Line(store, task(topic_texts))
    params = {
        "folds": 3,
        "pool": 20,
        "encoder": None,
        "embed_pool": 20,
        "tune_steps": 0,
        "max_length": 64,
        "teachers": None,
    }
    folds = [line.run("teach", {**params, "fold": k}) for k in range(3)]
    audit = line.run(
        "audit", {"folds": 3, "models": []}, **{f"fold{k}": result.artifact for k, result in enumerate(folds)}
    ).summary

    assert sum(audit["weights"].values()) == pytest.approx(1)
    for name in ("lexical", "lexical-spread"):
        means = [result.summary["heldout_accuracy"][name] for result in folds]
        assert audit["accuracy"][name] == pytest.approx(np.mean(means))


def test_stages_with_an_encoder_fit_together(
    store: ArtifactStore, topic_texts: TopicTexts, tiny_catalogue: str
) -> None:
    line = Line(store, task(topic_texts))
    shared = {"fold": 0, "folds": 2, "pool": 20, "encoder": tiny_catalogue}
    embed = line.run("embed", {"encoder": tiny_catalogue, "weights": "w", "pool": 30})
    vectors = line.arrays(embed, "vectors")
    teach = line.run(
        "teach",
        {**shared, "embed_pool": 30, "tune_steps": 2, "max_length": 64, "teachers": None},
        embed=embed.artifact,
    )
    told, tuned = line.arrays(teach, "pool"), line.arrays(teach, "vectors")

    assert {name: len(array) for name, array in vectors.items() if name != "tokens"} == {
        "gold": 18,
        "pool": 30,
        "names": 3,
    }
    assert vectors["tokens"].shape == (embed.summary["tokens"], 32)
    assert {name: answer.shape for name, answer in told.items()} == dict.fromkeys(told, (20, 3))
    assert {"lexical", "encoder", "tuned-spread"} <= set(told)
    assert [len(tuned[name]) for name in ("train", "heldout", "pool")] == [12, 9, 20]
    assert set(teach.summary["heldout_accuracy"]) == set(told)


def test_the_mini_student_labels_the_pool_that_no_teacher_has(
    store: ArtifactStore, topic_texts: TopicTexts, tiny_catalogue: str
) -> None:
    data = task(topic_texts)
    line = Line(store, data)
    shared = {"folds": 2, "pool": 20, "encoder": tiny_catalogue}
    embed = line.run("embed", {"encoder": tiny_catalogue, "weights": "w", "pool": 20})
    asked = {"embed_pool": 20, "tune_steps": 2, "max_length": 64, "teachers": None}
    folds = [
        line.run("teach", {**shared, **asked, "fold": k}, embed=embed.artifact).artifact for k in range(2)
    ]
    audit = line.run("audit", {"folds": 2, "models": []}, fold0=folds[0], fold1=folds[1])
    full = {**shared, "fold": None}
    teach = line.run("teach", {**full, **asked}, embed=embed.artifact)
    learnt = {"teach": teach.artifact, "audit": audit.artifact}
    distil = {**full, "seed_only": False}
    mini = line.run("distil", {**distil, "tier": "mini", "steps": 0, "max_length": 64}, **learnt)

    label = line.run("label", {"pool": 36, "taught": 20}, student=mini.artifact)
    static = line.run(
        "distil",
        {**distil, "tier": "static"},
        embed=embed.artifact,
        assistant=mini.artifact,
        labelled=label.artifact,
        **learnt,
    )

    told = line.arrays(label, "beliefs")
    assert label.summary == {"texts": 16}
    assert not set(told["rows"]) & set(pool_rows(len(data.pool), 20, data.spec.seed))
    np.testing.assert_allclose(told["beliefs"].sum(axis=1), 1, atol=1e-5)
    assert static.summary == {"texts": mini.summary["texts"] + 16, "gold": mini.summary["gold"]}


def test_texts_to_generate_are_shared_out_over_the_sets_of_labels() -> None:
    gold = [Example("x", labels) for labels in (("a", "b"), ("b", "a"), ("a",), ("c",))]

    assert [(r.labels, r.count) for r in requests_for(gold, 31, {})] == [
        (("a",), 10),
        (("a", "b"), 10),
        (("c",), 10),
    ]
    assert [(r.labels, r.count) for r in requests_for(gold, 1, {})] == [(("a", "b"), 1)]


def test_texts_to_generate_are_shared_out_as_the_aim_says() -> None:
    gold = [Example("x", (label,)) for label in ("a", "b", "c")]
    aim = {"a": 5 / 12, "b": 5 / 12, "c": 2 / 12}

    assert [(r.labels, r.count) for r in requests_for(gold, 36, aim)] == [
        (("a",), 15),
        (("b",), 15),
        (("c",), 6),
    ]
    # A label without a row to learn from gets nothing, and the others its part.
    assert [(r.labels, r.count) for r in requests_for(gold[:2], 36, aim)] == [(("a",), 18), (("b",), 18)]
    assert sum(r.count for r in requests_for(gold, 5, aim)) <= 5


def test_more_is_kept_of_what_more_was_asked_for(store: ArtifactStore, topic_texts: TopicTexts) -> None:
    line = Line(store, task(topic_texts))
    shared = {"folds": 2, "pool": 36, "encoder": None}
    teach = {"embed_pool": 36, "tune_steps": 0, "max_length": 64, "teachers": None}
    folds = [line.run("teach", {**shared, **teach, "fold": k}).artifact for k in range(2)]
    audit = line.run("audit", {"folds": 2, "models": []}, fold0=folds[0], fold1=folds[1]).artifact
    params = {**shared, "fold": 0, "generator": "embedded", "count": 8}

    def written(aim: Mapping[str, float]) -> tuple[Counter[str], Counter[str]]:
        result = line.run("generate", {**params, "aim": aim}, teach=folds[0], audit=audit)
        rows = (store.path(result.artifact) / "judged.jsonl").read_text("utf-8").splitlines()
        judged = [json.loads(row) for row in rows]
        kinds = Counter(row["kind"] for row in judged)
        return Counter(row["labels"][0] for row in judged if row["kept"]), kinds

    even, _ = written({})
    aimed, kinds = written({"cooking": 0.7, "football": 0.15, "computing": 0.15})

    assert aimed["cooking"] > max(even["cooking"], 2 * aimed["football"])
    assert not kinds["balance"]


def test_tokens_added_to_an_encoder_get_their_row_in_the_table(
    store: ArtifactStore,
    topic_texts: TopicTexts,
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder = Encoder(tiny_encoder)
    encoder.tokenizer.add_tokens(["[order-number]"])
    encoder.model.resize_token_embeddings(len(encoder.tokenizer))
    encoder.save(tmp_path / "grown")
    monkeypatch.setattr(catalogue, "locate", lambda model_id: tmp_path / "grown")
    line = Line(store, task(topic_texts))
    embed = line.run("embed", {"encoder": "grown", "weights": "w", "pool": 0})
    params = {"fold": None, "folds": 2, "pool": 0, "encoder": "grown", "tier": "static", "seed_only": True}

    student = line.run("distil", params, embed=embed.artifact)

    table = line.arrays(student, "student")["table"]
    assert len(table) == len(encoder.tokenizer) == embed.summary["tokens"]


def test_a_task_without_unlabelled_text_is_taught_all_the_same(
    store: ArtifactStore, topic_texts: TopicTexts, tiny_catalogue: str
) -> None:
    line = Line(store, task(topic_texts, pool=0))
    embed = line.run("embed", {"encoder": tiny_catalogue, "weights": "w", "pool": 0})
    params = {
        "fold": None,
        "folds": 2,
        "pool": 0,
        "encoder": tiny_catalogue,
        "embed_pool": 0,
        "tune_steps": 2,
        "max_length": 64,
    }
    teach = line.run("teach", params | {"teachers": None}, embed=embed.artifact)

    assert line.arrays(teach, "pool") == {}
    assert len(line.arrays(teach, "vectors")["train"]) == 21


def test_what_a_person_said_of_generated_texts_is_respected(
    store: ArtifactStore, topic_texts: TopicTexts
) -> None:
    data = task(topic_texts)
    line = Line(store, data)
    shared = {"folds": 2, "pool": 36, "encoder": None}
    teach = {"embed_pool": 36, "tune_steps": 0, "max_length": 64, "teachers": None}
    folds = [line.run("teach", {**shared, **teach, "fold": k}).artifact for k in range(2)]
    audit = line.run("audit", {"folds": 2, "models": []}, fold0=folds[0], fold1=folds[1]).artifact
    params = {**shared, "fold": 0, "generator": "embedded", "count": 5, "aim": {}}
    held_out = load_split({"task": store.path(line.task)}, params).heldout_texts[0]

    def judged(**inputs: str) -> dict[str, dict[str, Any]]:
        result = line.run("generate", params, teach=folds[0], audit=audit, **inputs)
        rows = (store.path(result.artifact) / "judged.jsonl").read_text("utf-8").splitlines()
        assert load_arrays(store.path(result.artifact) / "beliefs.safetensors")["beliefs"].shape == (
            result.summary["accepted"],
            3,
        )
        return {row["text"]: row for row in map(json.loads, rows)}

    vetoed, edited, other = [text for text, row in judged().items() if row["kept"]][:3]
    label = data.labels[2]
    with store.workspace() as folder:
        wishes = [
            Wish(vetoed, None, ()),
            Wish(edited, "what I would rather have said", (label,)),
            Wish("never written this time", held_out, (label,)),
        ]
        write_reviews(wishes, folder)
        reviews = store.commit(folder)
    rows = judged(reviews=reviews)

    assert (rows[vetoed]["kept"], rows[vetoed]["kind"]) == (False, "veto")
    assert (rows[edited]["kept"], rows[edited]["kind"]) == (False, "edit")
    assert rows[other]["kept"]
    assert rows["what I would rather have said"]["kept"]
    assert rows["what I would rather have said"]["labels"] == [label]
    assert not rows[held_out]["kept"]  # it would give away what judges the student
