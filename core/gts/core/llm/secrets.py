"""Keeping keys and passwords out of whatever is shown: messages, reports, logs."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

_LEAST_SECRET = 4
"""Shorter than this it is no secret, and replacing it would only garble messages."""


def shown_address(url: str) -> str:
    """An address without user, password, query and fragment.

    Example:
        >>> shown_address("https://ann:secret@api.example.org:8000/v1/?key=secret")
        'https://api.example.org:8000/v1'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def secrets_of(url: str) -> tuple[str, ...]:
    """What an address holds that is nobody's business: user with password, and the query."""
    parts = urlsplit(url)
    userinfo, query = parts.netloc.rpartition("@")[0], parts.query
    password = userinfo.partition(":")[2]
    return tuple(secret for secret in (userinfo, password, unquote(password), query) if secret)


def masked(text: str, secrets: Iterable[str]) -> str:
    """A text in which secrets are stars.

    Example:
        >>> masked("Incorrect key sk-12345.", ["sk-12345"])
        'Incorrect key ***.'
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _LEAST_SECRET:
            text = text.replace(secret, "***")
    return text
