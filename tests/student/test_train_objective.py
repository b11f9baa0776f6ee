"""What students are trained to match."""

from __future__ import annotations

import pytest
import torch

from gts.student.objective import soft_label_loss


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
