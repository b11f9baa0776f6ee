"""The lineage of a model as a small graph: sources on the left, what was made of them in the middle, the student on the right.

Positions are percentages of the width, as in :mod:`gts.platform.pages.charts`; colours and fonts come from the style sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from gts.platform.pages.languages import ENGLISH, Language
from gts.platform.pages.wording import percent
from gts.platform.pages.words import part_name
from gts.platform.versions_lineage import LABELLED, STUDENT, Lineage, Node

_SOURCES = (*LABELLED, "pool", "base_model", "language_model")
_MADE = ("teacher", "generator", "parent")
_COLUMNS = ((0.5, 30.0), (35.0, 30.0), (69.5, 30.0))  # left edge and width
_BOX, _STEP, _TOP = 46, 58, 8
_NAME_CHARS = 24
_MODELS = ("base_model", "language_model", STUDENT)
_SHORT_COMMIT = 10


@dataclass(frozen=True)
class PartLine:
    """A part of a lineage as the table under the graph has it."""

    kind: str
    name: str
    detail: str
    is_model: bool
    licence: str


@dataclass(frozen=True)
class LineageView:
    """What the page says of where a model comes from."""

    chart: Markup
    parts: tuple[PartLine, ...]
    job_id: str | None
    is_reproducible: bool


def lineage_view(lineage: Lineage, language: Language = ENGLISH) -> LineageView:
    """A lineage for the page."""
    lines = tuple(
        PartLine(
            part_name(node.kind, language),
            _name(node),
            _detail(node, language),
            node.kind in _MODELS,
            node.licence or "",
        )
        for node in lineage.nodes
    )
    return LineageView(
        lineage_chart(lineage.nodes, lineage.edges, language),
        lines,
        lineage.revision.job_id,
        lineage.is_reproducible,
    )


def lineage_chart(
    nodes: Sequence[Node], edges: Sequence[tuple[str, str]], language: Language = ENGLISH
) -> Markup:
    """The graph; nothing where there is only the student.

    Example:
        >>> nodes = [Node("gold", "gold", rows=48), Node("student", "student", "mini")]
        >>> chart = lineage_chart(nodes, [("gold", "student")])
        >>> "Given labels" in chart, chart.count("<rect"), chart.count("<line")
        (True, 2, 1)
    """
    shown = [node for node in nodes if node.kind in (*_SOURCES, *_MADE, STUDENT)]
    if len(shown) < 2:
        return Markup("")
    columns = [[node for node in shown if node.kind in kinds] for kinds in (_SOURCES, _MADE, (STUDENT,))]
    rows = max(map(len, columns))
    height = 2 * _TOP + _STEP * rows - (_STEP - _BOX)
    places: dict[str, tuple[int, float]] = {}
    for number, column in enumerate(columns):
        free = (rows - len(column)) * _STEP / 2
        places |= {node.id: (number, _TOP + free + _STEP * row) for row, node in enumerate(column)}
    gaps = _gaps([top for column, top in places.values() if column == 1])
    lines = [
        line
        for one, other in edges
        if one in places and other in places
        for line in _lines(places[one], places[other], gaps)
    ]
    boxes = [_box(node, *places[node.id], language) for node in shown]
    spoken = language.gettext("; ").join(
        f"{part_name(node.kind, language)} {_name(node)} {_detail(node, language)}".strip() for node in shown
    )
    return Markup(
        '<svg class="lineage" role="img" aria-label="{spoken}" width="100%" height="{height}">{body}</svg>'
    ).format(spoken=spoken, height=round(height), body=Markup("").join([*lines, *boxes]))


def _gaps(tops: Sequence[float]) -> list[float]:
    """Heights at which a line passes the boxes of a column; none where it holds none.

    Example:
        >>> _gaps([4.0, 62.0])
        [-2.0, 56.0, 114.0]
    """
    half = (_STEP - _BOX) / 2
    return [top - half for top in (*tops, tops[-1] + _STEP)] if tops else []


def _lines(one: tuple[int, float], other: tuple[int, float], gaps: Sequence[float]) -> list[Markup]:
    """From the right edge of a box to the left edge of another; past the boxes of the column between them."""
    start = (_COLUMNS[one[0]][0] + _COLUMNS[one[0]][1], one[1] + _BOX / 2)
    end = (_COLUMNS[other[0]][0], other[1] + _BOX / 2)
    points = [start, end]
    if other[0] - one[0] > 1 and gaps:
        height = min(gaps, key=lambda gap: abs(gap - (start[1] + end[1]) / 2))
        left, width = _COLUMNS[one[0] + 1]
        points = [start, (left, height), (left + width, height), end]
    return [
        Markup('<line class="link" x1="{x1}%" y1="{y1}" x2="{x2}%" y2="{y2}"/>').format(
            x1=a[0], y1=round(a[1]), x2=b[0], y2=round(b[1])
        )
        for a, b in pairwise(points)
    ]


def _box(node: Node, column: int, top: float, language: Language) -> Markup:
    left, width = _COLUMNS[column]
    name, detail = _name(node), _detail(node, language)
    kind = part_name(node.kind, language)
    said = language.gettext(", ").join(filter(None, (kind, name, detail, node.licence)))
    return Markup(
        '<g class="{style}"><title>{said}</title>'
        '<rect class="part" x="{left}%" y="{top}" width="{width}%" height="{box}" rx="8"/>'
        '<svg x="{left}%" y="{top}" width="{width}%" height="{box}">'
        '<text class="tick" x="10" y="18">{kind}</text><text class="name" x="10" y="37">{name}</text></svg></g>'
    ).format(
        style="strong" if node.kind == STUDENT else "weak",
        said=said,
        left=left,
        top=round(top),
        width=width,
        box=_BOX,
        kind=kind,
        name=_cut(name or detail),
    )


def _name(node: Node) -> str:
    return node.name[:_SHORT_COMMIT] if node.kind == "parent" else node.name


def _detail(node: Node, language: Language) -> str:
    if node.share is not None:
        return percent(node.share)
    if node.rows is None:
        return ""
    return language.ngettext("%(num)s row", "%(num)s rows", node.rows)


def _cut(text: str) -> str:
    return text if len(text) <= _NAME_CHARS else text[: _NAME_CHARS - 1] + "…"
