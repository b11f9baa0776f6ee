from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.core.errors import InvalidInput
from gts.generator.filters import FilterContext, acceptance, judge
from gts.generator.protocol import GeneratedText, Judged
from gts.generator.shingles import shingles
from gts.tasks.dataset import Example

GOLD = [
    Example("I would like to get my money back for the broken lamp", ("refund",)),
    Example("can I get a refund for the blue shirt I sent back", ("refund",)),
    Example("where is my parcel it should have been here two days ago", ("delivery",)),
    Example("the courier left my parcel at the wrong door", ("delivery",)),
]
POOL = [
    "my parcel was left at the door of a neighbour two days ago",
    "please send the money for the shirt back to my card",
]
NEW = "can I get my money back for the shirt I sent"


def made(*texts: str, labels: tuple[str, ...] = ("refund",)) -> list[GeneratedText]:
    return [GeneratedText(text, labels, "fake", ("seed",), {"score": 1.0}) for text in texts]


def kinds(texts: Sequence[GeneratedText], context: FilterContext) -> list[str]:
    return [verdict.kind for verdict in judge(texts, context)]


def test_a_good_text_is_kept_with_its_provenance() -> None:
    (verdict,) = judge(made(NEW), FilterContext(GOLD, POOL))
    assert verdict == Judged(made(NEW)[0], True)


def test_verdicts_stand_in_the_order_of_the_candidates() -> None:
    texts = made(GOLD[0].text, NEW, "", NEW)
    verdicts = judge(texts, FilterContext(GOLD, POOL))
    assert [verdict.text for verdict in verdicts] == texts
    assert [verdict.kind for verdict in verdicts] == ["copy", "", "empty", "duplicate"]


def test_length() -> None:
    context = FilterContext(GOLD, POOL)
    long = " ".join([NEW] * 4)
    short, long_verdict = judge(made("money back", long), context)
    assert short.kind == long_verdict.kind == "length"
    assert short.reason == "shorter than the user's texts (2 tokens; 4 to 26 expected)"
    assert "longer" in long_verdict.reason


def test_a_label_with_many_examples_has_its_own_length() -> None:
    many = [Example(f"it is {word} and late", ("short",)) for word in "abcdefghijklmnopqrstuvwxyz"]
    context = FilterContext([*GOLD, *many], POOL)
    assert kinds(made(NEW, labels=("short",)), context) == ["length"]
    assert kinds(made(NEW), context) == [""]


def test_vocabulary() -> None:
    pool = [
        f"{a} {b} {c}"
        for a in ("my", "the", "a")
        for b in ("parcel", "card", "lamp")
        for c in ("is late", "was lost")
    ]
    verdicts = judge(made("my parcel was late", "quantum chromodynamics was late"), FilterContext([], pool))
    assert [verdict.kind for verdict in verdicts] == ["", "vocabulary"]
    assert "50% of its words" in verdicts[1].reason


def test_personal_data_from_nowhere_is_dropped_the_users_own_is_not() -> None:
    pool = [*POOL, "please send the money to the desk at help@shop.example as I said"]
    texts = made(
        "can I send the shirt back to help@shop.example please",
        "can I send the shirt back to bob@home.example please",
    )
    verdicts = judge(texts, FilterContext(GOLD, pool))
    assert [verdict.kind for verdict in verdicts] == ["", "personal data"]
    assert "it holds an e-mail address" in verdicts[1].reason
    assert "bob" not in verdicts[1].reason


def test_copies_exact_near_and_with_other_signs() -> None:
    texts = made(
        GOLD[0].text,
        "I would like to get my money back for the broken lamp now",
        POOL[0].upper() + "!",
        "left my parcel at the wrong door",
    )
    verdicts = judge(texts, FilterContext(GOLD, POOL))
    assert [verdict.kind for verdict in verdicts] == ["copy"] * 4
    assert verdicts[0].reason == "100% of it stands in one labelled text"
    assert "unlabelled" in verdicts[2].reason


def test_texts_kept_for_testing_do_not_leak() -> None:
    test = ["my refund is late by two days"]
    texts = made("refund is late by two days", "please send the money as my refund is late by two days", NEW)
    assert kinds(texts, FilterContext(GOLD, POOL, held_out=test)) == ["held out", "held out", ""]


def test_chinese_copies_are_found_by_characters() -> None:
    gold = [
        Example("物流很快，包装也很好，音质不错，非常满意。", ("好",)),
        Example("质量太差了，用了两天就坏了，客服也不理人。", ("差",)),
    ]
    texts = made("物流很快，包装也很好，音质不错", "包装也很好，用了两天就坏了，音质不错", labels=("好",))
    assert kinds(texts, FilterContext(gold)) == ["copy", ""]


def test_near_duplicates_keep_the_first() -> None:
    start = "can I get my money back for the blue shirt and the broken lamp I sent two days ago"
    first, second = f"{start} please", f"{start} now"
    verdicts = judge(
        made(first, second, first + " "), FilterContext(GOLD, [*POOL, "now and then it is late"])
    )
    assert [verdict.kind for verdict in verdicts] == ["", "near duplicate", "duplicate"]


def test_one_text_for_two_labels_is_kept_once() -> None:
    texts = made(NEW) + made(NEW, labels=("delivery",))
    assert kinds(texts, FilterContext(GOLD, POOL)) == ["", "duplicate"]


def word_vectors(texts: Sequence[str]) -> np.ndarray:
    words = sorted({word for example in GOLD for word in example.text.split()})
    return np.array([[text.split().count(word) for word in words] for text in texts], dtype=np.float32) + 1e-3


