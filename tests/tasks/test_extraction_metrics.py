"""Measures of extraction agree with seqeval and with counts written out, and count each thing once."""

from __future__ import annotations

import json

import numpy as np
import pytest
import seqeval.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.scheme import IOB2

from gts.core.errors import InvalidInput
from gts.tasks.extraction_metrics import (
    bootstrap_interval,
    evaluate_entities,
    evaluate_events,
    evaluate_relations,
    micro_f1,
    row_counts,
)
from gts.tasks.structures import Argument, Event, Relation, Span, Structure

ADA, PARIS, SEINE = Span(0, 3, "person"), Span(9, 14, "place"), Span(20, 25, "place")
OUTSIDE = ""
# A text of 8 tokens, cut into pieces that are an entity or lie outside any.
FLAT = st.lists(st.tuples(st.sampled_from([OUTSIDE, "PER", "LOC", "ORG"]), st.integers(1, 3)), max_size=8)
FLAT_PAIRS = st.lists(st.tuples(FLAT, FLAT), min_size=1, max_size=8)


def flat(pieces: list[tuple[str, int]]) -> tuple[list[str], Structure]:
    """The same entities as BIO tags of 8 tokens and as spans over the tokens' numbers."""
    tags: list[str] = []
    spans = []
    for kind, length in pieces:
        length = min(length, 8 - len(tags))
        if kind and length:
            spans.append(Span(len(tags), len(tags) + length, kind))
            tags += [f"B-{kind}"] + [f"I-{kind}"] * (length - 1)
        else:
            tags += ["O"] * length
    return tags + ["O"] * (8 - len(tags)), Structure(tuple(spans))


@settings(max_examples=100, deadline=None)
@given(pairs=FLAT_PAIRS)
def test_flat_entities_agree_with_seqeval(pairs):
    gold_tags, gold = zip(*(flat(true) for true, _ in pairs), strict=True)
    guess_tags, guess = zip(*(flat(guess) for _, guess in pairs), strict=True)
    gold_tags, guess_tags = list(gold_tags), list(guess_tags)
    found = evaluate_entities(gold, guess)
    assert found["n"] == len(pairs)
    if not any(gold) and not any(guess):  # seqeval knows no types here
        assert found["micro_f1"] == found["macro_f1"] == 0 and not found["per_type"]
        return
    for strictness in ({}, {"mode": "strict", "scheme": IOB2}):
        options = strictness | {"zero_division": 0}
        score = reference.f1_score(gold_tags, guess_tags, average="micro", **options)
        assert found["micro_f1"] == pytest.approx(score)
        score = reference.f1_score(gold_tags, guess_tags, average="macro", **options)
        assert found["macro_f1"] == pytest.approx(score)
        assert found["precision"] == pytest.approx(
            reference.precision_score(gold_tags, guess_tags, **options)
        )
        assert found["recall"] == pytest.approx(reference.recall_score(gold_tags, guess_tags, **options))
        report = reference.classification_report(gold_tags, guess_tags, output_dict=True, **options)
        for name, row in found["per_type"].items():
            assert [row["precision"], row["recall"], row["f1"], row["wanted"]] == pytest.approx(
                [report[name][key] for key in ("precision", "recall", "f1-score", "support")]
            )
    json.dumps(found)


# Any spans at all: nested, overlapping, repeated, the same place with two types.
SPANS = st.lists(st.builds(Span, st.integers(0, 3), st.integers(4, 6), st.sampled_from("ab")), max_size=6)


@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(SPANS, SPANS), min_size=1, max_size=6))
def test_nested_and_repeated_spans_are_counted_one_by_one(pairs):
    gold, guess = ([Structure(tuple(spans)) for spans in side] for side in zip(*pairs, strict=True))
    right = found = wanted = 0
    for true, said in pairs:
        for number, span in enumerate(said):
            if span not in said[:number]:
                found += 1
                right += span in true
        wanted += sum(span not in true[:number] for number, span in enumerate(true))
    counts = row_counts(gold, guess, "entity")
    assert counts.shape == (len(pairs), 3) and counts.sum(axis=0).tolist() == [right, found, wanted]
    scores = evaluate_entities(gold, guess)
    assert scores["micro_f1"] == micro_f1(counts)
    rows = scores["per_type"].values()
    assert [sum(row[key] for row in rows) for key in ("right", "found", "wanted")] == [right, found, wanted]
    assert list(scores["per_type"]) == sorted(
        {span.type for side in pairs for spans in side for span in spans}
    )


