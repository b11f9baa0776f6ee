"""A task goes in, a student comes out: every real stage, on encoders and tasks small enough for a test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model2vec import StaticModel
from model2vec.inference import StaticModelPipeline

from gts.core import catalogue
from gts.core.fingerprint import file_sha256
from gts.orchestrator import costs
from gts.orchestrator.costs import Sizes
from gts.orchestrator.produce import produce
from gts.student.layout import read_manifest
from gts.student.runtime import load_student
from gts.tasks.dataset import Example, TaskData
from gts.tasks.metrics import evaluate
from gts.tasks.spec import TaskSpec

TopicTexts = Callable[..., list[str]]
Report = dict[str, Any]
TOPICS = ("cooking", "football", "computing")

GOOD = [
    "物流很快，包装也很好。",
    "音质不错，非常满意！",
    "手机很好用，下次还会再买。",
    "快递小哥服务很好。",
    "质量很好，物超所值。",
    "颜色漂亮，很喜欢。",
    "客服很耐心，很满意。",
    "电池很耐用，很好。",
]
BAD = [
    "质量太差，用了两天就坏了。",
    "客服不理人，太失望了。",
    "退货不给退，再也不买了。",
    "充不进电，质量太差。",
    "物流太慢，等了两周。",
    "屏幕有划痕，很失望。",
    "包装破损，太差了。",
    "声音太小，根本没法用，差评。",
]
CHINESE_POOL = [
    "物流快，很满意。",
    "音质很好，下次再买。",
    "包装很好，喜欢。",
    "服务很好，非常喜欢！",
    "手机漂亮，很好用。",
    "太失望了，再也不买。",
    "用了两天就没法用。",
    "客服太差，不给退。",
    "质量差，屏幕坏了。",
    "物流慢，包装破损。",
]

# A target that any student reaches ends the search for more text.
NO_GENERATOR: dict[str, Any] = {"goal": {"target": 0.01}}

FEW_STEPS = (
    Sizes(folds=2, pool=40, fold_pool=30, tune_steps=8, refine_steps=5, more_pool=20),
    Sizes(folds=2, pool=100, fold_pool=100, tune_steps=0, refine_steps=0, encoder=False),
)


@pytest.fixture(scope="module", autouse=True)
def few_steps() -> Iterator[None]:
    """Jobs of this module take few steps, however fast the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs, "LADDER", FEW_STEPS)
        yield


def english(topic_texts: TopicTexts, **spec: Any) -> TaskData:
    settings = {
        "name": "topics",
        "labels": list(TOPICS),
        "multi_label": False,
        "language": "en",
        "budget": {"seconds": 5000},
        **NO_GENERATOR,
    }
    return TaskData(
        TaskSpec.model_validate(settings | spec),
        tuple(Example(text, (topic,)) for topic in TOPICS for text in topic_texts(topic, 8)),
        tuple(text for topic in TOPICS for text in topic_texts(topic, 20, seed=1)),
        tuple(Example(text, (topic,)) for topic in TOPICS for text in topic_texts(topic, 10, seed=2)),
    )


def model_files(folder: Path) -> dict[str, str]:
    """Digest of every file but the two that hold the report of the run."""
    found = (
        path for path in folder.rglob("*") if path.is_file() and path.name not in ("README.md", "gts.json")
    )
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in found}


def check(report: Report, data: TaskData) -> None:
    """What every report must say, and that the student behind it is the one it speaks of."""
    folder = Path(report["model_dir"])
    student = load_student(folder)
    assert student.labels == data.labels
    assert student.manifest.tier == report["tier"]
    assert report["measured"]["value"] >= report["seed_only"]["value"]
    assert report["estimate"]["low"] <= report["estimate"]["value"] <= report["estimate"]["high"]
    assert ("unlabelled" in report["estimate"]["method"]) == (report["counts"]["pool"] > 0)
    assert report["estimate"]["n"] == report["counts"]["gold"] == len(data.gold)
    assert sum(teacher["weight"] for teacher in report["teachers"]) == pytest.approx(1, abs=1e-3)
    predicted = student.decide(student.predict([example.text for example in data.test]))
    found = evaluate(data.labels, [example.labels for example in data.test], predicted, data.multi_label)
    assert report["test"]["student"]["accuracy"] == found["accuracy"]
    card = (folder / "README.md").read_text("utf-8")
    assert not any(example.text in card for example in (*data.gold, *data.test))
    json.dumps(report, allow_nan=False)


