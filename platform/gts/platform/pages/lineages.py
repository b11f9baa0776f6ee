"""The lineage of a model as a small graph: sources on the left, what was made of them in the middle, the student on the right.

Positions are percentages of the width, as in :mod:`gts.platform.pages.charts`; colours and fonts come from the style sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gts.platform.pages.languages import ENGLISH, Language
from gts.platform.pages.wording import percent
from gts.platform.pages.words import part_name
from gts.platform.versions_lineage import LABELLED, STUDENT, Lineage, Node

_SOURCES = (*LABELLED, "pool", "base_model", "language_model")
_MADE = ("teacher", "generator", "parent")
_COLUMNS = ((0.5, 30.0), (35.0, 30.0), (69.5, 30.0))  # left edge and width
_BOX, _STEP, _TOP = 46, 58, 4
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
    lines = [_line(places[one], places[other]) for one, other in edges if one in places and other in places]
    boxes = [_box(node, *places[node.id], language) for node in shown]
    spoken = language.gettext("; ").join(
        f"{part_name(node.kind, language)} {_name(node)} {_detail(node, language)}".strip() for node in shown
    )
    return Markup(
        '<svg class="lineage" role="img" aria-label="{spoken}" width="100%" height="{height}">{body}</svg>'
    ).format(spoken=spoken, height=round(height), body=Markup("").join([*lines, *boxes]))


def _line(one: tuple[int, float], other: tuple[int, float]) -> Markup:
    """From the right edge of a box to the left edge of another."""
    left, width = _COLUMNS[one[0]]
    return Markup('<line class="link" x1="{x1}%" y1="{y1}" x2="{x2}%" y2="{y2}"/>').format(
        x1=left + width, y1=round(one[1] + _BOX / 2), x2=_COLUMNS[other[0]][0], y2=round(other[1] + _BOX / 2)
    )


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
