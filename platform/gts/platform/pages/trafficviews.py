"""What the page of a model says of its traffic."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from gts.core.errors import GTSError
from gts.platform.pages.charts import Bin, then_and_now
from gts.platform.pages.languages import ENGLISH, Language
from gts.platform.pages.trafficwords import bin_names, shift_sentence, shift_title, verdict_sentence
from gts.platform.traffic.drift import Shift
from gts.platform.traffic.report import Traffic

_BINS_SHOWN = 20


@dataclass(frozen=True)
class ShiftLine:
    """One quantity, in words and as a chart."""

    title: str
    sentence: str
    verdict: str
    index: float
    by_chance: float
    chart: Markup


@dataclass(frozen=True)
class TrafficView:
    """A model's traffic as its page shows it.

    Attributes:
        verdict: In a word.
        sentence: The verdict.
        rows: Different rows looked at.
        days: How far back.
        share: Share of rows that is kept.
        chosen_by: Who said so for this model.
        kept: Rows that are kept.
        dropped: Rows that could not be kept.
        shifts: Each quantity, the farthest first.
        refused: Why something that was asked for was not done.
    """

    verdict: str
    sentence: str
    rows: int
    days: int
    share: float
    chosen_by: str | None
    kept: int
    dropped: int
    shifts: tuple[ShiftLine, ...]
    refused: GTSError | None


def traffic_view(
    traffic: Traffic, refused: GTSError | None = None, language: Language = ENGLISH
) -> TrafficView:
    """What the page says."""
    look = traffic.look
    return TrafficView(
        verdict=traffic.verdict,
        sentence=verdict_sentence(traffic, language),
        rows=look.rows,
        days=traffic.days,
        share=traffic.share,
        chosen_by=traffic.chosen_by,
        kept=traffic.kept,
        dropped=traffic.dropped,
        shifts=tuple(_line(shift, look.task_type, language) for shift in look.shifts),
        refused=refused,
    )


def _line(shift: Shift, task_type: str, language: Language) -> ShiftLine:
    names = bin_names(shift, task_type, language)
    bins = [Bin(*values) for values in zip(names, shift.then, shift.now, strict=True)]
    # Bins without rows stand between values that many rows share.
    shown = [one for one in bins if one.then or one.now][:_BINS_SHOWN]
    return ShiftLine(
        title=shift_title(shift, language),
        sentence=shift_sentence(shift, task_type, language),
        verdict=shift.verdict,
        index=shift.index,
        by_chance=shift.by_chance,
        chart=then_and_now(shown, language),
    )