@pytest.fixture(scope="module")
def produced(
    tiny_encoder: Path, topic_texts: TopicTexts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TaskData, Report, Path]]:
    """A task in English with the tiny encoder: both tiers."""
    root = tmp_path_factory.mktemp("english")
    entry = {
        "id": "tiny/encoder",
        "languages": ["en"],
        "parameters": 30_000,
        "hidden_size": 32,
        "licence": "mit",
        "path": str(tiny_encoder),
    }
    (root / "catalogue.json").write_text(json.dumps({"models": [entry]}), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GTS_CATALOGUE", str(root / "catalogue.json"))
        catalogue.locate.cache_clear()
        catalogue.identity.cache_clear()
        data = english(topic_texts)
        yield data, produce(data, root / "student", store_root=root / "store"), root
    catalogue.locate.cache_clear()
    catalogue.identity.cache_clear()


def test_both_tiers_are_made_and_one_is_published(produced: tuple[TaskData, Report, Path]) -> None:
    data, report, _ = produced

    check(report, data)
    assert [student["tier"] for student in report["students"]] == ["static", "mini"]
    assert all(student["texts_per_second"] > 0 and student["bytes"] > 0 for student in report["students"])
    assert report["test"]["student"]["accuracy"] > 0.6
    manifest = load_student(Path(report["model_dir"])).manifest
    assert (manifest.base_model, manifest.licence) == ("tiny/encoder", "mit")


def test_a_second_run_repeats_nothing_and_gives_the_same_bytes(
    produced: tuple[TaskData, Report, Path],
) -> None:
    data, report, root = produced
    again = produce(data, root / "again", store_root=root / "store")

    assert all(stage["cached"] for stage in again["stages"])
    assert again["estimate"] == report["estimate"]
    assert model_files(root / "again") == model_files(root / "student")


def test_students_of_both_tiers_live_on_in_the_libraries_of_their_kind(
    produced: tuple[TaskData, Report, Path],
) -> None:
    data, _, root = produced
    texts = [example.text for example in data.test]
    packages = {
        read_manifest(path.parent).tier: path.parent for path in root.glob("store/files/*/*/gts.json")
    }

    from transformers import pipeline

    classifier = pipeline("text-classification", model=str(packages["mini"]), device="cpu")
    student = load_student(packages["mini"], variant="fp32")
    ours = [labels[0] for labels in student.decide(student.predict(texts))]
    assert [row["label"] for row in classifier(texts)] == ours
    static = StaticModelPipeline.from_pretrained(str(packages["static"]))
    theirs = static.predict_proba(texts)[:, [list(static.classes_).index(label) for label in TOPICS]]
    np.testing.assert_allclose(theirs, load_student(packages["static"]).predict(texts), atol=1e-3)
    assert StaticModel.from_pretrained(str(packages["static"])).encode(["soup and bread"]).shape == (1, 32)


def test_chinese_needs_no_encoder(tmp_path: Path) -> None:
    data = TaskData(
        TaskSpec.model_validate(
            {
                "name": "reviews",
                "labels": {"好评": "满意", "差评": "失望"},
                "multi_label": False,
                "language": "zh",
            }
        ),
        tuple(Example(text, (label,)) for label, texts in (("好评", GOOD), ("差评", BAD)) for text in texts),
        tuple(CHINESE_POOL),
        (Example("音质很好，很喜欢。", ("好评",)), Example("太差了，不给退。", ("差评",))),
    )

    report = produce(data, tmp_path / "student", store_root=tmp_path / "store")

    check(report, data)
    assert report["tier"] == "static"
    assert report["estimate"]["value"] > 0.6
    student = load_student(tmp_path / "student")
    assert student.decide(student.predict(["物流很快，非常满意！", "质量太差，太失望了。"])) == [
        ("好评",),
        ("差评",),
    ]
    assert np.isfinite(StaticModel.from_pretrained(str(tmp_path / "student")).encode(["很好", "😀"])).all()
    # So little text asks for the generator, whether or not it is used in the end.
    assert any(stage["name"] == "generate" for stage in report["stages"])


def test_several_labels_at_once(topic_texts: TopicTexts, tmp_path: Path) -> None:
    cooking, football, computing = (topic_texts(topic, 30) for topic in TOPICS)
    both = [f"{one} {other}" for one, other in zip(cooking, football, strict=True)]
    rows = [
        (both, TOPICS[:2]),
        (cooking, TOPICS[:1]),
        (computing, TOPICS[2:]),
        (["the a my is", "was when how it"], ()),
    ]
    data = TaskData(
        TaskSpec.model_validate(
            {"name": "topics", "labels": list(TOPICS), "multi_label": True, "language": "xx", **NO_GENERATOR}
        ),
        tuple(Example(text, labels) for texts, labels in rows for text in texts[:8]),
        tuple(text for texts, _ in rows[:3] for text in texts[8:20]),
        tuple(Example(text, labels) for texts, labels in rows[:3] for text in texts[20:]),
    )

    report = produce(data, tmp_path / "student", store_root=tmp_path / "store")

    check(report, data)
    assert report["multi_label"] is True
    predicted = load_student(tmp_path / "student").predict([both[-1], computing[-1]])
    assert predicted.min() >= 0
    assert predicted.max() <= 1
    assert (predicted[0] > 0.5).sum() + (predicted[1] > 0.5).sum() >= 2


@pytest.mark.parametrize("labels", [("0", "1"), ("../../x", "<b>bold</b>")])
def test_gold_alone_is_enough_whatever_the_labels_are_called(
    topic_texts: TopicTexts, tmp_path: Path, labels: tuple[str, str]
) -> None:
    data = TaskData(
        TaskSpec.model_validate(
            {"name": "t", "labels": list(labels), "multi_label": False, "language": "xx"}
        ),
        tuple(
            Example(text, (label,))
            for label, topic in zip(labels, TOPICS, strict=False)
            for text in topic_texts(topic, 2)
        ),
        test=tuple(
            Example(text, (label,))
            for label, topic in zip(labels, TOPICS, strict=False)
            for text in topic_texts(topic, 3, seed=1)
        ),
    )

    report = produce(data, tmp_path / "student", store_root=tmp_path / "store")

    check(report, data)
    assert report["counts"]["pool"] == 0


def test_an_interrupted_run_goes_on_where_it_was(topic_texts: TopicTexts, tmp_path: Path) -> None:
    data = english(topic_texts, language="xx")
    finished: list[str] = []

    def interrupt(event: Any) -> None:
        if event["kind"] == "stage_finished":
            finished.append(event["data"]["name"])
            if len(finished) == 6:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        produce(data, tmp_path / "out" / "student", store_root=tmp_path / "store", on_event=interrupt)
    assert not (tmp_path / "out" / "student").exists()

    report = produce(data, tmp_path / "out" / "student", store_root=tmp_path / "store")

    assert [stage["cached"] for stage in report["stages"]] == [True] * 6 + [False] * (
        len(report["stages"]) - 6
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["student"]
    check(report, data)
