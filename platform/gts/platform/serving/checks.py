"""What one prediction request may bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gts.core.errors import InvalidInput, TooLarge
from gts.platform.settings import Settings
from gts.student.opening import texts_in


def check_rows(rows: Sequence[Mapping[str, Any]], settings: Settings) -> None:
    """Refuse what is more than a request may bring, and what is no text.

    Raises:
        TooLarge: Too many rows, a text that is too long, or too much of it together.
        InvalidInput: Half a character.
    """
    if len(rows) > settings.max_texts:
        raise TooLarge(
            f"{len(rows)} texts in one request; the limit is {settings.max_texts}",
            mend="send them in several requests",
        )
    total = 0
    for index, text in ((index, text) for index, row in enumerate(rows) for text in texts_in(row)):
        total += len(text)
        if len(text) > settings.max_text_chars:
            raise TooLarge(
                f"text {index} has {len(text):,} characters; the limit is {settings.max_text_chars:,}",
                mend="split it or send its beginning",
            )
        if total > settings.max_request_chars:
            raise TooLarge(
                f"the texts have more than {settings.max_request_chars:,} characters together, "
                "the limit of one request",
                mend="send them in several requests",
            )
        _check_characters(f"text {index}", text)
    for index, row in enumerate(rows):
        for entity in _entities(row):
            _check_characters(f"the type of an entity of text {index}", entity.get("type"))


def _entities(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = row.get("entities")
    return [entity for entity in given if isinstance(entity, Mapping)] if isinstance(given, list) else []


def _check_characters(what: str, text: Any) -> None:
    if not isinstance(text, str) or text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{what} holds half of a surrogate pair, which is no character",
            mend="send the text as UTF-8",
        ) from error
