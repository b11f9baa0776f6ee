"""Logistic heads give probabilities for every label, also for those they could not learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from gts.teacher.heads import LogisticHead


def blobs(classes: list[int], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (3 * np.eye(4)[classes] + 0.1 * rng.normal(size=(len(classes), 4))).astype(np.float32)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
def test_it_learns_what_is_separable(form: object) -> None:
    classes = [0, 0, 1, 1, 2, 2]
    head = LogisticHead(multi_label=False).fit(form(blobs(classes)), np.eye(3, dtype=np.float32)[classes])

    probabilities = head.predict(form(blobs([2, 1, 0], seed=1)))

    assert probabilities.argmax(axis=1).tolist() == [2, 1, 0]
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_label_never_seen_gets_nothing() -> None:
    classes = [0, 0, 2, 2]
    head = LogisticHead(multi_label=False).fit(blobs(classes), np.eye(4, dtype=np.float32)[classes])

    probabilities = head.predict(blobs([0, 1, 2, 3], seed=1))

    assert (probabilities[:, [1, 3]] == 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_one_label_alone_gets_all() -> None:
    head = LogisticHead(multi_label=False).fit(blobs([1, 1]), np.eye(3, dtype=np.float32)[[1, 1]])

    np.testing.assert_array_equal(head.predict(blobs([0, 1])), [[0, 1, 0], [0, 1, 0]])


def test_labels_of_a_multi_label_task_are_learnt_each_for_itself() -> None:
    targets = np.array(
        [[1, 0, 1, 0], [1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0]], np.float32
    )
    vectors = (3 * targets[:, :2]).astype(np.float32)
    head = LogisticHead(multi_label=True).fit(vectors, targets)

    probabilities = head.predict(np.array([[3, 3], [0, 0], [3, 0]], np.float32))

    assert (probabilities[:, :2] > 0.5).tolist() == [[True, True], [False, False], [True, False]]
    assert (probabilities[:, 2] == 1).all()  # on every text
    assert (probabilities[:, 3] == 0).all()  # on none


def test_a_second_fit_forgets_the_first() -> None:
    head = LogisticHead(multi_label=False)
    head.fit(blobs([0, 0, 1, 1]), np.eye(2, dtype=np.float32)[[0, 0, 1, 1]])
    head.fit(blobs([0, 0, 1, 1]), np.eye(2, dtype=np.float32)[[1, 1, 0, 0]])

    assert head.predict(blobs([0, 1], seed=1)).argmax(axis=1).tolist() == [1, 0]
