"""An engine that publishes the tiny student; task names steer it: `slow-...` takes its time, `broken-...` fails."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tiny_student import write_tiny_student

from gts.core.errors import Cancelled, StageFailed
from gts.orchestrator.records import ModelReference
from gts.orchestrator.worker import Outcome

STAGES = {}
MEASURED = {"metric": "accuracy", "value": 0.9, "low": 0.8, "high": 0.95, "n": 4, "method": "cross-fitting"}


def make(registry):
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
                job.namespace, job.name, student, "made by a test", author=job.owner, job_id=job.id
            )
        return Outcome(report(job.name), ModelReference(job.namespace, job.name, revision.oid))

    return run_job


def report(name):
    return {
        "name": name,
        "tier": "static",
        "estimate": MEASURED,
        "seed_only": MEASURED,
        "stages": [
            {"name": "teach", "detail": "encoder", "seconds": 1.0, "forecast_seconds": 2.0, "cached": False}
        ],
        "students": [{"tier": "static", "estimate": 0.9, "bytes": 1000, "texts_per_second": 1000}],
        "decisions": [{"action": "distil", "reason": "it helps"}],
        "test": None,
        "notes": [],
        "seconds": 1.5,
    }
