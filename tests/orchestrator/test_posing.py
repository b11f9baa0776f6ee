"""What a job asks about rows and about labels, from what its student believes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from gts.core.artifacts import ArtifactStore
from gts.orchestrator.answer_forms import check_answer
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.crafts import craft_of
from gts.orchestrator.questions import Question, QuestionKind, subject_of
from gts.orchestrator.stage import StageCall
from gts.orchestrator.stages import STAGES
from gts.orchestrator.stages.common import save_arrays, write_json
from gts.orchestrator.stages.rows import POOL, write_beliefs
from gts.orchestrator.taskstore import put_task
from gts.tasks.dataset import Origin
from gts.tasks.items import ENTITY, Item
from gts.tasks.saving import AnyTask
from gts.tasks.taskfile import load_task_document

PARAMS = {"fold": None, "folds": 2, "pool": 50, "encoder": None, "count": 5, "asked": []}


def keep(store: ArtifactStore, files: dict[str, Any]) -> str:
    """An artifact of arrays, JSON values and texts."""
    with store.workspace() as folder:
        for name, value in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith(".safetensors"):
                save_arrays(path, value)
            elif name.endswith(".json"):
                write_json(path, value)
            else:
                path.write_text(value, "utf-8")
        return store.commit(folder)


def pose(
    store: ArtifactStore, data: AnyTask, stage: str, params: dict[str, Any], **inputs: str
) -> list[dict[str, Any]]:
    call = StageCall(stage, STAGES[stage].version, params, {"task": put_task(store, data), **inputs})
    result = InlineCompute(store, STAGES).run(call, lambda fraction, message: None, lambda: False)
    found: list[dict[str, Any]] = json.loads(
        (store.path(result.artifact) / "questions.json").read_text("utf-8")
    )
    assert sum(result.summary["questions"].values()) == len(found)
    for row in found:
        asked = Question.new(
            "7", QuestionKind(row["kind"]), row["payload"], row["reason"], origin=Origin(row["origin"])
        )
        assert asked.reason
    return found


NAMES = ["Ada", "Tim", "Zoe", "Bob", "Eve", "Max"]


def people() -> AnyTask:
    rows = [
        {"text": f"{name} works here.", "entities": [{"start": 0, "end": len(name), "type": "person"}]}
        for name in NAMES[:4]
    ]
    pool = [f"yesterday {name} left the office" for name in NAMES] + ["nothing happened at all"] * 1
    return load_task_document(
        {"name": "people", "type": "ner", "language": "en", "examples": rows, "unlabeled": pool}
    )


def test_spans_are_asked_about_with_what_the_student_would_mark(store: ArtifactStore) -> None:
    data = people()
    craft = craft_of("ner")
    unsure = [{Item(ENTITY, "person", (10, 13)): 0.6} for _ in NAMES]
    with store.workspace() as folder:
        write_beliefs(folder / POOL, craft, [*unsure, {}])
        student = store.commit(folder)

    found = pose(store, data, "rows.pose", PARAMS | {"decision": {ENTITY: 0.5}}, student=student)

    assert found and all(row["kind"] == "mark" for row in found)
    first = found[0]["payload"]
    assert first["proposed"]["text"] == first["text"]
    (entity,) = first["proposed"]["entities"]
    assert first["text"][entity["start"] : entity["end"]] in NAMES
    asked = Question.new("7", QuestionKind.MARK, first, "r", origin=Origin.POOL)
    assert check_answer(asked, {"row": first["proposed"]}, data.spec)


def test_pairs_are_asked_about_once(store: ArtifactStore) -> None:
    rows = [{"text_a": f"one {i}", "text_b": f"two {i}", "label": str(i % 2)} for i in range(8)]
    pool = [{"text_a": f"left {i}", "text_b": f"right {i}"} for i in range(6)]
    data = load_task_document(
        {"name": "twins", "type": "similarity", "language": "en", "examples": rows, "unlabeled": pool}
    )
    craft = craft_of("similarity")
    with store.workspace() as folder:
        write_beliefs(folder / POOL, craft, [0.5] * 6)
        student = store.commit(folder)

    found = pose(store, data, "rows.pose", PARAMS | {"decision": {}}, student=student)
    done = [subject_of([row["payload"]["text_a"], row["payload"]["text_b"]]) for row in found]
    again = pose(store, data, "rows.pose", PARAMS | {"decision": {}, "asked": done}, student=student)

    assert {row["kind"] for row in found} == {"label"}
    assert found[0]["payload"]["options"] == ["1", "0"]
    pairs = [[row["payload"]["text_a"] for row in rows] for rows in (found, again)]
    assert not set(pairs[0]) & set(pairs[1])


LABELS = ("card", "parcel", "login")


@pytest.fixture
def mail() -> AnyTask:
    rows = [{"text": f"{label} question number {i}", "label": label} for label in LABELS for i in range(6)]
    pool = [f"about a {label}, case {i}" for label in LABELS for i in range(8)]
    return load_task_document({"name": "mail", "language": "en", "examples": rows, "unlabeled": pool})


def ask_about(store: ArtifactStore, data: AnyTask, said: np.ndarray, **more: Any) -> list[dict[str, Any]]:
    """Questions of a job whose student says this of held-out gold [rows, labels], and is unsure of the pool."""
    from gts.orchestrator.stages.common import fold_of_gold, indicators

    fold = fold_of_gold(indicators(data), 2, data.spec.seed)
    folds = {f"fold {k}": keep(store, {"heldout.safetensors": {"logits": said[fold == k]}}) for k in range(2)}
    beliefs = np.full((len(data.pool), 3), 1 / 3, np.float32)
    audit = {
        "rest": {"lexical": 1.0},
        "models": {},
        "exponent": 1.0,
        "others": {"weight": 1.0, "exponent": 1.0},
    }
    inputs = folds | {
        "teach": keep(store, {"pool.safetensors": {"lexical": beliefs}}),
        "audit": keep(store, {"audit.json": audit}),
    }
    return pose(store, data, "pose", PARAMS | {"temperature": 1.0, **more}, **inputs)


def certain(data: AnyTask) -> np.ndarray:
    """Logits of a student that is right and sure [rows, labels]."""
    columns = [LABELS.index(example.labels[0]) for example in data.gold]
    order = [data.labels.index(label) for label in LABELS]
    return np.array(8 * np.eye(3, dtype=np.float32)[[order[column] for column in columns]])


def test_texts_of_the_pool_are_asked_about_all_labels_offered(store: ArtifactStore, mail: AnyTask) -> None:
    found = ask_about(store, mail, certain(mail))

    assert [row["kind"] for row in found] == ["label"] * 5
    assert all(set(row["payload"]["options"]) == set(LABELS) for row in found)
    kinds = {next(label for label in LABELS if label in row["payload"]["text"]) for row in found[:3]}
    assert len(kinds) == 3, "the first three cover three different kinds of texts"


def test_a_row_that_looks_mislabelled_and_labels_that_are_mixed_up_come_first(
    store: ArtifactStore, mail: AnyTask
) -> None:
    said = certain(mail)
    card, parcel, _ = (mail.labels.index(label) for label in LABELS)
    rows = {label: [i for i, e in enumerate(mail.gold) if e.labels == (label,)] for label in LABELS}
    said[rows["login"][0]] = 8 * np.eye(3)[card]
    for i in rows["card"][:2] + rows["parcel"][:2]:  # unsure, and the wrong way round
        other = parcel if i in rows["card"] else card
        said[i] = np.eye(3)[other] * 0.5

    found = ask_about(store, mail, said)

    assert [row["kind"] for row in found[:2]] == ["mislabelled", "define"]
    assert found[0]["payload"]["text"] == mail.gold[rows["login"][0]].text
    assert found[0]["payload"]["labels"] == ["login"]
    assert set(found[1]["payload"]["labels"]) == {"card", "parcel"}
    before = [subject_of([found[0]["payload"]["text"]]), subject_of(found[1]["payload"]["labels"])]
    assert {row["kind"] for row in ask_about(store, mail, said, asked=before)} == {"label"}
