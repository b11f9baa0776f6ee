"""A published span student: rows in, findings out, and plain words where something is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gts.core.errors import InvalidInput, NotFound, StorageError
from gts.student.layout import MANIFEST, ONNX_FP32
from gts.student.spans.answers import MOST_ENTITY_CHARS, MOST_GIVEN
from gts.student.spans.export import export_span_student
from gts.student.spans.layout import LAYOUT_FILE
from gts.student.spans.runtime import LINKS_FILE, load_span_student
from gts.tasks.rows import MarkedRow


@pytest.fixture(scope="session")
def published(
    span_student: Callable, span_manifest: Callable, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folders = {}
    for task in ("nested", "relation", "given", "event"):
        folders[task] = tmp_path_factory.mktemp("published")
        export_span_student(span_student(task)[0], span_manifest(task), folders[task], [])
    return folders


@pytest.fixture
def copied(published: dict[str, Path], tmp_path: Path) -> Path:
    """The student of relations, free to be damaged."""
    for name in ("onnx", ""):
        (tmp_path / name).mkdir(exist_ok=True)
        for path in (published["relation"] / name).iterdir():
            if path.is_file():
                (tmp_path / name / path.name).write_bytes(path.read_bytes())
    return tmp_path


def answer(folder: Path, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    answers = load_span_student(folder).answer(rows)
    assert json.loads(json.dumps(answers)) == answers
    return answers


def unscored(value: Any) -> Any:
    """The same without its scores, which are checked to be beliefs."""
    if isinstance(value, list):
        return [unscored(one) for one in value]
    if isinstance(value, dict):
        assert 0.4 <= value.get("score", 1.0) <= 1.0
        return {key: unscored(one) for key, one in value.items() if key != "score"}
    return value


def place(text: str, words: str, **more: str) -> dict[str, Any]:
    start = text.index(words)
    return {"start": start, "end": start + len(words), **more, "text": words}


def test_entities_are_told_with_their_surface_and_score(published: dict[str, Path]) -> None:
    text = "😀 goal soup coach again 👩\u200d🚀"
    (found,) = answer(published["nested"], {"text": text})

    wanted = [
        place(text, "goal soup", type="team"),
        place(text, "soup", type="dish"),
        place(text, "coach", type="team"),
    ]
    assert unscored(found) == {"entities": wanted}
    assert all(isinstance(entity["score"], float) for entity in found["entities"])


def test_relations_are_told_with_their_entities(published: dict[str, Path]) -> None:
    text = "please goal very match today"
    (found,) = answer(published["relation"], {"text": text})

    goal, match = (place(text, word, type="team") for word in ("goal", "match"))
    assert unscored(found) == {
        "entities": [goal, match],
        "relations": [{"type": "beats", "head": goal, "tail": match}],
    }
    assert "score" in found["relations"][0] and "score" not in found["relations"][0]["head"]


def test_relations_between_given_entities(published: dict[str, Path]) -> None:
    text = "please goal very match today"
    entities = [{"start": 7, "end": 11, "type": "club"}, {"start": 17, "end": 22, "type": None}]
    found, nothing = answer(
        published["given"], {"text": text, "entities": entities}, {"text": text, "entities": []}
    )

    goal, match = place(text, "goal", type="club"), place(text, "match")
    assert unscored(found) == {
        "entities": [goal, match],
        "relations": [{"type": "beats", "head": goal, "tail": match}],
    }
    assert [entity["score"] for entity in found["entities"]] == [1.0, 1.0]
    assert nothing == {"entities": [], "relations": []}


def test_events_are_told_with_their_arguments(published: dict[str, Path]) -> None:
    text = "how boil not bread again"
    (found,) = answer(published["event"], {"text": text})

    argument = {"role": "what", **place(text, "bread")}
    meal = {"type": "meal", "trigger": place(text, "boil"), "arguments": [argument]}
    assert unscored(found) == {"events": [meal]}
    assert "score" in found["events"][0] and "score" in found["events"][0]["arguments"][0]


@pytest.mark.parametrize("task", ["nested", "relation", "given", "event"])
def test_empty_texts_hold_nothing(task: str, published: dict[str, Path]) -> None:
    for text in ("", " ", "\n\u3000"):
        (found,) = answer(published[task], {"text": text, "entities": []})
        assert found and not any(found.values())
    assert answer(published[task]) == []


def test_thresholds_of_the_manifest_decide(span_student: Callable, published: dict[str, Path]) -> None:
    student = load_span_student(published["nested"])
    beliefs = student.find(span_student("nested")[1][:1])[0]

    told = student.decide(beliefs)

    assert len(told.entities) == sum(belief >= 0.4 for belief in beliefs.values()) > 0
    assert student.decide({item: 0.39 for item in beliefs}).entities == ()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("soup", r"rows\[1\] is 'soup'; an object"),
        ({}, r'rows\[1\] has no "text"; a string'),
        ({"text": 3}, r'rows\[1\] has the "text" 3'),
        ({"text": [[]] * 10**6}, r'rows\[1\] has the "text" a list of 1000000; a string'),
        ({"text": "goal"}, r'rows\[1\] has no "entities"; a list .* given entities'),
        ({"text": "goal", "entities": "goal"}, r"rows\[1\] has the \"entities\" 'goal'"),
        ({"text": "goal", "entities": [7]}, r"rows\[1\]\.entities\[0\] is 7"),
        ({"text": "goal", "entities": [{"start": 0}]}, r"entities\[0\] goes from 0 to None; whole numbers"),
        ({"text": "goal", "entities": [{"start": 0, "end": 2.0}]}, r"from 0 to 2\.0; whole numbers"),
        ({"text": "goal", "entities": [{"start": False, "end": 2}]}, r"from False to 2; whole numbers"),
        ({"text": "goal", "entities": [{"start": 0, "end": 5}]}, r"from 0 to 5 in a text of 4 characters"),
        ({"text": "goal", "entities": [{"start": -1, "end": 2}]}, r"from -1 to 2 in a text"),
        ({"text": "goal", "entities": [{"start": 3, "end": 2}]}, r"from 3 to 2 in a text"),
        ({"text": "goal", "entities": [{"start": 2, "end": 2}]}, r"from 2 to 2 in a text"),
        ({"text": "goal", "entities": [{"start": 0, "end": 2, "type": 1}]}, r'has the "type" 1'),
        (
            {"text": "goal", "entities": [{"start": 0, "end": 2}] * (MOST_GIVEN + 1)},
            r"rows\[1\] has 101 entities; a list of at most 100 was",
        ),
        (
            {"text": "goal", "entities": [7] * 10**6},
            r"rows\[1\] has 1,000,000 entities; a list of at most 100",
        ),
        (
            {"text": "goal " * 300, "entities": [{"start": 0, "end": MOST_ENTITY_CHARS + 1}]},
            r"entities\[0\] has 1,001 characters; an entity of at most 1,000 was",
        ),
        (
            {"text": "goal", "entities": [{"start": 0, "end": 2, "type": "a" * 10**6}]},
            r'entities\[0\] has a "type" of 1,000,000 characters; a name of at most 200 was',
        ),
    ],
)
def test_bad_rows_are_named(row: object, message: str, published: dict[str, Path]) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        load_span_student(published["given"]).answer([{"text": "", "entities": []}, row])
    assert len(caught.value.message) < 300


def test_as_many_entities_as_are_accepted_are_read(published: dict[str, Path]) -> None:
    text = "please goal very match today"
    places = [(start, end) for start in range(len(text)) for end in range(start + 1, len(text) + 1)]
    entities = [{"start": start, "end": end} for start, end in [(7, 11), (17, 22), *places][:MOST_GIVEN]]
    few, many = answer(
        published["given"], {"text": text, "entities": entities[:2]}, {"text": text, "entities": entities}
    )

    assert len(few["relations"]) == 1
    assert len(many["entities"]) >= MOST_GIVEN - 2
    assert {one["type"] for one in many["relations"]} <= {"beats"}


@pytest.mark.parametrize("rows", ["soup", {"text": "soup"}, 7])
def test_one_row_is_no_list_of_rows(rows: Any, published: dict[str, Path]) -> None:
    with pytest.raises(InvalidInput, match="list of rows"):
        load_span_student(published["nested"]).answer(rows)


def test_entities_that_are_not_asked_for_are_not_looked_at(published: dict[str, Path]) -> None:
    text = "goal very match"
    bare, more = answer(published["relation"], {"text": text}, {"text": text, "entities": "nonsense"})
    assert bare == more


def test_several_threads_may_ask_at_once(span_student: Callable, published: dict[str, Path]) -> None:
    student = load_span_student(published["relation"])
    rows = span_student("relation")[1]
    parts = [rows[at : at + 5] for at in range(0, len(rows), 5)] * 4
    expected = [student.find(part) for part in parts]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(student.find, parts)) == expected


def test_facts(published: dict[str, Path]) -> None:
    student = load_span_student(published["given"], variant="int8")
    facts = student.info

    assert json.loads(json.dumps(facts)) == facts
    assert (facts["type"], facts["variant"], facts["entities_given"]) == ("relation", "int8", True)
    assert list(facts["looks_for"]["relations"]) == ["beats"]
    assert 0 < facts["bytes"] < load_span_student(published["given"]).info["bytes"]
    assert facts["parameters"] > 10_000
    facts.clear()
    assert student.info


def test_what_is_missing_or_damaged_is_told(copied: Path) -> None:
    with pytest.raises(NotFound, match="no student"):
        load_span_student(copied / "onnx")
    for name in (LINKS_FILE, ONNX_FP32):
        kept = (copied / name).read_bytes()
        (copied / name).unlink()
        with pytest.raises(NotFound, match=Path(name).stem):
            load_span_student(copied)
        (copied / name).write_bytes(b"no graph")
        with pytest.raises(StorageError, match=Path(name).stem):
            load_span_student(copied)
        (copied / name).write_bytes(kept)
    (copied / ONNX_FP32).write_bytes((copied / LINKS_FILE).read_bytes())
    with pytest.raises(StorageError, match="it maps"):
        load_span_student(copied)


def test_files_of_different_students_are_told(copied: Path, published: dict[str, Path]) -> None:
    (copied / LAYOUT_FILE).write_bytes((published["nested"] / LAYOUT_FILE).read_bytes())
    with pytest.raises(StorageError, match=r"spans, 2 were expected"):
        load_span_student(copied)
    (copied / LAYOUT_FILE).write_bytes((published["given"] / LAYOUT_FILE).read_bytes())
    with pytest.raises(StorageError, match="given"):
        load_span_student(copied)
    document = json.loads((copied / MANIFEST).read_text())
    document["task"]["type"] = "summarization"
    (copied / MANIFEST).write_text(json.dumps(document))
    with pytest.raises(StorageError, match="summarization"):
        load_span_student(copied)


@pytest.mark.parametrize("task", ["nested", "given"])
def test_finding_imports_nothing_heavy(task: str, published: dict[str, Path]) -> None:
    code = (
        "import sys; from pathlib import Path; from gts.student.spans.runtime import load_span_student;"
        "entities = [{'start': 0, 'end': 4}, {'start': 10, 'end': 15}];"
        "load_span_student(Path(sys.argv[1])).answer([{'text': 'goal very match', 'entities': entities}]);"
        "heavy = {'torch', 'transformers', 'sklearn', 'scipy', 'onnx', 'model2vec', 'pyarrow', 'ray', 'pandas'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(published[task])], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_given_rows_may_be_asked_directly(published: dict[str, Path], span_student: Callable) -> None:
    rows = span_student("given")[1]
    student = load_span_student(published["given"])

    found = [bool(student.decide(beliefs).relations) for beliefs in student.find(rows)]

    wanted = [bool(row.found.relations) for row in rows]
    assert sum(one == other for one, other in zip(found, wanted, strict=True)) > 0.9 * len(rows)
    assert student.find([MarkedRow(rows[0].text)]) == [{}]
