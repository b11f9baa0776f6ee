from __future__ import annotations

import csv
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from gts.tasks.spec import TaskSpec

FOLDER = Path(__file__).parents[2] / "examples" / "support-tickets"
DATA_KEYS = ("examples", "unlabeled", "test")


def read_table(name: str) -> list[tuple[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle, strict=True)
        assert reader.fieldnames == ["text", "label"]
        return [(row["text"], row["label"]) for row in reader]


def read_lines(name: str) -> list[str]:
    return (FOLDER / name).read_text("utf-8").splitlines()


def task_document() -> dict[str, object]:
    return yaml.safe_load((FOLDER / "task.yaml").read_text("utf-8"))


def task_spec() -> TaskSpec:
    return TaskSpec.model_validate({k: v for k, v in task_document().items() if k not in DATA_KEYS})


def all_texts() -> list[str]:
    labelled = [text for name in ("labelled.csv", "test.csv") for text, _ in read_table(name)]
    return labelled + read_lines("pool.txt") + read_lines("new.txt")


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def trigrams(text: str) -> frozenset[tuple[str, ...]]:
    """Word trigrams; a text of fewer than three words is one gram of its own."""
    tokens = words(text) or [text]
    return frozenset(tuple(tokens[i : i + 3]) for i in range(max(1, len(tokens) - 2)))


def jaccard(left: frozenset[tuple[str, ...]], right: frozenset[tuple[str, ...]]) -> float:
    return len(left & right) / len(left | right)


def test_the_task_names_its_files_and_describes_every_label() -> None:
    document, spec = task_document(), task_spec()
    assert [document[key] for key in DATA_KEYS] == ["labelled.csv", "pool.txt", "test.csv"]
    assert list(spec.labels) == [
        "billing",
        "delivery",
        "returns",
        "product",
        "account",
        "technical",
        "feedback",
    ]
    assert all(spec.labels.values())


def test_there_are_eight_labelled_examples_per_label() -> None:
    counts = Counter(label for _, label in read_table("labelled.csv"))
    assert counts == dict.fromkeys(task_spec().labels, 8)


def test_the_test_set_covers_every_label() -> None:
    counts = Counter(label for _, label in read_table("test.csv"))
    assert set(counts) == set(task_spec().labels)
    assert counts.total() >= 140
    assert min(counts.values()) >= 15


def test_the_pool_is_large_and_the_demo_has_five_new_texts() -> None:
    assert len(read_lines("pool.txt")) >= 320
    assert len(read_lines("new.txt")) == 5


def test_texts_are_trimmed_and_of_readable_length() -> None:
    for text in all_texts():
        assert text
        assert text == text.strip()
        assert len(text.split()) <= 90, text


def test_labelled_texts_have_at_least_three_words() -> None:
    for name in ("labelled.csv", "test.csv"):
        for text, _ in read_table(name):
            assert len(text.split()) >= 3, text


def test_no_text_occurs_twice_in_or_across_files() -> None:
    counts = Counter(" ".join(text.casefold().split()) for text in all_texts())
    assert [text for text, count in counts.items() if count > 1] == []


def test_no_two_texts_are_near_copies() -> None:
    grams = [(text, trigrams(text)) for text in all_texts()]
    near = [(a, b) for (a, left), (b, right) in combinations(grams, 2) if jaccard(left, right) >= 0.5]
    assert near == []


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("Where is my parcel?", "where is my PARCEL", 1.0),
        ("Where is my parcel?", "Where is my parcel now", 2 / 3),
        ("thanks", "test", 0.0),
    ],
)
def test_the_near_copy_measure_sees_copies(left: str, right: str, expected: float) -> None:
    assert jaccard(trigrams(left), trigrams(right)) == pytest.approx(expected)