def test_an_entity_needs_its_exact_place_and_type():
    gold = [Structure((ADA, PARIS))]
    for guess in (Span(0, 2, "person"), Span(1, 3, "person"), Span(0, 3, "place")):
        assert row_counts(gold, [Structure((guess,))], "entity").tolist() == [[0, 1, 2]]
    found = evaluate_entities(gold, [Structure((ADA, Span(9, 14, "person")))])
    assert found["per_type"] == {
        "person": {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "right": 1, "found": 2, "wanted": 1},
        "place": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "right": 0, "found": 0, "wanted": 1},
    }
    assert (found["micro_f1"], found["macro_f1"]) == (0.5, 1 / 3)


def related(*triples: tuple[str, Span, Span]) -> Structure:
    return Structure(relations=tuple(Relation(*triple) for triple in triples))


def test_a_triple_needs_type_places_and_direction_but_no_entity_types():
    gold = [related(("born in", ADA, PARIS))]

    def right(*triple: object) -> int:
        return int(row_counts(gold, [related(triple)], "triple")[0, 0])

    assert right("born in", ADA, PARIS) == 1
    assert right("born in", Span(0, 3), Span(9, 14, "river")) == 1
    assert right("born in", PARIS, ADA) == right("died in", ADA, PARIS) == right("born in", ADA, SEINE) == 0
    twice = related(("born in", ADA, PARIS), ("born in", Span(0, 3), Span(9, 14)))
    found = evaluate_relations(gold, [twice])
    assert (found["triple_f1"], found["precision"], found["recall"], found["n"]) == (1, 1, 1, 1)
    json.dumps(found)


def test_macro_f1_of_relations_leaves_out_the_type_that_is_none():
    types = ["cause", "part", "Other"]
    rng = np.random.default_rng(0)
    rows = [(types[a], types[b], bool(turned)) for a, b, turned in rng.integers(0, [3, 3, 2], (300, 3))]
    gold = [related((true, ADA, PARIS)) for true, _, _ in rows]
    guess = [related((said, *((PARIS, ADA) if turned else (ADA, PARIS)))) for _, said, turned in rows]
    scores = []
    for name in ("cause", "part"):
        right = sum(true == said == name and not turned for true, said, turned in rows)
        precision = right / sum(said == name for _, said, _ in rows)
        recall = right / sum(true == name for true, _, _ in rows)
        scores.append(2 * precision * recall / (precision + recall))
    found = evaluate_relations(gold, guess, without={"Other"})
    assert found["macro_f1"] == pytest.approx(sum(scores) / 2)
    assert list(found["per_type"]) == ["cause", "part"]
    assert found["triple_f1"] == micro_f1(row_counts(gold, guess, "triple", without={"Other"}))
    assert list(evaluate_relations(gold, guess)["per_type"]) == ["Other", "cause", "part"]


def test_only_none_found_where_only_none_is_wanted_counts_nothing():
    gold = [related(("Other", ADA, PARIS)), related(("part", ADA, PARIS))]
    found = evaluate_relations(gold, [gold[0], gold[0]], without=["Other"])
    assert (found["triple_f1"], found["macro_f1"], found["n"]) == (0, 0, 2)
    assert found["per_type"]["part"]["wanted"] == 1 and found["per_type"]["part"]["found"] == 0


def happening(*events: tuple[str, Span, tuple[Argument, ...]]) -> Structure:
    return Structure(events=tuple(Event(*event) for event in events))


