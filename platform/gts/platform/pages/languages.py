"""The languages of the pages: the texts of each, and which one a request is answered in.

English texts are the keys: what has no text of its own in a language is shown in English. Values stand in texts
as ``%(name)s``. Data (names, labels, texts, errors, the account of a run) is never translated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml
from fastapi import Request

LANGUAGE_COOKIE = "gts_language"
_LOCALES = Path(__file__).parent / "locale"
_RANGE = re.compile(
    r"(?P<name>\*|[a-z]{1,8})(?:-[a-z0-9]{1,8})*(?:\s*;\s*q\s*=\s*(?P<weight>[01](?:\.\d{0,3})?))?"
)


@dataclass(frozen=True, eq=False)
class Language:
    """A language of the pages.

    Attributes:
        name: As browsers ask for it, such as ``zh``.
        code: As a page declares it, such as ``zh-Hans``.
        title: Its name in itself.
        texts: English text to its text.
    """

    name: str
    code: str
    title: str
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)

    def text(self, english: str) -> str:
        """The text with its places still open.

        Example:
            >>> ENGLISH.text("%(num)s texts")
            '%(num)s texts'
        """
        return self.texts.get(english, english)

    def plural(self, one: str, many: str, number: int) -> str:
        """The text that fits a number, with its places still open; languages with one form have it under ``one``.

        Example:
            >>> ENGLISH.plural("%(num)s text", "%(num)s texts", 1)
            '%(num)s text'
        """
        return self.texts.get(one) or (one if number == 1 else many)

    def gettext(self, english: str, /, **values: object) -> str:
        """The text with values in its places.

        Example:
            >>> ENGLISH.gettext("%(name)s student", name="mini")
            'mini student'
        """
        return self.text(english) % values

    def ngettext(self, one: str, many: str, number: int, /, **values: object) -> str:
        """The text that fits a number, which stands at ``%(num)s``.

        Example:
            >>> ENGLISH.ngettext("%(num)s text", "%(num)s texts", 2000)
            '2,000 texts'
        """
        return self.plural(one, many, number) % {"num": f"{number:,}", **values}


ENGLISH = Language("en", "en", "English")


@cache
def languages() -> Mapping[str, Language]:
    """All languages by name."""
    texts = yaml.safe_load((_LOCALES / "zh.yaml").read_text("utf-8"))
    return {"en": ENGLISH, "zh": Language("zh", "zh-Hans", "中文", texts)}


def language_of(request: Request) -> Language:
    """The language a request is answered in: the one chosen on a page, else the one the browser prefers."""
    chosen = languages().get(request.cookies.get(LANGUAGE_COOKIE, ""))
    return chosen or preferred(",".join(request.headers.getlist("accept-language")))


def preferred(accepted: str) -> Language:
    """The language that an ``Accept-Language`` header prefers among ours; English if it names none (RFC 9110, 12.5.4).

    Example:
        >>> preferred("fr, zh-CN;q=0.8, en;q=0.7").name, preferred("en-GB, zh;q=0.9").name, preferred("fr").name
        ('zh', 'en', 'en')
    """
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        if found := _RANGE.fullmatch(part.strip()):
            weight = min(1.0, float(found["weight"] or 1))
            weights[found["name"]] = max(weight, weights.get(found["name"], 0.0))
    for_any = weights.get("*", 0.0)
    # Of equal ones the one named first; a star stands for English first.
    order = [name for name in weights if name in languages()] + list(languages())
    best = max(order, key=lambda name: weights.get(name, for_any))
    return languages()[best if weights.get(best, for_any) else "en"]


def mark(english: str) -> str:
    """A text that is looked up later, by its value: marked so that the catalogue is kept complete.

    Example:
        >>> mark("Running")
        'Running'
    """
    return english
