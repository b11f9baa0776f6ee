"""Two revisions of a model held against each other: what was measured of them, and their answers about the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from gts.core.errors import InvalidInput, NotFound, TooLarge
from gts.orchestrator import jobs
from gts.platform.auth import User
from gts.platform.datafiles import LabelledFile, read_test
from gts.platform.published import read_report
from gts.platform.scoring import check_metric, measures_of, score_answers
from gts.platform.services import Services
from gts.platform.versions_chance import chance
from gts.platform.versions_flips import Answers, Verdict, flipped, nearness, verdicts
from gts.registry.values import Revision
from gts.student.layout import MANIFEST, StudentManifest
from gts.student.opening import texts_in
from gts.tasks.dataset import Example
from gts.tasks.rows import PairRow, SummaryRow
from gts.tasks.saving import AnyTask, load_any_task
from gts.tasks.source import Source

MOST_ROWS = 5000
"""Most rows that two revisions are asked about."""
_MOST_SHOWN = 50
_SCORES_SHOWN = 3
_SPEED = ("parameters", "texts_per_second", "latency_ms")
_FOUND = {"ner": "entities", "relation": "relations", "event": "events"}
_ORDER = (Verdict.WORSE, Verdict.BETTER, Verdict.OTHER)

Origin = Literal["given", "test", "gold"]


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


@dataclass(frozen=True)
class Tested:
    """Labelled rows that both are asked about.

    Attributes:
        rows: The rows, and what they are asked as.
        origin: ``given`` with the request; ``test`` or ``gold`` of the job that made one of the two.
        notes: What one must know of them.
    """

    rows: LabelledFile
    origin: Origin
    notes: tuple[str, ...] = ()


async def compare(
    services: Services,
    user: User,
    model: tuple[str, str],
    old: str,
    new: str,
    *,
    source: Source | None = None,
    metric: str | None = None,
) -> dict[str, Any]:
    """Compare two revisions.

    Args:
        services: The platform.
        user: Who asks; rows of a job are for its owner only.
        model: Namespace and name.
        old: One revision.
        new: The other.
        source: Labelled rows; without them those that the job of one of the two has stored.
        metric: The measure that decides.

    Returns:
        ``model``, ``old`` and ``new`` (facts of each), ``asked`` (see :func:`hold`), and ``unasked``: why it is ``None``.

    Raises:
        NotFound: There is no such model or revision.
        InvalidInput: A row is not one of the task, or rows are given and the two cannot be asked the same.
        TooLarge: There are too many rows.
        Overloaded: Too many predictions are being made.
    """
    sides = [await run_in_threadpool(_side, services, *model, revision) for revision in (old, new)]
    found: dict[str, Any] = {"model": "/".join(model), "old": sides[0].facts, "new": sides[1].facts}
    judge = _judge(*(side.student for side in sides))
    if isinstance(judge, str):
        if source is not None:
            raise InvalidInput(judge, mend="compare revisions that answer the same kind of rows")
        return found | {"asked": None, "unasked": judge}
    decides = check_metric(metric, judge)
    tested = await run_in_threadpool(_given, source, judge) if source is not None else None
    if tested is None:
        tested = await run_in_threadpool(_stored, services, user, sides, judge)
    if tested is None:
        why = "no labelled rows were given, and the platform has none of the jobs that made these revisions, or not of yours"
        return found | {"asked": None, "unasked": why}
    asked = tested.rows.asked()
    answers = [await _ask(services, "/".join(model), side.revision.oid, asked) for side in sides]
    result = await run_in_threadpool(hold, judge, tested, answers[0], answers[1], decides)
    return found | {"asked": result, "unasked": None}


def hold(judge: StudentManifest, tested: Tested, old: Answers, new: Answers, metric: str) -> dict[str, Any]:
    """Hold the answers of two students about the same rows against each other.

    Args:
        judge: What the students are, with the labels of both.
        tested: The rows.
        old: What the one answered.
        new: What the other answered.
        metric: The measure that decides.

    Returns:
        ``n``, ``origin``, ``notes``, ``metric``; ``measures``: name to ``old`` and ``new``; ``per_label``: F1 of each label or
        type; ``chance``: whether the difference is more than chance, with ``sentence``; ``flipped``: ``count``, ``better``,
        ``worse``, ``other``; and ``examples``, some of the rows that flipped, the worse ones first.
    """
    rows = tested.rows.rows
    scores = [score_answers(judge, rows, answers, metric) for answers in (old, new)]
    per_label = [score.get("per_label") or score.get("per_type") or {} for score in scores]
    differs = flipped(judge, old, new)
    became = verdicts(differs, *(nearness(judge, rows, answers) for answers in (old, new)))
    flips = [number for kind in _ORDER for number, verdict in enumerate(became) if verdict is kind]
    asked = tested.rows.asked()
    return {
        "n": len(rows),
        "origin": tested.origin,
        "notes": [*tested.notes, *tested.rows.notes],
        "metric": metric,
        "measures": {
            name: {"old": scores[0][name], "new": scores[1][name]}
            for name in measures_of(judge)
            if name in scores[0]
        },
        "per_label": {
            name: {side: per_label[i].get(name, {}).get("f1") for i, side in enumerate(("old", "new"))}
            for name in dict.fromkeys([*per_label[0], *per_label[1]])
        },
        "chance": chance(judge, judge.labels, rows, old, new, metric).as_json(),
        "flipped": {
            "count": int(differs.sum()),
            **{kind.value: sum(verdict is kind for verdict in became) for kind in Verdict},
        },
        "examples": [
            {
                "row": asked[number],
                "wanted": _wanted(rows[number], judge),
                "old": _shown(old[number]),
                "new": _shown(new[number]),
                "verdict": verdict.value,
            }
            for number in flips[:_MOST_SHOWN]
            if (verdict := became[number]) is not None
        ],
    }


def read_student(services: Services, revision: Revision) -> StudentManifest | None:
    """What a revision's ``gts.json`` says; ``None`` where it has none that says what a student is."""
    content = services.registry.read(revision, MANIFEST)
    try:
        return StudentManifest.model_validate_json(content) if content else None
    except ValidationError:  # anyone with a write token may publish any gts.json
        return None


