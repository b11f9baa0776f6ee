"""The span student from end to end: it learns marks, keeps what it learned, and finds them in texts of any length."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gts.core.errors import InvalidInput, NotFound, StorageError
from gts.student.spans import training
from gts.student.spans.labels import Lesson
from gts.student.spans.layout import LAYOUT_FILE, WEIGHTS_FILE, read_layout
from gts.student.spans.predicting import predict
from gts.student.spans.training import SpanConfig, train
from gts.tasks.items import ARGUMENT, ENTITY, RELATION, Item, certain, decide
from gts.tasks.rows import MarkedRow
from gts.tasks.schema import Schema
from gts.tasks.structures import Argument, Event, Relation, Span, Structure

FILLER = ["please", "again", "today", "when", "not", "how"]
DISHES, TEAMS = ["soup", "bread", "salt"], ["goal", "match", "coach"]
QUICK = SpanConfig(steps=120, batch_size=16, learning_rate=1e-3, head_rate=1e-2, length=24, overlap=10)


def row(words: list[str], structure: Structure | None = None, given: tuple[Span, ...] = ()) -> MarkedRow:
    return MarkedRow(" ".join(words), structure, given)


def places(words: list[str]) -> list[tuple[int, int]]:
    ends = np.cumsum([len(word) + 1 for word in words])
    return [(int(end) - len(word) - 1, int(end) - 1) for word, end in zip(words, ends, strict=True)]


def sentence(rng: random.Random, n: int = 6) -> list[str]:
    return [rng.choice(FILLER) for _ in range(n)]


def dishes_and_teams(n: int, seed: int = 0) -> list[MarkedRow]:
    """Dishes are single words; teams are two words, of which the second alone is a dish: spans nest."""
    rng = random.Random(seed)
    rows = []
    for _ in range(n):
        words = sentence(rng, rng.choice([6, 12, 21]))
        at, to = rng.sample(range(0, len(words), 3), 2)
        words[at] = rng.choice(DISHES)
        words[to : to + 2] = [rng.choice(TEAMS), rng.choice(DISHES)]
        where = places(words)
        team = Span(where[to][0], where[to + 1][1], "team")
        found = (Span(*where[at], "dish"), team, Span(*where[to + 1], "dish"))
        rows.append(row(words, Structure(found).ordered()))
    return rows


FOOD = Schema(entities={"dish": {}, "team": {}})


def beats(n: int, seed: int = 0, given: bool = False) -> list[MarkedRow]:
    """``goal very match``: the one on the left beats the other, if ``very`` stands between them."""
    rng = random.Random(seed)
    rows = []
    for number in range(n):
        words = sentence(rng)
        words[1], words[3] = rng.sample(TEAMS, 2)
        if number % 2:
            words[2] = "very"
        one, other = (Span(*places(words)[at], "team") for at in (1, 3))
        relations = (Relation("beats", one, other),) if number % 2 else ()
        rows.append(row(words, Structure((one, other), relations), (one, other) if given else ()))
    return rows


BEATS = Schema(entities={"team": {}}, relations={"beats": {"head": ["team"], "tail": ["team"]}})


def meals(n: int, seed: int = 0) -> list[MarkedRow]:
    rng = random.Random(seed)
    rows = []
    for _ in range(n):
        words = sentence(rng)
        verb, dish = rng.sample(range(6), 2)
        words[verb], words[dish] = "boil", rng.choice(DISHES)
        where = places(words)
        event = Event("meal", Span(*where[verb]), (Argument("what", *where[dish]),))
        rows.append(row(words, Structure((), (), (event,))))
    return rows


MEALS = Schema(events={"meal": {"roles": {"what": ""}}})


def lessons(rows: list[MarkedRow]) -> list[Lesson]:
    return [Lesson(row, certain(row.found)) for row in rows]


def right(folder: Path, rows: list[MarkedRow]) -> float:
    decided = [decide(beliefs, {}) for beliefs in predict(folder, rows)]
    return float(np.mean([found == row.found for found, row in zip(decided, rows, strict=True)]))


@pytest.fixture(scope="session")
def food_student(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spans") / "student"
    fit = train(lessons(dishes_and_teams(40)), FOOD, tiny_encoder, folder, QUICK)
    assert (fit.widened, fit.lost, fit.width) == (0, 0, 2)
    return folder


def test_it_learns_nested_entities(food_student: Path) -> None:
    assert right(food_student, dishes_and_teams(30, seed=1)) > 0.9


def test_it_learns_relations_between_entities_it_finds(tiny_encoder: Path, tmp_path: Path) -> None:
    train(lessons(beats(40)), BEATS, tiny_encoder, tmp_path, QUICK)

    assert right(tmp_path, beats(30, seed=1)) > 0.9


def test_it_learns_relations_between_given_entities(tiny_encoder: Path, tmp_path: Path) -> None:
    rows, others = beats(40, given=True), beats(30, seed=1, given=True)
    train(lessons_without_entities(rows), BEATS, tiny_encoder, tmp_path, QUICK, given=True)

    found = predict(tmp_path, others)

    assert {item.kind for beliefs in found for item in beliefs} == {RELATION}
    decided = [decide(beliefs, {}).relations for beliefs in found]
    wanted = [{(r.head.start, r.tail.start) for r in row.found.relations} for row in others]
    told = [{(r.head.start, r.tail.start) for r in relations} for relations in decided]
    assert np.mean([a == b for a, b in zip(told, wanted, strict=True)]) > 0.9


def lessons_without_entities(rows: list[MarkedRow]) -> list[Lesson]:
    return [Lesson(row, certain(Structure((), row.found.relations))) for row in rows]


def test_it_learns_events(tiny_encoder: Path, tmp_path: Path) -> None:
    train(lessons(meals(40)), MEALS, tiny_encoder, tmp_path, QUICK)

    assert right(tmp_path, meals(30, seed=1)) > 0.9
    assert any(item.kind == ARGUMENT for item in predict(tmp_path, meals(1, seed=2))[0])


def test_equal_seeds_make_equal_students(tiny_encoder: Path, tmp_path: Path) -> None:
    few = lessons(dishes_and_teams(6))
    quick = SpanConfig(steps=5, seed=3)
    for name in ("one", "other"):
        train(few, FOOD, tiny_encoder, tmp_path / name, quick)
    train(few, FOOD, tiny_encoder, tmp_path / "third", SpanConfig(steps=5, seed=4))

    weights = {name: (tmp_path / name / WEIGHTS_FILE).read_bytes() for name in ("one", "other", "third")}
    assert weights["one"] == weights["other"] != weights["third"]


def test_beliefs_follow_soft_targets(tiny_encoder: Path, tmp_path: Path) -> None:
    rows = dishes_and_teams(20)
    soft = [
        Lesson(row, {item: 0.7 if item.type == "dish" else 1.0 for item in certain(row.found)})
        for row in rows
    ]
    train(soft, FOOD, tiny_encoder, tmp_path, QUICK)

    told = [(item, belief) for beliefs in predict(tmp_path, rows) for item, belief in beliefs.items()]

    dishes = [belief for item, belief in told if item.type == "dish" and belief > 0.3]
    assert abs(np.median(dishes) - 0.7) < 0.1
    assert np.median([belief for item, belief in told if item.type == "team" and belief > 0.3]) > 0.9


def test_of_lessons_that_contradict_each_other_the_weightier_is_believed(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    rows = dishes_and_teams(20)
    wrong = [Lesson(row, {}, 0.1) for row in rows]
    train([*lessons(rows), *wrong], FOOD, tiny_encoder, tmp_path, QUICK)

    told = zip(rows, predict(tmp_path, rows), strict=True)
    assert np.median([beliefs.get(item, 0.0) for row, beliefs in told for item in certain(row.found)]) > 0.8


def test_lessons_without_weight_are_left_out(tiny_encoder: Path, tmp_path: Path) -> None:
    right_ones, wrong = lessons(dishes_and_teams(6)), [Lesson(row, {}, 0.0) for row in dishes_and_teams(6)]
    quick = SpanConfig(steps=3)
    train(right_ones, FOOD, tiny_encoder, tmp_path / "one", quick)
    train([*wrong, *right_ones], FOOD, tiny_encoder, tmp_path / "other", quick)

    one, other = ((tmp_path / name / WEIGHTS_FILE).read_bytes() for name in ("one", "other"))
    assert one == other


def test_long_texts_are_read_to_the_end(food_student: Path) -> None:
    short = dishes_and_teams(30, seed=5)
    text, entities = "", []
    for part in short:
        entities += [Span(len(text) + e.start, len(text) + e.end, e.type) for e in part.found.entities]
        text += part.text + " "
    (beliefs,) = predict(food_student, [MarkedRow(text)])

    found = set(decide(beliefs, {}).entities)
    assert len(found & set(entities)) > 0.9 * len(entities)
    assert max(span.end for span in found) > 0.9 * len(text)


def test_places_are_those_of_the_raw_text(food_student: Path) -> None:
    texts = [
        "",
        " ",
        "  soup\u3000 ",
        "😀 soup 👩\u200d🚀 bread",
        "ｓｏｕｐ",
        "\ud800 soup",
        "so\u00adup bread",
        "\n\nsalt\n",
    ]
    for text, beliefs in zip(texts, predict(food_student, [MarkedRow(text) for text in texts]), strict=True):
        for item in beliefs:
            surface = text[slice(*item.place)]
            assert surface and surface == surface.strip()
    (beliefs,) = predict(food_student, [MarkedRow("😀 soup 👩\u200d🚀 today")])
    assert beliefs[Item(ENTITY, "dish", (2, 6))] > 0.5


def test_predictions_do_not_depend_on_the_other_rows(food_student: Path) -> None:
    rows = [*dishes_and_teams(5, seed=7), MarkedRow("soup " * 100)]
    alone = [predict(food_student, [row])[0] for row in rows]

    for one, other in zip(alone, predict(food_student, rows), strict=True):
        assert one.keys() == other.keys()
        assert np.allclose(list(one.values()), list(other.values()), atol=1e-5)


def test_progress_is_told(food_student: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    told: list[float] = []
    train(lessons(dishes_and_teams(4)), FOOD, tiny_encoder, tmp_path, SpanConfig(steps=4), told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]

    read: list[float] = []
    predict(food_student, dishes_and_teams(70), read.append)
    assert read == sorted(read) and read[-1] == 1.0


def test_spans_that_cannot_be_taught_are_counted(tiny_encoder: Path, tmp_path: Path) -> None:
    marked = MarkedRow("soup bread salt", Structure((Span(0, 2, "dish"), Span(0, 15, "dish"))))
    fit = train(lessons([marked]), FOOD, tiny_encoder, tmp_path, SpanConfig(steps=1, longest=2))
    assert (fit.widened, fit.lost, fit.width) == (1, 1, 1)


def test_it_is_not_trained_on_nothing(tiny_encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no lessons"):
        train([], FOOD, tiny_encoder, tmp_path, QUICK)


def test_a_trunk_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"tokenizer\.json"):
        train(lessons(dishes_and_teams(2)), FOOD, tmp_path, tmp_path / "out", QUICK)


def test_a_trunk_of_an_unknown_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "trunk.json").write_text('{"kind": "abacus"}')
    with pytest.raises(InvalidInput, match="abacus"):
        train(lessons(dishes_and_teams(2)), FOOD, tmp_path, tmp_path / "out", QUICK)


def test_damaged_students_are_told(food_student: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="spans"):
        predict(tmp_path, [])
    for name in ("tokenizer.json", LAYOUT_FILE, WEIGHTS_FILE):
        (tmp_path / name).write_bytes((food_student / name).read_bytes())
    (tmp_path / WEIGHTS_FILE).write_bytes(b"no weights")
    with pytest.raises(StorageError, match="weights"):
        predict(tmp_path, [])
    (tmp_path / LAYOUT_FILE).write_text("{}")
    with pytest.raises(StorageError, match="damaged"):
        predict(tmp_path, [])
    (tmp_path / LAYOUT_FILE).write_text(json.dumps({"format": 99}))
    with pytest.raises(StorageError, match="99"):
        predict(tmp_path, [])


def test_the_layout_says_what_may_nest(food_student: Path) -> None:
    layout = read_layout(food_student)
    assert layout.nested == {(0, 1)}
    assert layout.width == 2


def test_a_row_of_very_many_entities_does_not_fill_the_memory(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["goal"] * 20
    where = places(words)
    given = tuple(Span(one[0], other[1]) for i, one in enumerate(where) for other in where[i:])
    told = Structure((), (Relation("beats", given[-1], given[-2]),))
    shapes, plain = [], training.padded_places

    def spied(some: Any) -> Any:
        shapes.append(plain(some)[0].shape)
        # The ends of relations are the last of the text, and yet are among those that are taught.
        assert {(19, 20), (20, 20)} <= set(some[0])
        return plain(some)

    monkeypatch.setattr(training, "padded_places", spied)
    config = replace(QUICK, steps=2)
    schema = Schema(relations={"beats": {}})
    train([*lessons([row(words, told, given)])], schema, tiny_encoder, tmp_path, config, given=True)

    assert len(given) == 210 and {shape[1] for shape in shapes} == {100}


def test_training_goes_on_from_a_student(food_student: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    longer = MarkedRow("goal soup bread when", Structure((Span(0, 15, "team"),)))
    more = lessons([longer, *dishes_and_teams(8, seed=3)])
    gentle = SpanConfig(steps=1, learning_rate=1e-6, head_rate=1e-6, length=24, overlap=10)

    train(more, FOOD, tiny_encoder, tmp_path / "on", gentle, start=food_student)
    train(more, FOOD, tiny_encoder, tmp_path / "anew", gentle)

    asked = dishes_and_teams(20, seed=9)
    assert read_layout(tmp_path / "on").width == 3 > read_layout(food_student).width
    assert right(tmp_path / "on", asked) == right(food_student, asked) > 0.7
    assert right(tmp_path / "anew", asked) < 0.5
