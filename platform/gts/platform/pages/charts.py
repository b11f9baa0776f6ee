"""Small charts as SVG: positions in percent, so that they fit any width without a script.

Colours and fonts come from the style sheet through classes; every text goes through escaping.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gts.platform.pages.languages import ENGLISH, Language
from gts.platform.pages.wording import duration, percent, shorten

_ROW_HEIGHT, _AXIS_HEIGHT, _TOP = 52, 26, 4
_NAMED, _NAME_CHARS = 5, 16
_INSET = 2.0  # percent left free on both sides, so that marks at the ends are not cut


@dataclass(frozen=True)
class Interval:
    """One row of an interval chart; values lie between 0 and 1.

    Attributes:
        label: What was measured.
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end of the interval.
        strong: Whether this is the row that matters.
    """

    label: str
    value: float
    low: float
    high: float
    strong: bool = False


def interval_chart(rows: Sequence[Interval], language: Language = ENGLISH) -> Markup:
    """Estimates with their intervals on one common axis.

    Example:
        >>> "86%" in interval_chart([Interval("Student", 0.86, 0.78, 0.92, strong=True)])
        True
    """
    if not rows:
        return Markup("")
    start, stop, ticks = axis(min(row.low for row in rows), max(row.high for row in rows))
    bottom = _TOP + _ROW_HEIGHT * len(rows)
    parts = [
        Markup(
            '<line class="grid" x1="{x}%" x2="{x}%" y1="{top}" y2="{bottom}"/>'
            '<text class="tick" x="{x}%" y="{text}" text-anchor="{anchor}">{label}</text>'
        ).format(
            x=_position(tick, start, stop),
            top=_TOP,
            bottom=bottom,
            text=bottom + 18,
            anchor=_anchor(tick, start, stop),
            label=percent(tick),
        )
        for tick in ticks
    ]
    for index, row in enumerate(rows):
        y = _TOP + index * _ROW_HEIGHT
        parts.append(
            Markup(
                '<g class="{kind}"><text class="name" x="{left}%" y="{text}">{label} '
                '<tspan class="value">{value}</tspan></text>'
                '<line class="range" x1="{low}%" x2="{high}%" y1="{mark}" y2="{mark}"/>'
                '<circle class="mark" cx="{centre}%" cy="{mark}" r="6"/></g>'
            ).format(
                kind="strong" if row.strong else "weak",
                left=_INSET,
                text=y + 16,
                label=row.label,
                value=percent(row.value),
                low=_position(row.low, start, stop),
                high=_position(row.high, start, stop),
                centre=_position(row.value, start, stop),
                mark=y + 33,
            )
        )
    spoken = language.gettext("; ").join(
        language.gettext(
            "%(label)s %(value)s, between %(low)s and %(high)s",
            label=row.label,
            value=percent(row.value),
            low=percent(row.low),
            high=percent(row.high),
        )
        for row in rows
    )
    return Markup(
        '<svg class="interval" role="img" aria-label="{spoken}" width="100%" height="{height}">{body}</svg>'
    ).format(spoken=spoken, height=bottom + _AXIS_HEIGHT, body=Markup("").join(parts))


@dataclass(frozen=True)
class Moment:
    """What was known at one moment of a job.

    Attributes:
        at: Seconds since its start.
        value: The measure of the best student.
        low: Lower end of its interval.
        high: Upper end.
        label: What had just been done.
    """

    at: float
    value: float
    low: float
    high: float
    label: str = ""


def curve_chart(moments: Sequence[Moment], end: float, language: Language = ENGLISH) -> Markup:
    """Quality with its interval over the seconds that were spent, as steps.

    Args:
        moments: In their order.
        end: Seconds at which the job ended.
        language: Of the words.

    Example:
        >>> "teach" in curve_chart([Moment(10, 0.8, 0.7, 0.9, "teach")], 20)
        True
    """
    if not moments or end <= 0:
        return Markup("")
    start, stop, ticks = axis(min(m.low for m in moments), max(m.high for m in moments))
    height = 180

    def y(value: float) -> float:
        return round(_TOP + height * (stop - value) / (stop - start), 1)

    parts = [
        Markup(
            '<line class="grid" x1="0%" x2="100%" y1="{y}" y2="{y}"/><text class="tick" x="0%" y="{text}">{label}</text>'
        ).format(y=y(tick), text=y(tick) - 3, label=percent(tick))
        for tick in ticks
    ]
    ends = [*(moment.at for moment in moments[1:]), end]
    for moment, until in zip(moments, ends, strict=True):
        left, right = (round(100 * min(at, end) / end, 2) for at in (moment.at, until))
        parts.append(
            Markup(
                '<g class="strong"><title>{title}</title>'
                '<rect class="band" x="{left}%" width="{width}%" y="{top}" height="{tall}"/>'
                '<line class="range" x1="{left}%" x2="{right}%" y1="{y}" y2="{y}"/>'
                '<circle class="mark" cx="{left}%" cy="{y}" r="4"/></g>'
            ).format(
                title=f"{moment.label}: {percent(moment.value)} ({percent(moment.low)} – {percent(moment.high)})",
                left=left,
                right=right,
                width=max(0.3, round(right - left, 2)),
                top=y(moment.high),
                tall=max(1.0, round(y(moment.low) - y(moment.high), 1)),
                y=y(moment.value),
            )
        )
    bottom = _TOP + height
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        parts.append(
            Markup('<text class="tick" x="{x}%" y="{y}" text-anchor="{anchor}">{label}</text>').format(
                x=100 * share, y=bottom + 18, anchor=anchor, label=duration(share * end, language)
            )
        )
    spoken = language.gettext("; ").join(
        language.gettext(
            "after %(time)s %(value)s, between %(low)s and %(high)s",
            time=duration(moment.at, language),
            value=percent(moment.value),
            low=percent(moment.low),
            high=percent(moment.high),
        )
        for moment in moments
    )
    return Markup(
        '<svg class="curve" role="img" aria-label="{spoken}" width="100%" height="{height}">{body}</svg>'
    ).format(spoken=spoken, height=bottom + _AXIS_HEIGHT, body=Markup("").join(parts))


def bar(share: float, mark: float | None = None) -> Markup:
    """A horizontal bar, with a mark where a forecast was.

    Args:
        share: Length between 0 and 1.
        mark: Position of the mark between 0 and 1.

    Example:
        >>> "75.0%" in bar(0.75)
        True
    """
    length = max(0.0, min(1.0, share)) * 100
    tick = Markup("")
    if mark is not None:
        tick = Markup('<rect class="bar-mark" x="{x:.1f}%" width="2" height="10"/>').format(
            x=min(max(0.0, min(1.0, mark)) * 100, 99.0)
        )
    return Markup(
        '<svg class="bar" aria-hidden="true" width="100%" height="10">'
        '<rect class="bar-track" y="2" width="100%" height="6" rx="3"/>'
        '<rect class="bar-fill" y="2" width="{length:.1f}%" height="6" rx="3"/>{tick}</svg>'
    ).format(length=length, tick=tick)


@dataclass(frozen=True)
class Bin:
    """Share of rows in one bin of a histogram.

    Attributes:
        name: What it stands for.
        then: Share before.
        now: Share now.
    """

    name: str
    then: float
    now: float


def then_and_now(bins: Sequence[Bin], language: Language = ENGLISH) -> Markup:
    """Two histograms over the same bins, side by side.

    Example:
        >>> "&lt; 10" in then_and_now([Bin("< 10", 0.5, 0.25), Bin("≥ 10", 0.5, 0.75)])
        True
    """
    if not bins:
        return Markup("")
    tall, step = 72, 100 / len(bins)
    most = max(max(one.then, one.now) for one in bins) or 1.0
    parts = []
    for place, one in enumerate(bins):
        heights = [round(tall * share / most, 1) for share in (one.then, one.now)]
        parts.append(
            Markup(
                '<g><title>{title}</title><rect class="then" x="{x1:.2f}%" y="{y1}" width="{wide:.2f}%" height="{h1}"/>'
                '<rect class="now" x="{x2:.2f}%" y="{y2}" width="{wide:.2f}%" height="{h2}"/></g>'
            ).format(
                title=_told(one, language),
                x1=(place + 0.1) * step,
                x2=(place + 0.5) * step,
                wide=0.38 * step,
                y1=round(_TOP + tall - heights[0], 1),
                h1=heights[0],
                y2=round(_TOP + tall - heights[1], 1),
                h2=heights[1],
            )
        )
    named = {0, len(bins) // 2, len(bins) - 1} if len(bins) > _NAMED else set(range(len(bins)))
    parts += [
        Markup('<text class="tick" x="{x:.2f}%" y="{y}" text-anchor="middle">{name}</text>').format(
            x=(place + 0.5) * step, y=_TOP + tall + 18, name=shorten(bins[place].name, _NAME_CHARS)
        )
        for place in sorted(named)
    ]
    spoken = language.gettext("; ").join(_told(one, language) for one in bins)
    return Markup(
        '<svg class="histograms" role="img" aria-label="{spoken}" width="100%" height="{height}">{body}</svg>'
    ).format(spoken=spoken, height=_TOP + tall + _AXIS_HEIGHT, body=Markup("").join(parts))


def _told(one: Bin, language: Language) -> str:
    return language.gettext(
        "%(name)s: %(then)s in training, %(now)s now",
        name=one.name,
        then=percent(one.then),
        now=percent(one.now),
    )


def axis(low: float, high: float) -> tuple[float, float, tuple[float, ...]]:
    """Start, end and ticks of an axis around the values, at round numbers within 0 and 1.

    Example:
        >>> axis(0.71, 0.92)
        (0.7, 1.0, (0.7, 0.8, 0.9, 1.0))
    """
    start = max(0.0, math.floor(low * 10 + 1e-9) / 10)
    stop = min(1.0, math.ceil(high * 10 - 1e-9) / 10)
    if stop - start < 0.2:
        start, stop = max(0.0, stop - 0.2), max(stop, 0.2)
    step = 0.1 if stop - start < 0.45 else 0.2
    count = int(round((stop - start) / step, 6))
    ticks = tuple(round(stop - step * index, 6) for index in range(count, -1, -1))
    return round(start, 6), round(stop, 6), ticks


def _position(value: float, start: float, stop: float) -> str:
    share = (min(max(value, start), stop) - start) / (stop - start)
    return f"{_INSET + share * (100 - 2 * _INSET):.2f}"


def _anchor(tick: float, start: float, stop: float) -> str:
    if tick <= start:
        return "start"
    return "end" if tick >= stop else "middle"
