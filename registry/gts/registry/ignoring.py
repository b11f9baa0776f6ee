"""Which files a ``.gitignore`` keeps out of a commit: clients leave it to the server to say so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate

from gts.core.errors import TooLarge

GITIGNORE = ".gitignore"
_MAX_RULES = 1000


@dataclass(frozen=True)
class Rule:
    """One line of a ``.gitignore``.

    Attributes:
        segments: Patterns of the folders and the file, ``None`` for any number of folders.
        keeps: Whether it takes back what an earlier line ignored.
        folders_only: Whether it speaks of folders.
    """

    segments: tuple[re.Pattern[str] | None, ...]
    keeps: bool
    folders_only: bool


def parse_rules(text: str) -> tuple[Rule, ...]:
    """The rules of a ``.gitignore`` at the root of a repository.

    Raises:
        TooLarge: There are too many.
    """
    rules = []
    for line in text.splitlines():
        line = line.rstrip()
        if not line or line.startswith("#"):
            continue
        keeps = line.startswith("!")
        pattern = line.removeprefix("!").removeprefix("\\")
        folders_only, pattern = pattern.endswith("/"), pattern.rstrip("/")
        if not pattern:
            continue
        parts = pattern.removeprefix("/").split("/")
        if "/" not in pattern:
            parts = ["**", *parts]
        segments = tuple(None if part == "**" else re.compile(translate(part)) for part in parts)
        rules.append(Rule(segments, keeps, folders_only))
        if len(rules) > _MAX_RULES:
            raise TooLarge(f"{GITIGNORE} has more than {_MAX_RULES:,} rules", mend="shorten it")
    return tuple(rules)


def is_ignored(path: str, rules: tuple[Rule, ...]) -> bool:
    """Whether a file is kept out: by a rule of its own or by one of a folder it lies in.

    Example:
        >>> rules = parse_rules("*.log\\n!keep.log\\nbuild/")
        >>> [is_ignored(path, rules) for path in ("a/x.log", "keep.log", "build/keep.log", "build")]
        [True, False, True, False]
    """
    parts = path.split("/")
    return any(
        _last_word(parts[:depth], rules, folder=depth < len(parts)) for depth in range(1, len(parts) + 1)
    )


def _last_word(parts: list[str], rules: tuple[Rule, ...], *, folder: bool) -> bool:
    for rule in reversed(rules):
        if (folder or not rule.folders_only) and _fits(rule.segments, parts):
            return not rule.keeps
    return False


def _fits(segments: tuple[re.Pattern[str] | None, ...], parts: list[str]) -> bool:
    # How many parts the segments so far can stand for; a pattern of many `**` costs no more than one of few.
    reached = {0}
    for number, segment in enumerate(segments):
        if segment is None:
            last = number == len(segments) - 1
            reached = {end for start in reached for end in range(start + last, len(parts) + 1)}
        else:
            reached = {at + 1 for at in reached if at < len(parts) and segment.match(parts[at])}
    return len(parts) in reached
