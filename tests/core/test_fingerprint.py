"""Equal values have equal names, whoever computes them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.core.fingerprint import canonical_json, fingerprint

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), values, max_size=6))
def test_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    assert fingerprint(value) == fingerprint(dict(reversed(value.items())))


@given(values)
def test_canonical_json_is_json(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(values, values)
def test_different_values_have_different_names(one: object, other: object) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (canonical_json(one) == canonical_json(other))


@pytest.mark.parametrize("value", [float("nan"), {"a": [float("inf")]}])
def test_what_is_no_json_has_no_name(value: object) -> None:
    with pytest.raises(ValueError):
        fingerprint(value)


def test_a_name_is_the_same_for_ever() -> None:
    # Stage keys on people's disks are made of these; a change here repeats every stage.
    assert (
        fingerprint({"b": 1, "a": "é"}) == "aa58fba8483623bed37c1b02edfccbdd9a53123837c20bfa4cb4049993a2872e"
    )
