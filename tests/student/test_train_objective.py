"""What students are trained to match."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.student.objective import sharpen, soft_label_loss


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), exponent=st.sampled_from([1.0, 2.0, 4.0]), multi=st.booleans())
def test_sharpening_keeps_what_is_likeliest_and_makes_it_likelier(
    seed: int, exponent: float, multi: bool
) -> None:
    rng = np.random.default_rng(seed)
    soft = (rng.random((6, 3)) if multi else rng.dirichlet(np.ones(3), 6)).astype(np.float32)

    sharp = sharpen(soft, exponent, multi)

    assert sharp.min() >= 0
    assert sharp.max() <= 1
    if multi:
        assert (np.sign(sharp - 0.5) == np.sign(soft - 0.5)).all()
        assert (np.abs(sharp - 0.5) >= np.abs(soft - 0.5) - 1e-5).all()
    else:
        np.testing.assert_allclose(sharp.sum(axis=1), 1, atol=1e-5)
        assert (sharp.argmax(axis=1) == soft.argmax(axis=1)).all()
        assert (sharp.max(axis=1) >= soft.max(axis=1) - 1e-5).all()


@pytest.mark.parametrize("multi", [False, True])
def test_certain_labels_stay_as_they_are(multi: bool) -> None:
    hard = np.eye(3, dtype=np.float32)

    np.testing.assert_allclose(sharpen(hard, 4.0, multi), hard, atol=1e-6)


def test_the_loss_of_a_single_label_is_cross_entropy() -> None:
    logits, classes = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    hard = torch.nn.functional.one_hot(classes, 3).float()

    expected = torch.nn.functional.cross_entropy(logits, classes)
    assert float(soft_label_loss(logits, hard, torch.ones(5), False)) == pytest.approx(
        float(expected), abs=1e-6
    )


def test_texts_count_by_their_weight() -> None:
    logits, targets = torch.randn(4, 2), torch.rand(4, 2)

    first = soft_label_loss(logits[:2], targets[:2], torch.ones(2), True)
    weighed = soft_label_loss(logits, targets, torch.tensor([3.0, 3.0, 0.0, 0.0]), True)

    assert float(weighed) == pytest.approx(float(first), abs=1e-6)


@pytest.mark.parametrize("multi", [False, True])
def test_the_loss_is_least_where_the_student_agrees(multi: bool) -> None:
    soft = torch.tensor([[0.7, 0.2, 0.1]])
    agreed = torch.logit(soft) if multi else torch.log(soft)
    least = float(soft_label_loss(agreed, soft, torch.ones(1), multi))

    for _ in range(5):
        assert (
            float(soft_label_loss(agreed + 0.3 * torch.randn(1, 3), soft, torch.ones(1), multi))
            >= least - 1e-6
        )
