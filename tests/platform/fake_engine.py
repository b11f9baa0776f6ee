"""An engine that publishes the tiny student; task names steer it.

`slow-...` takes its time, `broken-...` fails, `asking-...` waits for answers after its first attempt.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from tiny_student import write_tiny_student

from gts.core.errors import Cancelled, StageFailed
from gts.orchestrator.questions import Question, QuestionKind
from gts.orchestrator.records import ModelReference
from gts.orchestrator.worker import Outcome
from gts.tasks.dataset import Origin

STAGES = {}
MEASURED = {"metric": "accuracy", "value": 0.9, "low": 0.8, "high": 0.95, "n": 4, "method": "cross-fitting"}


def make(registry, database):
    def run_job(job, store, compute, recorder):
        store.path(job.task_artifact)
        for step in range(200 if job.name.startswith("slow") else 2):
            if recorder.should_stop():
                raise Cancelled("stopped")
            recorder.event("message", {"message": f"step {step}"})
            time.sleep(0.05)
        if job.name.startswith("broken"):
            raise StageFailed("the stage broke", mend="mend it")
        with tempfile.TemporaryDirectory() as folder:
            student = write_tiny_student(Path(folder) / "student", job.name)
            revision = registry.publish(
                job.namespace,
                job.name,
                student,
                "made by a test",
                author=job.owner,
                job_id=job.id,
                published=job.model.revision if job.model else None,
            )
        made = report(job.name, job.spec, write_judged(store, JUDGED))
        asks = job.name.startswith("asking") and job.fence == 1
        made["questions"] = {"answered": 0, "open": 2 * asks}
        questions = tuple(question(job, text) for text in ("is it here?", "is it there?") if asks)
        return Outcome(made, ModelReference(job.namespace, job.name, revision.oid), questions)

    return run_job


def question(job, text):
    payload = {"text": text, "options": ["billing", "delivery"]}
    return Question.new(job.id, QuestionKind.LABEL, payload, "it stands for many", origin=Origin.POOL)


def judged(text, label="billing", kind="", **changed):
    """A generated text as the generate stage writes it down; with a ``kind`` it was dropped."""
    row = {
        "text": text,
        "labels": [label],
        "generator": "embedded",
        "seeds": ["refund me", "I paid twice"],
        "scores": {"value": 0.5},
        "kept": not kind,
        "kind": kind,
        "reason": f"the filter {kind} says so" if kind else "",
    }
    return row | changed


JUDGED = (
    judged("refund me twice"),
    judged("I paid for the parcel", kind="teacher"),
    judged("where is the late parcel", "delivery"),
    judged("refund me", kind="copy"),
    judged("no parcel is late", "delivery"),
)


def write_judged(store, rows):
    """Store generated texts; returns the digest."""
    with store.workspace() as workspace:
        folder = workspace / "out"
        folder.mkdir()
        (folder / "judged.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        return store.commit(folder)


def report(name, spec, artifact):
    return {
        "name": name,
        "type": "classification",
        "labels": list(spec["labels"]),
        "language": "en",
        "multi_label": bool(spec["multi_label"]),
        "tier": "static",
        "published": "student",
        "estimate": MEASURED,
        "seed_only": MEASURED,
        "stages": [
            {"name": "teach", "detail": "encoder", "seconds": 1.0, "forecast_seconds": 2.0, "cached": False}
        ],
        "generators": [
            {
                "name": "embedded",
                "used": True,
                "reason": "with its texts the student was better",
                "accepted": 3,
                "rejected": {"copy": 1, "teacher": 1},
                "artifact": artifact,
            }
        ],
        "generation_note": None,
        "students": [{"tier": "static", "estimate": 0.9, "bytes": 1000, "texts_per_second": 1000}],
        "decisions": [{"action": "distil", "reason": "it helps"}],
        "test": None,
        "notes": [],
        "seconds": 1.5,
    }
