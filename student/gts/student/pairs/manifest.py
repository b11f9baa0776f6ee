"""What ``gts.json`` says of a student of text pairs."""

from __future__ import annotations

from typing import Literal

from gts.core.errors import Damaged
from gts.student.layout import StudentManifest, TaskInfo
from gts.student.pairs.calibration import Calibration, Decision
from gts.student.pairs.lessons import Scale

Form = Literal["cross", "bi", "static"]
"""How a student reads a pair: both texts at once, each by itself with a transformer, or as means of token vectors."""

OUTPUTS = ("similar",)
"""The one output of every student of pairs."""


def pair_manifest(
    task: TaskInfo,
    form: Form,
    decision: Decision | None = None,
    scale: Scale | None = None,
    base_model: str | None = None,
    max_length: int = 128,
) -> StudentManifest:
    """The manifest of a student of pairs.

    Args:
        task: What it was made for.
        form: How it reads a pair.
        decision: Calibration and threshold.
        scale: Least and greatest grade, where pairs are graded.
        base_model: Name of the model it descends from.
        max_length: Tokens that are read: of a pair (``cross``) or of each text.

    Example:
        >>> manifest = pair_manifest(TaskInfo(name="twins", type="similarity"), "bi")
        >>> manifest.tier, manifest.decision["threshold"]
        ('mini', 0.5)
    """
    return StudentManifest(
        task=task,
        labels=OUTPUTS,
        tier="static" if form == "static" else "mini",
        base_model=base_model,
        max_length=max_length,
        scale=scale,
        decision=(decision or Decision()).to_json(),
    )


def decision_of(manifest: StudentManifest) -> Decision:
    """How the student's raw probabilities become answers.

    Raises:
        StorageError: The manifest is not that of a student of pairs.
    """
    said = manifest.decision
    if manifest.task.type != "similarity" or not 0 <= said.get("threshold", 0.5) <= 1:
        raise Damaged(
            f"gts.json of {manifest.task.name} is that of a {manifest.task.type} student with the decision {said}; "
            "a similarity student with a threshold from 0 to 1 was expected",
            mend="load it with the runtime of its task type, or produce the student again",
        )
    calibration = Calibration(said.get("slope", 1.0), said.get("intercept", 0.0))
    return Decision(calibration, said.get("threshold", 0.5))
