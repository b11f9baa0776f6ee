"""Logging: one line an event on standard error, without tokens."""

from __future__ import annotations

import logging
import re

_TOKEN = re.compile(r"gts_[0-9A-Za-z]{40,}|(?<=token=)[^&\s\"']+|(?<=Bearer )[^\s\"']+")


class HideTokens(logging.Formatter):
    """A formatter that blackens whatever looks like a token, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with tokens replaced.

        Example:
            >>> record = logging.LogRecord("x", logging.INFO, "", 0, "GET /?token=abc HTTP/1.1", (), None)
            >>> HideTokens("%(message)s").format(record)
            'GET /?token=*** HTTP/1.1'
        """
        return _TOKEN.sub("***", super().format(record))


def set_up_logging(level: str) -> None:
    """Send this process's log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(HideTokens("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for talkative in ("alembic", "httpx", "uvicorn"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
