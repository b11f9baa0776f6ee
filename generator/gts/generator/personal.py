"""Finding what points at a person: e-mail addresses, phone, card and identity numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identifier:
    """Something that points at a person.

    Attributes:
        kind: ``e-mail address``, ``phone number``, ``card number`` or ``identity number``.
        value: It, without spaces and separators, for comparing.
    """

    kind: str
    value: str


# Every repetition is bounded: a hostile text cannot make the search slow.
# Latin letters only: in Chinese the words around an address follow without a space.
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9_-])"
)
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.,])[+(]?[0-9](?:[ .()/-]{0,3}[0-9]){7,24}[Xx]?(?![A-Za-z0-9_])")
_US_SOCIAL_SECURITY = re.compile(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
_DATE_OR_RANGE = re.compile(r"\d{4}([-/. ])\d{1,2}\1\d{1,2}|\d{1,2}([-/. ])\d{1,2}\2\d{4}|\d{4} ?- ?\d{4}")
_CHINESE_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def find_identifiers(text: str) -> list[Identifier]:
    """Identifiers in a text, in the order in which they stand.

    Card numbers count only with a valid Luhn digit, Chinese resident numbers with a valid check digit, phone numbers with
    9 to 15 digits and the shape of one (a leading +, separators, or a Chinese mobile number). Names are not looked for.

    Example:
        >>> [found.kind for found in find_identifiers("Mail a.b@example.org or call +44 20 7946 0958 before 2024-10-12")]
        ['e-mail address', 'phone number']
    """
    found = [
        (match.start(), Identifier("e-mail address", match.group().casefold()))
        for match in _EMAIL.finditer(text)
    ]
    for match in _NUMBER.finditer(text):
        kind = _number_kind(match.group())
        if kind:
            found.append((match.start(), Identifier(kind, re.sub(r"[^0-9Xx]", "", match.group()).upper())))
    return [identifier for _, identifier in sorted(found, key=lambda item: item[0])]


def _number_kind(written: str) -> str:
    digits = re.sub(r"[^0-9Xx]", "", written).upper()
    if _DATE_OR_RANGE.fullmatch(written):
        return ""
    if _US_SOCIAL_SECURITY.fullmatch(written) or _is_chinese_resident(digits):
        return "identity number"
    if not digits.isdigit():
        return ""
    if 13 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn(digits):
        return "card number"
    separators = sum(not char.isdigit() for char in written)
    if 9 <= len(digits) <= 15 and (
        written[0] in "+(" or separators >= 2 or re.fullmatch(r"1[3-9]\d{9}", digits)
    ):
        return "phone number"
    return ""


def luhn(digits: str) -> bool:
    """Whether a row of digits ends with its Luhn check digit (ISO/IEC 7812-1).

    Example:
        >>> luhn("4111111111111111"), luhn("4111111111111112")
        (True, False)
    """
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(int(digit) for digit in digits[::-2]) + sum(doubled)) % 10 == 0


def _is_chinese_resident(digits: str) -> bool:
    if len(digits) != 18 or not digits[:17].isdigit():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _CHINESE_WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == digits[17]
