"""The losses of the span student."""

from __future__ import annotations

from typing import Any


def marked_loss(logits: Any, targets: Any, counted: Any, weights: Any) -> Any:
    """Binary cross-entropy of soft targets: summed over the scores of a text, averaged over texts.

    The sum, not the mean: nearly all spans are none and are soon known to be none; dividing by their number would
    hide the few that count.

    Args:
        logits: Scores [texts, ...].
        targets: Wanted beliefs, 0 to 1 [texts, ...].
        counted: Which scores count, of a shape that broadcasts to them.
        weights: Factor of each text [texts].
    """
    import torch

    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    of_texts = (each * counted).flatten(1).sum(1)
    return (of_texts * weights).mean()
