"""Checking what a student is asked; a fault names the row, the first being ``rows[0]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gts.core.errors import InvalidInput
from gts.tasks.wording import quote


def asked_string(number: int, row: object, key: str, form: str) -> str:
    """The string that a row holds under a key.

    Args:
        number: Which row it is.
        row: The row.
        key: The key.
        form: What a row looks like, for the message.

    Raises:
        InvalidInput: The row is no object, or holds no string there.

    Example:
        >>> asked_string(0, {"text": "where is my parcel?"}, "text", '{"text": "..."}')
        'where is my parcel?'
    """
    name = f"rows[{number}]"
    if not isinstance(row, Mapping):
        raise row_fault(name, f"is {quote(row)}", f"an object such as {form}")
    value = row.get(key)
    if not isinstance(value, str):
        what = f'has the "{key}" {quote(value)}' if key in row else f'has no "{key}"'
        raise row_fault(name, what, f'a string under "{key}"', f"give rows such as {form}")
    return value


def row_fault(name: str, what: str, wanted: str, mend: str = "correct or drop this row") -> InvalidInput:
    """The error for a row, or a part of one, that is not as it should be."""
    return InvalidInput(f"{name} {what}; {wanted} was expected", mend=mend, row=name)


def strings(texts: Sequence[str]) -> list[str]:
    """The texts, all of them strings.

    Raises:
        InvalidInput: ``texts`` is one string, or holds something else than strings.
    """
    if isinstance(texts, str):
        raise InvalidInput("one string was given where a list of texts was expected", mend="write [text]")
    for text in texts:
        if not isinstance(text, str):
            raise InvalidInput(
                f"texts must be strings, one is {type(text).__name__}", mend="convert or drop such rows"
            )
    return list(texts)
