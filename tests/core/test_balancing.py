"""Labels count alike, however common they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.core.balancing import balanced


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 500), n=st.integers(1, 50), labels=st.integers(1, 6), weighted=st.booleans())
def test_each_label_that_occurs_has_the_same_mass_and_nothing_is_lost(
    seed: int, n: int, labels: int, weighted: bool
) -> None:
    rng = np.random.default_rng(seed)
    targets = np.eye(labels, dtype=np.float32)[rng.integers(0, labels, n)]
    weights = rng.uniform(0.1, 1, n).astype(np.float32) if weighted else None

    found = balanced(targets, weights)

    mass = found @ targets
    occurs = targets.sum(axis=0) > 0
    assert mass[occurs] == pytest.approx(mass.sum() / occurs.sum(), rel=1e-4)
    assert found.sum() == pytest.approx(n if weights is None else weights.sum(), rel=1e-4)


def test_soft_labels_count_by_what_they_hold_of_each() -> None:
    found = balanced(np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]], np.float32))

    assert found[2] > found[0] == found[1]
