"""When a job asks people, and how much at a time."""

from __future__ import annotations

from gts.orchestrator.choosing import best_trial, target_is_met
from gts.orchestrator.evidence import Evidence
from gts.orchestrator.planner import Action, Kind

BATCH = 10
"""Questions at a time: the student learns from their answers before it chooses the next."""
_POSE_S = 8.0


def ask_people(evidence: Evidence) -> Action | None:
    """Choose questions, where a person is willing to answer some, and the student is not good enough yet."""
    trial = best_trial(evidence)
    if evidence.asked is not None or trial is None or target_is_met(evidence):
        return None
    count = min(BATCH, evidence.left_questions)
    if not count or evidence.spec.type == "summarization":
        return None
    reason = f"choose up to {count} questions whose answers would help the student most"
    return Action(Kind.ASK, reason, _POSE_S)
