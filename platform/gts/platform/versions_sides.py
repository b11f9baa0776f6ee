"""One of two revisions that are compared: what was measured of it, its size and speed, and what it can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gts.platform.published import read_report, read_student
from gts.platform.services import Services
from gts.registry.values import Revision
from gts.student.layout import StudentManifest

_SPEED = ("parameters", "texts_per_second", "latency_ms")


@dataclass(frozen=True)
class Side:
    """One of the two revisions.

    Attributes:
        revision: The commit.
        student: What its ``gts.json`` says; ``None`` where it is no student.
        facts: What is known of it without asking it anything.
    """

    revision: Revision
    student: StudentManifest | None
    facts: Mapping[str, Any]


def side_of(services: Services, namespace: str, name: str, revision: str) -> Side:
    """A revision with what is known of it.

    Raises:
        NotFound: There is no such model or revision.
    """
    registry = services.registry
    commit = registry.resolve(namespace, name, revision)
    student = read_student(services, commit)
    retired = registry.promotions.retired(namespace, name).get(commit.oid)
    facts: dict[str, Any] = {
        "commit": commit.oid,
        "created_at": commit.created_at,
        "message": commit.message,
        "job_id": commit.job_id,
        "retired": retired.why if retired else None,
        "bytes": sum(file.size for file in registry.files(commit)),
        "type": student.task.type if student else None,
        "tier": student.tier if student else None,
        "labels": len(student.labels) if student else 0,
    }
    measured = student.metrics if student else {}
    facts |= {name: _mapping(measured.get(name)) for name in ("estimate", "measured", "test", "counts")}
    facts["measured_on"] = measured["measured_on"] if isinstance(measured.get("measured_on"), str) else None
    speed = _mapping(measured.get("student")) or _reported_speed(services, commit, measured)
    for what in _SPEED:
        value = speed.get(what)
        facts[what] = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    return Side(commit, student, facts)


def _mapping(value: Any) -> dict[str, Any] | None:
    # Anyone with a write token may publish any gts.json.
    return dict(value) if isinstance(value, Mapping) else None


def _reported_speed(services: Services, commit: Revision, measured: Mapping[str, Any]) -> Mapping[str, Any]:
    """Speed and size of a revision that was published before ``gts.json`` held them, where the report is about it."""
    report = read_report(services, commit) or {}
    if report.get("estimate") != measured.get("estimate"):
        return {}
    found = [row for row in report.get("students") or () if row.get("tier") == report.get("tier")]
    return found[0] if found else {}


def judge_of(old: StudentManifest | None, new: StudentManifest | None) -> StudentManifest | str:
    """What both are, with the labels of both; or why they cannot be asked the same."""
    if old is None or new is None:
        return f"the {'one' if old is None else 'other'} revision holds no student"
    kinds = [(m.task.type, m.multi_label, m.scale, m.entities_given) for m in (old, new)]
    if kinds[0] != kinds[1]:
        said = [f"{m.task.type}{_particulars(m)}" for m in (old, new)]
        return f"one revision is for {said[0]}, the other for {said[1]}: they answer different things"
    return new.model_copy(update={"labels": tuple(dict.fromkeys((*new.labels, *old.labels)))})


def _particulars(student: StudentManifest) -> str:
    found = [
        "several labels a text" if student.multi_label else "",
        f"grades from {student.scale[0]:g} to {student.scale[1]:g}" if student.scale else "",
        "given entities" if student.entities_given else "",
    ]
    told = ", ".join(filter(None, found))
    return f" ({told})" if told else ""
