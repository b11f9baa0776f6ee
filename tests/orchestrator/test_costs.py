"""Forecasts grow with the work, and sizes grow with the budget."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.orchestrator import costs
from gts.orchestrator.costs import LADDER, choose_sizes, total_s
from gts.orchestrator.evidence import Profile, Sizes

PROFILE = Profile(
    gold=48,
    pool=6000,
    labels=6,
    smallest_label=8,
    language="en",
    encoder="tiny/encoder",
    encode_s=0.004,
    chars=80.0,
)

profiles = st.builds(
    replace,
    st.just(PROFILE),
    gold=st.integers(4, 2000),
    pool=st.integers(0, 50_000),
    smallest_label=st.integers(2, 10),
    encode_s=st.floats(1e-4, 0.1),
    chars=st.floats(1, 2000),
)


def rung(sizes: Sizes) -> int:
    """Where on the ladder the sizes stand; folds are cut to what the gold allows."""
    return [replace(step, folds=0) for step in LADDER].index(replace(sizes, folds=0))


@settings(max_examples=100, deadline=None)
@given(profiles, st.floats(1, 2000), st.floats(1, 10), st.booleans())
def test_a_larger_budget_never_buys_less(profile: Profile, budget: float, factor: float, mini: bool) -> None:
    assert rung(choose_sizes(profile, budget * factor, mini)) <= rung(choose_sizes(profile, budget, mini))


@settings(max_examples=100, deadline=None)
@given(profiles, st.floats(1, 2000), st.booleans())
def test_what_is_chosen_fits_the_budget_and_the_gold(profile: Profile, budget: float, mini: bool) -> None:
    sizes = choose_sizes(profile, budget, mini)

    assert 2 <= sizes.folds <= max(2, profile.smallest_label)
    if sizes.encoder:  # generating may be what does not fit: it never costs a job its encoder
        assert total_s(profile, sizes, mini, generates=False) <= budget
    else:
        assert sizes == LADDER[-1]


def test_generating_is_left_out_before_the_encoder_is() -> None:
    scarce = replace(PROFILE, gold=12, pool=0, smallest_label=2, encode_s=0.0625)
    least = LADDER[-2]
    between = (total_s(scarce, least, mini=False, generates=False) + total_s(scarce, least, mini=False)) / 2

    assert choose_sizes(scarce, between, mini=False) == least


def test_without_an_encoder_there_is_one_size() -> None:
    assert choose_sizes(replace(PROFILE, encoder=None, encode_s=None), 10_000, mini=False) == LADDER[-1]


def test_a_second_is_too_little_for_an_encoder() -> None:
    assert not choose_sizes(PROFILE, 1.0, mini=True).encoder


def test_a_mini_student_costs_more_than_none() -> None:
    assert all(
        total_s(PROFILE, sizes, mini=True) > total_s(PROFILE, sizes, mini=False)
        for sizes in LADDER
        if sizes.encoder
    )


@settings(max_examples=100, deadline=None)
@given(profiles, st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 200))
def test_more_texts_never_cost_less(profile: Profile, pool: int, more: int, steps: int) -> None:
    assert 0 <= costs.embed_s(profile, pool) <= costs.embed_s(profile, pool + more)
    less, much = (costs.teach_s(profile, profile.gold, texts, steps) for texts in (pool, pool + more))
    assert 0 < less <= much
    assert 0 < costs.distil_mini_s(profile, pool, steps) <= costs.distil_mini_s(profile, pool + more, steps)
    assert 0 < costs.distil_static_s(profile, pool)


def test_a_slower_machine_costs_more() -> None:
    slow = replace(PROFILE, encode_s=0.04)

    assert total_s(slow, LADDER[2], True) > 3 * total_s(PROFILE, LADDER[2], True)


@pytest.mark.parametrize(("chars", "tokens"), [(20.0, 64), (260.0, 64), (1000.0, 128)])
def test_long_texts_are_read_further(chars: float, tokens: int) -> None:
    assert costs.max_length(replace(PROFILE, chars=chars)) == tokens