def test_drift_from_the_labels_examples() -> None:
    texts = made(NEW, "left here two days ago it was my neighbour")
    verdicts = judge(texts, FilterContext(GOLD, POOL, embed=word_vectors))
    assert [verdict.kind for verdict in verdicts] == ["", "drift"]
    assert "far from the label's examples" in verdicts[1].reason


def test_drift_says_nothing_where_nothing_can_be_measured() -> None:
    gold = [GOLD[0], GOLD[2]]
    assert "drift" not in kinds(made(NEW), FilterContext(gold, embed=word_vectors))
    assert "drift" not in kinds(made(NEW, labels=("other",)), FilterContext(GOLD, POOL, embed=word_vectors))


def test_the_teacher_must_agree() -> None:
    other = "please send my money back to the card"
    context = FilterContext(
        GOLD,
        labels=("refund", "delivery"),
        label_probabilities=lambda texts: np.array(
            [[0.9, 0.1] if text == NEW else [0.12, 0.88] for text in texts]
        ),
    )
    verdicts = judge(made(NEW, other), context)
    assert [verdict.kind for verdict in verdicts] == ["", "teacher"]
    assert verdicts[1].reason == "teacher disagrees (p=0.12 for refund)"


def test_the_teachers_array_follows_the_candidates_even_when_some_are_dropped_before() -> None:
    array = np.array([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1]])
    texts = made(GOLD[0].text, NEW, "please send my money back to the card")
    context = FilterContext(GOLD, labels=("refund", "delivery"), label_probabilities=array)
    assert kinds(texts, context) == ["copy", "teacher", ""]
    with pytest.raises(InvalidInput, match="3 rows for 1 texts"):
        judge(made(NEW), context)


def test_a_teacher_that_says_nan_does_not_agree() -> None:
    context = FilterContext(
        GOLD, labels=("refund",), label_probabilities=lambda texts: np.full((len(texts), 1), np.nan)
    )
    assert kinds(made(NEW), context) == ["teacher"]


def test_with_several_labels_all_and_only_the_intended_are_seen() -> None:
    both = made(NEW, labels=("refund", "delivery"))
    one = made(NEW)
    context = FilterContext(
        GOLD,
        labels=("refund", "delivery"),
        multi_label=True,
        label_probabilities=lambda texts: np.tile([0.9, 0.8], (len(texts), 1)),
    )
    assert kinds(both, context) == [""]
    assert judge(one, context)[0].reason == "teacher also sees delivery (p=0.80)"


def test_no_label_outnumbers_the_others() -> None:
    texts = made(NEW, "please send my money back to the card", "my card still waits for the money") + made(
        "the courier left it two days ago here", labels=("delivery",)
    )
    assert kinds(texts, FilterContext(GOLD, POOL, balance=1.0)) == ["", "", "balance", ""]


def test_dear_checks_see_only_what_is_left() -> None:
    seen: list[str] = []

    def teacher(texts: Sequence[str]) -> np.ndarray:
        seen.extend(texts)
        return np.ones((len(texts), 1))

    judge(
        made(GOLD[0].text, NEW, NEW),
        FilterContext(GOLD, POOL, labels=("refund",), label_probabilities=teacher),
    )
    assert seen == [NEW]


def test_wrong_context_is_named() -> None:
    with pytest.raises(InvalidInput, match="copy_threshold is 0"):
        FilterContext(GOLD, copy_threshold=0)
    with pytest.raises(InvalidInput, match="without the labels"):
        FilterContext(GOLD, label_probabilities=np.ones((1, 1)))
    with pytest.raises(InvalidInput, match="no text of the user"):
        judge(made(NEW), FilterContext([]))
    with pytest.raises(InvalidInput, match=r"shape \(1, 3\)"):
        judge(
            made(NEW),
            FilterContext(GOLD, labels=("refund",), label_probabilities=lambda texts: np.ones((1, 3))),
        )
    with pytest.raises(InvalidInput, match="the teacher knows delivery"):
        judge(
            made(NEW),
            FilterContext(GOLD, labels=("delivery",), label_probabilities=lambda texts: np.ones((1, 1))),
        )


def test_nothing_to_judge() -> None:
    assert judge([], FilterContext([])) == []
    assert acceptance([]) == {"candidates": 0, "accepted": 0, "rate": None, "rejected": {}, "per_label": []}


def test_acceptance_counts_reasons_and_labels() -> None:
    judged = judge(made(NEW, NEW, GOLD[0].text, GOLD[1].text), FilterContext(GOLD, POOL))
    assert acceptance(judged) == {
        "candidates": 4,
        "accepted": 1,
        "rate": 0.25,
        "rejected": {"copy": 2, "duplicate": 1},
        "per_label": [{"labels": ["refund"], "candidates": 4, "accepted": 1}],
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=6), st.lists(st.text(max_size=40), max_size=4))
def test_any_unicode_is_judged_and_every_dropped_text_has_a_reason(texts: list[str], pool: list[str]) -> None:
    gold = [Example("a b c d", ("refund",)), Example("物流很快", ("delivery",))]
    verdicts = judge(made(*texts), FilterContext(gold, pool, held_out=["x y z"]))
    assert len(verdicts) == len(texts)
    for verdict in verdicts:
        assert verdict.kept == (not verdict.reason) == (not verdict.kind)
    kept = [verdict.text.text for verdict in verdicts if verdict.kept]
    assert not set(kept) & set(pool)


@given(st.text())
def test_every_text_with_a_token_has_a_piece(text: str) -> None:
    assert bool(shingles(text)) == bool(text.strip())
