"""Rows and answers in numbers: quantities of each task type, histograms, and that no word of a text is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from gts.student.layout import StudentManifest, TaskInfo
from gts.student.observing import (
    Observed,
    counts_in,
    draw,
    observe,
    refer,
    typical_of,
)
from gts.student.reference import Histogram, Reference
from gts.student.selective import certainty_of


def manifest(task_type="classification", **fields):
    labels = {"labels": ("a", "b")} if task_type == "classification" else {}
    multi_label = fields.pop("multi_label", False)
    task = TaskInfo(name="t", type=task_type, multi_label=multi_label)
    return StudentManifest(task=task, tier="static", **labels, **fields)


def scored(*scores, given=("a",)):
    named = [{"label": label, "score": score} for label, score in zip("ab", scores, strict=True)]
    return {"labels": list(given), "scores": sorted(named, key=lambda line: -line["score"])}


@pytest.fixture(scope="module")
def tokenizer():
    made = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    return made


def test_labels_lengths_and_tokens_of_a_classifier(tokenizer):
    rows = [{"text": "ab cd"}, {"text": "abcd"}, {"text": ""}]
    answers = [scored(0.9, 0.1), scored(0.4, 0.6, given=("b",)), scored(0.5, 0.5)]
    seen = observe(manifest(), rows, answers, tokenizer)
    assert seen.rows == 3
    assert seen.values["length"].tolist() == [5, 4, 0]
    assert seen.values["tokens"].tolist() == [2 / 5, 1 / 4], "an empty text has no tokens for a character"
    assert seen.values["confidence"].tolist() == [0.9, 0.6, 0.5]
    assert seen.labels == {"a": 2, "b": 1}


def test_several_labels_share_a_row_and_none_is_one_of_its_own():
    many = manifest(multi_label=True)
    answers = [scored(0.9, 0.8, given=("a", "b")), scored(0.1, 0.2, given=()), scored(0.9, 0.2)]
    seen = observe(many, [{"text": "x"}] * 3, answers, None)
    assert seen.labels == {"a": 1.5, "b": 0.5, "": 1}
    assert seen.values["confidence"][0] == pytest.approx(0.72), "that both labels are right"


def test_pairs_are_alike_or_graded():
    row = {"text_a": "one", "text_b": "other"}
    decided = observe(manifest("similarity"), [row], [{"score": 0.2, "alike": False}], None)
    assert decided.values["length"].tolist() == [9] and decided.values["confidence"].tolist() == [0.8]
    assert decided.labels == {"0": 1}
    graded = observe(manifest("similarity", scale=(1, 5)), [row], [{"score": 4.5}], None)
    assert graded.values["grade"].tolist() == [4.5] and graded.labels is None
    assert "confidence" not in graded.values


@pytest.mark.parametrize(
    ("task_type", "key"), [("ner", "entities"), ("relation", "relations"), ("event", "events")]
)
def test_findings_are_counted_and_their_types_shared_out(task_type, key):
    found = [{"type": "x", "score": 0.9}, {"type": "y", "score": 0.6}, {"type": "x", "score": 0.8}]
    student = manifest(task_type)
    seen = observe(student, [{"text": "a"}, {"text": "b"}], [{key: found}, {key: []}], None)
    assert seen.values["findings"].tolist() == [3, 0]
    assert seen.labels == pytest.approx({"x": 2 / 3, "y": 1 / 3, "": 1})
    assert certainty_of(student, {key: found}) == 0.6 and certainty_of(student, {key: []}) is None


def test_summaries_are_looked_at_by_their_texts():
    seen = observe(manifest("summarization"), [{"text": "long"}], [{"summary": "l", "sentences": []}], None)
    assert list(seen.values) == ["length"] and seen.labels is None
    assert certainty_of(manifest("summarization"), {"summary": "l"}) is None


def test_bins_hold_like_numbers_of_rows():
    values = np.random.default_rng(0).normal(50, 10, 1000)
    made = refer(Observed(1000, {"length": values}, None)).histograms["length"]
    assert len(made.counts) == 10 and all(95 <= count <= 105 for count in made.counts)
    assert made.typical == pytest.approx(np.median(values), abs=1e-4)
    assert counts_in(made, np.array([-1e9, 1e9])).tolist() == [1, *[0] * 8, 1], "the ends are open"


def test_what_lies_beyond_a_value_that_all_rows_share_is_seen():
    made = refer(Observed(50, {"findings": np.full(50, 2.0)}, None)).histograms["findings"]
    assert [counts_in(made, np.array([value])).tolist() for value in (1.0, 2.0, 3.0)] == [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
    ]
    assert typical_of("findings", np.array([0.0, 0, 3])) == 1, "the median would say that nothing is found"
    sure = refer(Observed(50, {"confidence": np.full(50, 0.98201379)}, None)).histograms["confidence"]
    assert counts_in(sure, np.array([0.5, 0.98201379, 0.999])).tolist() == [1, 1, 1]
    none = refer(Observed(50, {"findings": np.zeros(50)}, None)).histograms["findings"]
    assert counts_in(none, np.array([0.0, 1.0])).tolist() == [1, 1]


def test_a_reference_survives_its_file_and_holds_no_words(tokenizer):
    rows = [{"text": f"my account number is {number} private"} for number in range(200)]
    seen = observe(manifest(), rows, [scored(0.9, 0.1)] * 200, tokenizer)
    made = refer(seen)
    written = manifest(reference=made).model_dump_json()
    assert StudentManifest.model_validate_json(written).reference == made
    assert not any(word in written for word in ("account", "private", "number is"))
    assert len(json.dumps(made.model_dump(mode="json"))) < 2_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"edges": [1, 2], "counts": [1, 1], "typical": 1},
        {"edges": [2, 1], "counts": [1, 1, 1], "typical": 1},
        {"edges": [1, float("nan")], "counts": [1, 1, 1], "typical": 1},
        {"edges": [1], "counts": [-1, 1], "typical": 1},
    ],
)
def test_a_histogram_that_is_none_is_refused(wrong):
    with pytest.raises(ValidationError):
        Histogram.model_validate(wrong)


def test_a_manifest_of_before_has_no_reference_and_later_fields_are_passed_over():
    assert manifest().reference is None
    later = {"rows": 1, "histograms": {}, "labels": None, "kurtosis": 3}
    assert Reference.model_validate(later).rows == 1


def test_few_long_texts_are_drawn_and_the_same_for_a_seed():
    long = [{"text": "x" * 100_000}] * 500
    assert len(draw(long, 0)) == 100
    short = [{"text": str(number)} for number in range(5_000)]
    assert len(draw(short, 0)) == 1_000
    assert draw(short, 0) == draw(short, 0) != draw(short, 1)
