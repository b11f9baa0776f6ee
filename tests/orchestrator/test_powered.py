"""Beliefs about unlabelled rows make an estimate better where they are right, and do no harm where they are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.orchestrator.powered import Sample, corrected
from gts.tasks.metrics import wilson_interval


def accuracy(means: np.ndarray) -> float:
    return float(means[0])


def f1(means: np.ndarray) -> float:
    right, made, there = means
    return float(2 * right / (made + there)) if made + there else 0.0


def beliefs(rng: np.random.Generator, right: np.ndarray, skill: float, offset: float = 0.0) -> np.ndarray:
    """Somebody's beliefs that answers are right: noise, and with skill the truth."""
    noise = rng.uniform(0.2, 0.8, len(right))
    return np.clip(skill * right + (1 - skill) * noise + offset, 0, 1)[:, None]


def draw(seed: int, n: int, share: float, skill: float, offset: float = 0.0, rows: int = 2000) -> Sample:
    rng = np.random.default_rng(seed)
    gold, pool = rng.random(n) < share, rng.random(rows) < share
    return Sample(
        gold[:, None].astype(float),
        beliefs(rng, gold, skill, offset),
        beliefs(rng, pool, skill, offset),
        0.0,
    )


@pytest.mark.parametrize("offset", [0.0, -0.2])
def test_beliefs_that_tell_right_from_wrong_take_away_chance_even_where_all_are_too_low(
    offset: float,
) -> None:
    plain, powered, widths = [], [], []
    for seed in range(60):
        sample = draw(seed, 40, 0.8, 0.7, offset)
        found = corrected(sample, accuracy, 0.9)
        low, high = wilson_interval(sample.observed.sum(), 40)
        plain.append(sample.observed.mean() - 0.8)
        powered.append(found.value - 0.8)
        widths.append((found.high - found.low) / (high - low))

    assert np.std(powered) < 0.7 * np.std(plain)
    assert abs(np.mean(powered)) < 0.02
    assert np.mean(widths) < 0.8


def test_beliefs_that_know_nothing_count_next_to_nothing() -> None:
    found = [corrected(draw(seed, 60, 0.7, 0.0), accuracy, 0.9) for seed in range(150)]

    assert np.mean([one.power for one in found]) < 0.35
    held = [one.low <= 0.7 <= one.high for one in found]
    assert np.mean(held) > 0.8


@pytest.mark.parametrize("right", [0, 9, 30, 40])
def test_without_a_pool_it_is_wilsons_interval(right: int) -> None:
    observed = np.arange(40)[:, None] < right
    sample = Sample(observed.astype(float), np.zeros((40, 1)), np.zeros((0, 1)), 0.0)

    found = corrected(sample, accuracy, 0.9)

    assert found.value == pytest.approx(right / 40) and found.power == 0
    assert (found.low, found.high) == pytest.approx(wilson_interval(right, 40), abs=0.03)


def test_a_student_that_answers_otherwise_than_those_that_were_measured_is_less_certain() -> None:
    observed = (np.arange(50) < 40)[:, None].astype(float)
    empty = np.zeros((0, 1))
    same, other = (
        corrected(Sample(observed, observed, empty, changed), accuracy, 0.9) for changed in (0.0, 0.3)
    )

    assert other.high - other.low > same.high - same.low
    assert other.value == pytest.approx(same.value + 0.03)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 500), n=st.integers(1, 40), rows=st.integers(0, 60), changed=st.floats(0, 1))
def test_whatever_is_given_the_interval_holds_the_value_and_stays_within_bounds(
    seed: int, n: int, rows: int, changed: float
) -> None:
    rng = np.random.default_rng(seed)

    def parts(count: int) -> np.ndarray:
        made, there = rng.integers(0, 4, (2, count))
        return np.stack([np.minimum(made, there) * rng.random(count), made, there], axis=1)

    found = corrected(Sample(parts(n), parts(n), parts(rows), changed), f1, 0.9)

    assert 0 <= found.low <= found.value <= found.high <= 1
    assert 0 <= found.power <= 1