def test_arguments_belong_to_an_event_type_not_to_a_trigger():
    agent, place = Argument("agent", 0, 3), Argument("place", 9, 14)
    gold = [happening(("attack", Span(4, 8), (agent, place)))]
    elsewhere = evaluate_events(gold, [happening(("attack", Span(30, 34), (agent,)))])
    assert elsewhere["trigger_f1"] == 0
    assert (elsewhere["argument_precision"], elsewhere["argument_recall"]) == (1, 0.5)
    assert elsewhere["argument_f1"] == pytest.approx(2 / 3)
    other_type = evaluate_events(gold, [happening(("meet", Span(4, 8), (agent, place)))])
    assert other_type["trigger_f1"] == other_type["argument_f1"] == 0
    other_role = evaluate_events(gold, [happening(("attack", Span(4, 8), (Argument("victim", 0, 3),)))])
    assert (other_role["trigger_f1"], other_role["argument_f1"]) == (1, 0)
    assert list(other_role["per_role"]["attack"]) == ["agent", "place", "victim"]
    assert other_role["per_type"]["attack"]["f1"] == 1
    json.dumps(other_role)


def test_an_event_found_twice_and_an_argument_shared_count_once():
    agent, place = Argument("agent", 0, 3), Argument("place", 9, 14)
    gold = [happening(("attack", Span(4, 8), (agent, place)), ("attack", Span(15, 20), (agent,)))]
    guess = [happening(("attack", Span(4, 8), (agent,)), ("attack", Span(4, 8), (place,)))]
    assert row_counts(gold, guess, "trigger").tolist() == [[1, 1, 2]]
    assert row_counts(gold, guess, "argument").tolist() == [[2, 2, 2]]
    found = evaluate_events(gold, guess)
    assert (found["trigger_f1"], found["argument_f1"]) == (2 / 3, 1)


def test_nothing_wanted_and_nothing_found_is_zero():
    nothing = [Structure(), Structure()]
    assert evaluate_entities(nothing, nothing)["micro_f1"] == 0
    assert evaluate_relations(nothing, nothing)["triple_f1"] == 0
    events = evaluate_events(nothing, nothing)
    assert (events["trigger_f1"], events["argument_f1"], events["n"]) == (0, 0, 2)
    assert bootstrap_interval(row_counts(nothing, nothing, "entity")) == (0, 0)


def test_what_cannot_be_evaluated():
    with pytest.raises(InvalidInput, match="0 true and 0 predicted"):
        evaluate_entities([], [])
    with pytest.raises(InvalidInput, match="1 true and 2 predicted structures"):
        evaluate_events([Structure()], [Structure(), Structure()])
    with pytest.raises(InvalidInput, match="no interval from 0 texts"):
        bootstrap_interval(np.zeros((0, 3), np.int64))
    with pytest.raises(InvalidInput, match="confidence 1"):
        bootstrap_interval(np.ones((2, 3), np.int64), confidence=1)


def draw(rng: np.random.Generator, texts: int) -> np.ndarray:
    """Counts of texts with two things wanted on average, found with precision and recall near 0.7."""
    wanted = rng.poisson(2, texts)
    right = rng.binomial(wanted, 0.7)
    return np.stack([right, right + rng.poisson(0.6, texts), wanted], axis=1)


def test_bootstrap_interval():
    counts = draw(np.random.default_rng(0), 100)
    low, high = bootstrap_interval(counts, resamples=300)
    assert low < micro_f1(counts) < high
    assert (low, high) == bootstrap_interval(counts, resamples=300)
    assert (low, high) != bootstrap_interval(counts, resamples=300, seed=1)
    wider = bootstrap_interval(counts, resamples=300, confidence=0.99)
    assert wider[0] < low and wider[1] > high
    perfect = np.array([[2, 2, 2], [1, 1, 1]])
    assert bootstrap_interval(perfect) == (1, 1)


def test_bootstrap_interval_covers():
    rng = np.random.default_rng(1)
    truth = micro_f1(draw(rng, 200_000))
    intervals = [bootstrap_interval(draw(rng, 60), resamples=200, seed=seed) for seed in range(200)]
    assert 0.82 <= np.mean([low <= truth <= high for low, high in intervals]) <= 0.96
