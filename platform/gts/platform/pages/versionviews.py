"""What the page of a model says about its versions: aliases, their history, and what can be done with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gts.core.errors import GTSError
from gts.platform.pages.languages import ENGLISH, Language
from gts.platform.pages.modelviews import ModelPageView
from gts.platform.pages.words import promotion_word
from gts.registry.promotion_rows import Promotion, earlier
from gts.registry.values import Ref, RefKind

SHOWN_ROWS = 30
SHOWN_REVISIONS = 50
_SHORT_COMMIT = 10
_TITLE_CHARS = 80


@dataclass(frozen=True)
class AliasLine:
    """An alias.

    Attributes:
        name: Its name.
        commit: What it names.
        last: The row by which it came to name that; ``None`` where it is not known.
        can_go_back: Whether there is something to roll back to, as far as is seen.
    """

    name: str
    commit: str
    last: Promotion | None
    can_go_back: bool


@dataclass(frozen=True)
class HistoryLine:
    """One row of the history, in words."""

    at: datetime
    what: str
    alias: str
    old: str
    new: str
    by: str
    job_id: str | None
    why: str


@dataclass(frozen=True)
class Choice:
    """A revision that can be chosen in a form."""

    commit: str
    title: str
    retired: bool


@dataclass(frozen=True)
class VersionsView:
    """The versions of a model.

    Attributes:
        aliases: Aliases, by name.
        history: What happened, newest first.
        has_more: Whether there is more of it than is shown.
        choices: Revisions that an alias can be pointed at.
        retired: Why the revision that is shown is retired; empty if it is not.
        in_use: Aliases that name it.
        refused: What a person wanted and did not get.
    """

    aliases: tuple[AliasLine, ...]
    history: tuple[HistoryLine, ...]
    has_more: bool
    choices: tuple[Choice, ...]
    retired: str
    in_use: tuple[str, ...]
    refused: GTSError | None = None


def versions_view(
    model: ModelPageView,
    refs: Sequence[Ref],
    history: Sequence[Promotion],
    refused: GTSError | None = None,
    language: Language = ENGLISH,
) -> VersionsView:
    """What a page says about versions.

    Args:
        model: The model at the revision that is shown.
        refs: Its branches, tags and aliases.
        history: The newest rows of its history, one more than are shown where there are more.
        refused: What a person wanted and did not get.
        language: What it is said in.
    """
    has_more = len(history) > SHOWN_ROWS
    aliases = [ref for ref in refs if ref.kind == RefKind.ALIAS]
    shown = next((item for item in model.history if item.commit == model.commit), None)
    return VersionsView(
        aliases=tuple(_alias(ref, history, has_more) for ref in aliases),
        history=tuple(_line(row, language) for row in history[:SHOWN_ROWS]),
        has_more=has_more,
        choices=tuple(choice for choice in choices_of(model) if not choice.retired),
        retired=(shown.retired or "") if shown else "",
        in_use=tuple(ref.name for ref in aliases if ref.oid == model.commit),
        refused=refused,
    )


def choices_of(model: ModelPageView) -> tuple[Choice, ...]:
    """The newest revisions of a model, to choose from."""
    return tuple(
        Choice(
            item.commit,
            f"{item.commit[:_SHORT_COMMIT]} · {item.message}"[:_TITLE_CHARS],
            item.retired is not None,
        )
        for item in model.history[:SHOWN_REVISIONS]
    )


def _alias(ref: Ref, history: Sequence[Promotion], is_cut: bool) -> AliasLine:
    own = [row for row in history if row.alias == ref.name]
    return AliasLine(ref.name, ref.oid, own[0] if own else None, bool(earlier(own[::-1])) or is_cut)


def _line(row: Promotion, language: Language) -> HistoryLine:
    old, new = (commit[:_SHORT_COMMIT] if commit else "" for commit in (row.old, row.new))
    word = promotion_word(row.kind.value, language)
    return HistoryLine(row.at, word, row.alias or "", old, new, row.by, row.job_id, row.why)