def _side(services: Services, namespace: str, name: str, revision: str) -> Side:
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


def _judge(old: StudentManifest | None, new: StudentManifest | None) -> StudentManifest | str:
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


def _given(source: Source, judge: StudentManifest) -> Tested:
    rows = read_test(source, judge)
    if len(rows.rows) > MOST_ROWS:
        raise TooLarge(
            f"{len(rows.rows):,} rows; two revisions are asked about {MOST_ROWS:,} at most",
            mend="send a part of them, drawn at random",
        )
    return Tested(rows, "given")


def _stored(services: Services, user: User, sides: Sequence[Side], judge: StudentManifest) -> Tested | None:
    """Rows of the jobs that made the two, the newer first: test rows, else those that students learnt from."""
    tasks = [
        task for side in reversed(sides) if (task := _task_of(services, user, side.revision)) is not None
    ]
    tasks = [task for task in tasks if _fits(task, judge)]
    learnt = {_key(row) for task in tasks for row in task.gold}
    for task in tasks:
        if task.test:
            unseen = [row for row in task.test if _key(row) not in learnt]
            left_out = len(task.test) - len(unseen)
            notes = (
                (f"{left_out} test rows that one of the two has learnt from are left out",)
                if left_out
                else ()
            )
            if unseen:
                return Tested(LabelledFile(unseen[:MOST_ROWS]), "test", notes)
    note = "the students have learnt from these rows: they show what changed, not which of the two is better"
    for task in tasks:
        rows = [
            row for row in task.gold if not isinstance(row, Example) or set(row.labels) <= set(judge.labels)
        ]
        if rows:
            return Tested(LabelledFile(rows[:MOST_ROWS]), "gold", (note,))
    return None


def _task_of(services: Services, user: User, revision: Revision) -> AnyTask | None:
    if revision.job_id is None:
        return None
    try:
        with services.database.reading() as session:
            job = jobs.get(session, revision.job_id, owner=user.owner)
        return load_any_task(services.store.path(job.task_artifact), with_pool=False)
    except NotFound:  # another person's job, or its data is not kept any more
        return None


def _fits(task: AnyTask, judge: StudentManifest) -> bool:
    spec = task.spec
    return (spec.type, bool(spec.multi_label), spec.scale, bool(spec.entities_given)) == (
        judge.task.type,
        judge.multi_label,
        judge.scale,
        judge.entities_given,
    ) and set(spec.labels) <= set(judge.labels)


def _key(row: Any) -> tuple[str, ...]:
    return (row.text_a, row.text_b) if isinstance(row, PairRow) else (row.text,)


async def _ask(
    services: Services, model: str, commit: str, rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for batch in _batches(rows, services.settings.max_texts, services.settings.max_request_chars):
        found += (await services.students.predict(model, commit, batch, is_traffic=False))[1]
    return found


def _batches(
    rows: Sequence[Mapping[str, Any]], most: int, most_chars: int
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Rows in parts that one request for predictions may have.

    Example:
        >>> [len(part) for part in _batches([{"text": "abc"}] * 5, 2, 100)]
        [2, 2, 1]
    """
    part: list[Mapping[str, Any]] = []
    chars = 0
    for row in rows:
        size = sum(map(len, texts_in(row)))
        if part and (len(part) == most or chars + size > most_chars):
            yield part
            part, chars = [], 0
        part.append(row)
        chars += size
    if part:
        yield part


def _wanted(row: Any, judge: StudentManifest) -> dict[str, Any]:
    """What a row is labelled with, in the form of an answer."""
    if isinstance(row, Example):
        return {"labels": list(row.labels)}
    if isinstance(row, PairRow):
        return {"score": row.score, "alike": row.score == 1 if judge.scale is None else None}
    if isinstance(row, SummaryRow):
        return {"summary": row.summary}
    what = _FOUND[judge.task.type]
    return {what: _with_words(row.found.ordered().to_json().get(what, []), row.text)}


def _with_words(value: Any, text: str) -> Any:
    """Every place of a structure with the words that stand there."""
    if isinstance(value, list):
        return [_with_words(item, text) for item in value]
    if not isinstance(value, dict):
        return value
    words = {"text": text[value["start"] : value["end"]]} if "start" in value else {}
    return {key: _with_words(item, text) for key, item in value.items()} | words


def _shown(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer; of a classifier's scores the highest."""
    return {**answer, "scores": answer["scores"][:_SCORES_SHOWN]} if "scores" in answer else dict(answer)
