"""Where a published revision comes from: data, teachers, generators, models and their licences, as a small graph."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gts.platform.published import read_report, read_student
from gts.platform.services import Services
from gts.registry.values import Revision
from gts.student.layout import LINEAGE, StudentManifest

_MOST_BYTES = 4 << 20
STUDENT = "student"
LABELLED = ("gold", "answered", "guessed")
"""Kinds of rows that teachers and students learn from, by their origin."""


@dataclass(frozen=True)
class Node:
    """A part of a lineage.

    Attributes:
        id: Its name in the edges.
        kind: ``gold``, ``answered``, ``guessed``, ``pool``, ``test``, ``base_model``, ``language_model``, ``teacher``,
            ``generator``, ``parent`` or ``student``.
        name: What it is called; empty where the kind says it all.
        licence: Of a model, where it is known.
        rows: How many rows of data there are, or were generated.
        share: Of a teacher, its share of what the teachers say.
        artifact: Digest under which the platform keeps it, where it does.
    """

    id: str
    kind: str
    name: str = ""
    licence: str | None = None
    rows: int | None = None
    share: float | None = None
    artifact: str | None = None


@dataclass(frozen=True)
class Lineage:
    """Where a revision comes from.

    Attributes:
        revision: The commit.
        student: What it is; ``None`` where it is no student of GTS.
        nodes: The parts, the student last.
        edges: Pairs of ids, from what something was made of to what was made.
        task: ``name``, ``type``, ``language``, ``seed`` and ``artifact``, as far as they are known.
        environment: Where it was made: Python, machine, cores, packages; ``None`` where that was not written down.
        is_reproducible: Whether it says how to make the student again.
    """

    revision: Revision
    student: StudentManifest | None
    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]
    task: Mapping[str, Any]
    environment: Mapping[str, Any] | None
    is_reproducible: bool

    def as_json(self) -> dict[str, Any]:
        """As the API gives it."""
        student = self.student
        return {
            "model": self.revision.repository,
            "commit": self.revision.oid,
            "parent": self.revision.parent,
            "created_at": self.revision.created_at,
            "author": self.revision.author,
            "job_id": self.revision.job_id,
            "gts_version": student.gts_version if student else None,
            "task": dict(self.task),
            "environment": self.environment,
            "reproducible": self.is_reproducible,
            "nodes": [asdict(node) for node in self.nodes],
            "edges": [{"from": source, "to": target} for source, target in self.edges],
        }


def lineage_of(services: Services, namespace: str, name: str, revision: str = "main") -> Lineage:
    """The lineage of a revision: what ``lineage.json`` says, or for older ones ``gts.json`` and the report of the job.

    Raises:
        NotFound: There is no such model or revision.
    """
    commit = services.registry.resolve(namespace, name, revision)
    student = read_student(services, commit)
    recorded = _recorded(services, commit)
    told = recorded or (_told(student, read_report(services, commit) or {}) if student else {})
    nodes = tuple(_nodes(told, commit, student))
    calls = _rows(recorded, "calls")
    task = dict(_mapping(told.get("task")))
    if calls:
        task["artifact"] = _mapping(calls[-1].get("inputs")).get("task")
    environment = _environment(_mapping(recorded.get("environment")))
    return Lineage(commit, student, nodes, tuple(_edges(nodes, told)), task, environment, bool(calls))


def _recorded(services: Services, commit: Revision) -> dict[str, Any]:
    content = services.registry.read(commit, LINEAGE, limit=_MOST_BYTES)
    try:
        found = json.loads(content or b"{}")
    except ValueError:  # anyone with a write token may publish any lineage.json
        return {}
    return found if isinstance(found, dict) else {}


def _told(student: StudentManifest, report: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a student that was published before there was a ``lineage.json``, in its form."""
    counts = _mapping(student.metrics.get("counts")) or _mapping(report.get("counts"))
    base = {"id": student.base_model, "licence": student.licence} if student.base_model else None
    return {
        "task": {"name": student.task.name, "type": student.task.type, "language": student.task.language},
        "data": dict(counts),
        "base_model": base,
        "teachers": [row for row in _rows(report, "teachers") if row.get("used")],
        "generators": [row for row in _rows(report, "generators") if row.get("used")],
    }


def _nodes(told: Mapping[str, Any], commit: Revision, student: StudentManifest | None) -> Iterator[Node]:
    data = _mapping(told.get("data"))
    for kind in (*LABELLED, "pool", "test"):
        if rows := _count(data.get(kind)):
            yield Node(kind, kind, rows=rows)
    if base := _mapping(told.get("base_model")):
        yield Node("base_model", "base_model", _text(base.get("id")), _text(base.get("licence")) or None)
    for row in _rows(told, "language_models"):
        name = _text(row.get("name"))
        full = f"{name} ({row['model']})" if row.get("model") and row["model"] != name else name
        yield Node(f"language_model {name}", "language_model", full, _text(row.get("licence")) or None)
    for row in _rows(told, "teachers"):
        name, share = _text(row.get("name")), row.get("weight")
        yield Node(
            f"teacher {name}", "teacher", name, share=share if isinstance(share, int | float) else None
        )
    for row in _rows(told, "generators"):
        name = _text(row.get("name"))
        artifact = _text(row.get("artifact")) or None
        yield Node(
            f"generator {name}", "generator", name, rows=_count(row.get("accepted")), artifact=artifact
        )
    if commit.parent:
        yield Node("parent", "parent", commit.parent)
    licence = student.licence if student else None
    yield Node(STUDENT, STUDENT, student.tier if student else "", licence)


def _edges(nodes: tuple[Node, ...], told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """From what something was made of to what was made of it; test rows made nothing."""
    by_kind: dict[str, list[Node]] = {}
    for node in nodes:
        by_kind.setdefault(node.kind, []).append(node)
    makers = [*by_kind.get("teacher", ()), *by_kind.get("generator", ())]
    labelled = [node for kind in LABELLED for node in by_kind.get(kind, ())]
    asked = {f"{kind} {name}": by for by, kind, name in _asked(told)}
    for maker in makers:
        yield from ((source.id, maker.id) for source in labelled)
        if maker.id in asked:
            yield asked[maker.id], maker.id
        yield maker.id, STUDENT
    if not makers:
        yield from ((source.id, STUDENT) for source in labelled)
    yield from (
        (node.id, STUDENT) for kind in ("pool", "base_model", "parent") for node in by_kind.get(kind, ())
    )


def _asked(told: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Which teachers and generators are language models: node of the model, kind, name."""
    for row in _rows(told, "language_models"):
        name = _text(row.get("name"))
        for kind in ("teacher", "generator"):
            for maker in _rows(told, f"{kind}s"):
                own = _text(maker.get("name"))
                if own == name or own.startswith(f"{name} ("):
                    yield f"language_model {name}", kind, own


def _environment(value: Mapping[str, Any]) -> dict[str, Any] | None:
    packages = {str(name): _text(version) for name, version in _mapping(value.get("packages")).items()}
    if not value:
        return None
    plain = {name: _text(value.get(name)) for name in ("python", "machine")}
    return {**plain, "cores": _count(value.get("cores")), "packages": packages}


def _rows(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = value.get(name)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
