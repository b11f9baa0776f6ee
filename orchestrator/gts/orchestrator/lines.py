"""What differs between task types in the making of a student: how data is counted, who plans, and how actions are done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gts.orchestrator import actions, guessing, row_actions, row_trials, trials
from gts.orchestrator.course import ClassificationCourse
from gts.orchestrator.decisions import Decisions
from gts.orchestrator.estimate import Estimate
from gts.orchestrator.evidence import Trial
from gts.orchestrator.planner import Action, Course, Kind, Planner
from gts.orchestrator.row_course import RowCourse
from gts.orchestrator.run import Run
from gts.orchestrator.runner import StageRunner
from gts.orchestrator.strategies import STRATEGIES
from gts.student.selective import HeldOut
from gts.tasks.spec import TaskSpec

Do = Callable[[Run[Any], Action], str]
"""Does an action, brings what it gave into the run, and says what came of it."""


@dataclass(frozen=True)
class Line:
    """One way of production.

    Attributes:
        prepare: Makes of the data what stages work on, before anything else, and has the runner give them that; returns what
            the driver needs of it.
        profile: Name of the stage that counts the data.
        course: What can be done.
        actions: How each kind of action is done.
        expected: What the better twin of a trial can be expected to reach on new texts.
        held_out: How sure it was of labelled rows that it had not seen.
    """

    prepare: Callable[[StageRunner, Any, Decisions], Any]
    profile: str
    course: Course
    actions: Mapping[Kind, Do]
    expected: Callable[[Run[Any], Trial], Estimate]
    held_out: Callable[[Run[Any], Trial], HeldOut | None]


_CLASSIFICATION = Line(
    guessing.prepare,
    "profile",
    ClassificationCourse(),
    {
        Kind.TEACH: actions.teach,
        Kind.EXAMINE: actions.examine,
        Kind.CONSULT: actions.consult,
        Kind.SEED: actions.seed,
        Kind.DISTIL: actions.distil,
        Kind.MORE: actions.more,
        Kind.REFINE: actions.refine,
        Kind.GENERATE: actions.generate,
        Kind.FORGO: actions.forgo,
        Kind.ASK: actions.ask,
        Kind.PACKAGE: actions.package,
        Kind.EVALUATE: actions.evaluate,
    },
    trials.expected,
    trials.held_out,
)
_ROWS = Line(
    row_actions.prepare,
    "rows.profile",
    RowCourse(),
    {
        Kind.TEACH: row_actions.teach,
        Kind.EXAMINE: row_actions.examine,
        Kind.CONSULT: row_actions.consult,
        Kind.DISTIL: row_actions.distil,
        Kind.SEED: row_actions.seed,
        Kind.GENERATE: row_actions.generate,
        Kind.FORGO: actions.forgo,
        Kind.ASK: row_actions.ask,
        Kind.PACKAGE: row_actions.package,
        Kind.EVALUATE: row_actions.evaluate,
    },
    row_trials.expected,
    row_trials.held_out,
)


def line_of(task_type: str) -> Line:
    """The line that makes students of a task type."""
    return _CLASSIFICATION if task_type == "classification" else _ROWS


def planner_of(spec: TaskSpec) -> Planner:
    """The planner of a task: the course of its type, by the strategy that the person wants."""
    return Planner(line_of(spec.type).course, STRATEGIES[spec.planner.strategy](spec))
