"""Two revisions of a model held against each other: what was measured of them, and their answers about the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool

from gts.core.errors import InvalidInput
from gts.platform.auth import User
from gts.platform.scoring import check_metric, measures_of, score_answers
from gts.platform.services import Services
from gts.platform.versions_chance import chance
from gts.platform.versions_flips import Answers, Verdict, flipped, nearness, verdicts
from gts.platform.versions_rows import AskedRows, given, stored
from gts.platform.versions_sides import judge_of, side_of
from gts.student.layout import StudentManifest
from gts.student.opening import texts_in
from gts.tasks.dataset import Example
from gts.tasks.rows import PairRow, SummaryRow
from gts.tasks.source import Source

_MOST_SHOWN = 50
_SCORES_SHOWN = 3
_FOUND = {"ner": "entities", "relation": "relations", "event": "events"}
_ORDER = (Verdict.WORSE, Verdict.BETTER, Verdict.OTHER)


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
    sides = [await run_in_threadpool(side_of, services, *model, revision) for revision in (old, new)]
    found: dict[str, Any] = {"model": "/".join(model), "old": sides[0].facts, "new": sides[1].facts}
    judge = judge_of(*(side.student for side in sides))
    if isinstance(judge, str):
        if source is not None:
            raise InvalidInput(judge, mend="compare revisions that answer the same kind of rows")
        return found | {"asked": None, "unasked": judge}
    decides = check_metric(metric, judge)
    tested = await run_in_threadpool(given, source, judge) if source is not None else None
    if tested is None and user.token.repositories is None:  # limited tokens see no data of jobs
        tested = await run_in_threadpool(stored, services, user, sides, judge)
    if tested is None:
        why = "no labelled rows were given, and the platform has none of the jobs that made these revisions, or not of yours"
        return found | {"asked": None, "unasked": why}
    asked = tested.rows.asked()
    answers = [await _ask(services, "/".join(model), side.revision.oid, asked) for side in sides]
    result = await run_in_threadpool(hold, judge, tested, answers[0], answers[1], decides)
    return found | {"asked": result, "unasked": None}


def hold(
    judge: StudentManifest, tested: AskedRows, old: Answers, new: Answers, metric: str
) -> dict[str, Any]:
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
