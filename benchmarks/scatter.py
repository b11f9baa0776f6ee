"""Forecasts beside what came, as SVG: a panel a quantity, the line where both are equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log10

_SIZE, _MARGIN, _GAP = 300, 50, 60


@dataclass(frozen=True)
class Panel:
    """One quantity.

    Attributes:
        title: What is forecast, with its unit.
        points: Forecast and outcome.
        ticks: Values named on both axes; the first and the last are its ends.
        logarithmic: Whether equal factors are equally far apart.
    """

    title: str
    points: Sequence[tuple[float, float]]
    ticks: Sequence[float]
    logarithmic: bool = False


def drawn(panels: Sequence[Panel]) -> str:
    """The panels side by side, as an SVG document."""
    width = len(panels) * (_SIZE + _MARGIN + _GAP)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_SIZE + 2 * _MARGIN}" '
            'font-family="sans-serif" font-size="11" fill="#222">'
        ),
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for number, panel in enumerate(panels):
        left = _MARGIN + number * (_SIZE + _MARGIN + _GAP)
        parts.append(f'<g transform="translate({left} {_MARGIN})">{_panel(panel)}</g>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel) -> str:
    place = _scale(panel)
    parts = [
        (
            f'<text y="-24" font-size="13">{panel.title}</text>'
            f'<path d="M0 0V{_SIZE}H{_SIZE}M0 {_SIZE}L{_SIZE} 0" fill="none" stroke="#999"/>'
            f'<text x="{_SIZE / 2}" y="{_SIZE + 36}" text-anchor="middle">forecast</text>'
            f'<text y="-8" text-anchor="middle">outcome</text>'
        )
    ]
    for tick in panel.ticks:
        at = place(tick)
        parts.append(f'<text x="{at:.1f}" y="{_SIZE + 16}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="-6" y="{_SIZE - at + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for forecast, outcome in panel.points:
        x, y = place(forecast), _SIZE - place(outcome)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#36c" fill-opacity=".4"/>')
    return "\n".join(parts)


def _scale(panel: Panel) -> Callable[[float], float]:
    low, high = panel.ticks[0], panel.ticks[-1]

    def place(value: float) -> float:
        inside = min(max(value, low), high)
        if panel.logarithmic:
            return _SIZE * (log10(inside) - log10(low)) / (log10(high) - log10(low))
        return _SIZE * (inside - low) / (high - low)

    return place
