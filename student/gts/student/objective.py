"""What students are trained to match: soft labels, single or multiple."""

from __future__ import annotations

from typing import Any


def soft_label_loss(logits: Any, targets: Any, weights: Any, multi_label: bool) -> Any:
    """Weighted cross-entropy between soft labels and a student's logits.

    References:
        Hinton et al., Distilling the Knowledge in a Neural Network, 2015 (section 2), at temperature 1.

    Args:
        logits: Float tensor [n, labels].
        targets: Soft labels in [0, 1], [n, labels]; rows sum to 1 unless ``multi_label``.
        weights: Weight of each text [n].
        multi_label: Whether labels are independent (binary cross-entropy, mean over labels).

    Returns:
        Scalar tensor.
    """
    from torch.nn import functional

    if multi_label:
        per_text = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(1)
    else:
        per_text = -(targets * functional.log_softmax(logits, dim=1)).sum(1)
    return (per_text * weights).sum() / weights.sum().clamp(min=1e-9)
