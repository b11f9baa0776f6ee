"""Drift: how often it is found where there is none, and where there is; all by seeds, so that the rates are the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from gts.platform.traffic.drift import LABELS, OTHERS, shifts, stability_index
from gts.student.observing import Observed, refer

WORLDS = 20


def world(rng, rows, *, longer=0.0, less_sure=0.0, mixed=0.0, labels=6):
    """Rows as many services get them: lengths far to one side, confidences near one, labels of unequal numbers."""
    shares = np.array([1 / (number + 1) for number in range(labels)])
    shares /= shares.sum()
    given = rng.multinomial(rows, (1 - mixed) * shares + mixed * shares[::-1])
    return Observed(
        rows,
        {
            "length": np.round(np.exp(rng.normal(4 + longer, 0.6, rows))),
            "tokens": np.clip(rng.normal(0.22, 0.03, rows), 0.05, 1),
            "confidence": 1 / (1 + np.exp(-rng.normal(1.5 - less_sure, 1.2, rows))),
        },
        {f"label {number}": float(count) for number, count in enumerate(given)},
    )


def alarms(reference_rows, rows, **shifted):
    """Share of worlds in which anything is said to have moved."""
    found = 0
    for seed in range(WORLDS):
        rng = np.random.default_rng(seed)
        reference = refer(world(rng, reference_rows))
        found += any(one.verdict != "same" for one in shifts(reference, world(rng, rows, **shifted)))
    return found / WORLDS


@pytest.mark.parametrize(("reference_rows", "rows"), [(150, 100), (300, 100), (1000, 100), (1000, 1000)])
def test_the_same_traffic_hardly_ever_alarms(reference_rows, rows):
    assert alarms(reference_rows, rows) <= 0.05


def test_a_bound_without_chance_would_cry_wolf():
    found = 0
    for seed in range(WORLDS):
        rng = np.random.default_rng(seed)
        reference, now = refer(world(rng, 150)), world(rng, 100)
        found += any(one.index > 0.1 for one in shifts(reference, now))
    assert found / WORLDS > 0.5, "the customary 0.1, in a hundred rows"


@pytest.mark.parametrize("shifted", [{"longer": 0.6}, {"less_sure": 1.2}, {"mixed": 0.8}])
def test_a_large_shift_is_found_in_a_few_hundred_rows(shifted):
    assert alarms(300, 300, **shifted) >= 0.95


@pytest.mark.parametrize("shifted", [{"longer": 0.3}, {"less_sure": 0.6}, {"mixed": 0.5}])
def test_a_moderate_shift_is_found_in_a_thousand(shifted):
    assert alarms(1000, 1000, **shifted) >= 0.95


def test_many_rows_do_not_make_a_small_difference_large():
    assert alarms(1000, 20_000, longer=0.05) == 0


def test_what_moved_is_named_first_with_both_histograms():
    rng = np.random.default_rng(0)
    found = shifts(refer(world(rng, 1000)), world(rng, 1000, longer=0.8))
    assert [one.quantity for one in found if one.verdict != "same"] == ["length"]
    first = found[0]
    assert first.verdict == "much" and first.index > first.by_chance and first.greater > 0.6
    assert first.typical_now > 1.8 * first.typical_then
    assert sum(first.then) == pytest.approx(1) == sum(first.now)
    assert len(first.then) == len(first.now) == len(first.edges) + 1


def test_rare_labels_are_looked_at_together_and_new_ones_with_them():
    then = {"common": 900.0, "other": 95.0, "rare": 3.0, "rarer": 2.0}
    reference = refer(Observed(1000, {}, then))
    (found,) = shifts(reference, Observed(200, {}, {"common": 180.0, "other": 16.0, "rarest": 4.0}))
    assert found.quantity == LABELS and found.labels == ("common", "other", OTHERS)
    assert found.now == pytest.approx((0.9, 0.08, 0.02)) and found.verdict == "same"
    (found,) = shifts(reference, Observed(200, {}, {"common": 120.0, "unheard of": 80.0}))
    assert found.labels == ("common", "other", "unheard of", OTHERS)
    assert found.verdict == "much" and found.now[2] == pytest.approx(0.4)


@pytest.mark.parametrize(("reference_rows", "rows"), [(200, 100), (200, 2000)])
def test_many_labels_do_not_alarm_where_which_are_frequent_is_chance(reference_rows, rows):
    even = np.full(77, 1 / 77)

    def drawn(rng, size):
        counts = rng.multinomial(size, even)
        return Observed(size, {}, {str(label): float(count) for label, count in enumerate(counts) if count})

    found = 0
    for seed in range(2 * WORLDS):
        rng = np.random.default_rng(seed)
        (shift,) = shifts(refer(drawn(rng, reference_rows)), drawn(rng, rows))
        found += shift.verdict != "same"
    assert found / (2 * WORLDS) <= 0.025


def test_the_verdict_is_the_same_each_time_it_is_asked_for():
    rng = np.random.default_rng(1)
    reference, now = refer(world(rng, 200)), world(rng, 150, longer=0.3)
    assert shifts(reference, now) == shifts(reference, now)


def test_the_index_is_that_of_the_books():
    then, now = np.array([0.2, 0.3, 0.5]), np.array([0.3, 0.3, 0.4])
    wanted = float(((then - now) * np.log(then / now)).sum())
    assert stability_index(then * 1e6, now * 1e6) == pytest.approx(wanted, rel=1e-3)
    assert stability_index([5, 0], [0, 5]) > 1, "empty bins are no error"
