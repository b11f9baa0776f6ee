"""The label doctor: what a person may want to mend in the labels before anything is spent. It never blocks."""

from __future__ import annotations

from gts.tasks.diagnosis.classification import label_findings
from gts.tasks.diagnosis.extraction import mark_findings
from gts.tasks.diagnosis.finding import Finding, arranged
from gts.tasks.diagnosis.pairs import pair_findings
from gts.tasks.diagnosis.summaries import summary_findings
from gts.tasks.rows import RowTask
from gts.tasks.saving import AnyTask


def diagnose(task: AnyTask) -> tuple[Finding, ...]:
    """Look over the labels of a checked task.

    What reading it has told already, as an error or a note, is not said again. Of many examples a part is compared,
    drawn with a fixed seed, so that it takes a second at most; findings say so. Nothing is learnt and nothing is loaded.

    Args:
        task: The task; what is unlabelled is not looked at.

    Returns:
        Findings, the most important first, at most five of a kind.

    Example:
        >>> from gts.tasks.dataset import Example, TaskData
        >>> from gts.tasks.spec import TaskSpec
        >>> spec = TaskSpec.model_validate({"name": "mail", "labels": ["refund", "refunds"]})
        >>> found = diagnose(TaskData(spec, (Example("pay me back", ("refund",)), Example("my money", ("refunds",)))))
        >>> [(finding.kind, finding.subject) for finding in found]
        [('few', ('refund', 'refunds')), ('names', ('refund', 'refunds'))]
    """
    if not isinstance(task, RowTask):
        return arranged(label_findings(task))
    if task.spec.type == "similarity":
        return arranged(pair_findings(task))
    if task.spec.type == "summarization":
        return arranged(summary_findings(task))
    return arranged(mark_findings(task))
