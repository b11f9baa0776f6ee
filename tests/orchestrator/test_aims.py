"""Generated texts go where the student errs, and no fold's texts are aimed by the rows that judge its student."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.orchestrator.aims import aim, aims_of

LABELS = ("refund", "return", "greeting")


def rows(*errors: tuple[int, int], of_each: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """True labels and what a student says, which is right but for these pairs of label and answer."""
    true = np.repeat(np.arange(len(LABELS)), of_each)
    said = true.copy()
    for number, (label, answer) in enumerate(errors):
        said[label * of_each + number] = answer
    return true, said


@given(
    st.integers(2, 12).flatmap(
        lambda n: st.lists(
            st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), min_size=1, max_size=80
        ).map(lambda pairs: (n, pairs))
    )
)
def test_every_label_keeps_half_of_its_even_share(case: tuple[int, list[tuple[int, int]]]) -> None:
    n, pairs = case
    true, said = np.array(pairs).T
    labels = [f"label {i}" for i in range(n)]

    found = aim(true, said, labels)

    if found:
        assert list(found) == labels
        assert sum(found.values()) == pytest.approx(1)
        assert min(found.values()) >= 0.5 / n - 1e-9
    else:
        assert (true == said).all()


def test_labels_that_are_mixed_up_get_more_both_of_them() -> None:
    found = aim(*rows((0, 1), (0, 1), (0, 1)), LABELS)

    assert found["refund"] == found["return"] > 1.2 * found["greeting"]


def test_one_error_changes_less_than_ten() -> None:
    few, many = aim(*rows((0, 1)), LABELS), aim(*rows(*[(0, 1)] * 6, *[(1, 0)] * 2), LABELS)

    assert 1 / 3 < few["refund"] <= many["refund"]


def test_where_nothing_is_wrong_all_are_alike() -> None:
    assert aim(*rows(), LABELS) == {}


def test_a_folds_texts_are_not_aimed_by_the_rows_that_judge_its_student() -> None:
    true, said = rows((0, 1), (0, 1))
    fold = (np.arange(len(true)) % 4).astype(np.int64)
    fold[said != true] = 2  # only the student of the third fold errs

    found = aims_of(true, said, fold, 4, LABELS)

    assert found[2] == {}
    assert found[None] == aim(true, said, LABELS)
    assert all(found[k]["refund"] > found[k]["greeting"] for k in (0, 1, 3))


@given(st.integers(0, 3), st.randoms(use_true_random=False))
def test_what_the_student_of_a_fold_says_changes_nothing_for_that_fold(k: int, rng: Any) -> None:
    true, said = rows((0, 1), (1, 2), (2, 0))
    fold = (np.arange(len(true)) % 4).astype(np.int64)
    other = said.copy()
    other[fold == k] = [rng.randrange(3) for _ in range(int((fold == k).sum()))]

    assert aims_of(true, said, fold, 4, LABELS)[k] == aims_of(true, other, fold, 4, LABELS)[k]


def test_labels_with_few_rows_are_all_given_the_same() -> None:
    true, said = rows((0, 1), (0, 1), of_each=3)

    assert aims_of(true, said, np.arange(9) % 3, 3, LABELS) == {0: {}, 1: {}, 2: {}, None: {}}
    assert aims_of(*rows((0, 1), of_each=4), np.arange(12) % 2, 2, LABELS)[None]
