from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.generator.personal import find_identifiers, luhn


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("write to Anna.Berg+x@mail.example.org!", ["e-mail address"]),
        ("邮箱是zhang@example.cn。", ["e-mail address"]),
        ("call +49 30 901820 or (212) 555-0187", ["phone number", "phone number"]),
        ("打13812345678", ["phone number"]),
        ("card 4111 1111 1111 1111 please", ["card number"]),
        ("card 4111-1111-1111-1112 please", []),
        ("SSN 219-09-9999", ["identity number"]),
        ("身份证 11010519491231002X", ["identity number"]),
        ("身份证 110105194912310021", []),
        ("from 2004-10-12 to 12.11.2004, 1998-2004, version 10.2.3", []),
        ("it cost 1,200,000 dollars and 3.1415926535", []),
        ("0000000000000000", []),
        ("order 123456789012", []),
    ],
)
def test_kinds_found(text: str, kinds: list[str]) -> None:
    assert [identifier.kind for identifier in find_identifiers(text)] == kinds


def test_one_identifier_written_in_two_ways_is_the_same() -> None:
    assert find_identifiers("4111 1111 1111 1111") == find_identifiers("4111-1111-1111-1111")
    assert find_identifiers("A@Example.org") == find_identifiers("a@example.ORG")


def test_luhn_catches_every_single_wrong_digit() -> None:
    number = "4539578763621486"
    assert luhn(number)
    for i in range(len(number)):
        for digit in "0123456789":
            assert luhn(number[:i] + digit + number[i + 1 :]) == (digit == number[i])


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    find_identifiers(text)


@pytest.mark.parametrize(
    "text", ["a" * 50_000 + "@", "a@" + "b." * 50_000, "1 " * 50_000, "+" * 50_000, "1-" * 50_000]
)
def test_hostile_texts_end(text: str) -> None:
    find_identifiers(text)
