"""A worker process for tests: ``lab_worker.py DATABASE STORE COMPUTE``; its jobs run three stages in a row."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from gts.core.artifacts import ArtifactStore
from gts.core.database import Database
from gts.orchestrator.compute import open_compute
from gts.orchestrator.knock import NoKnock
from gts.orchestrator.reconciler import Reconciler
from gts.orchestrator.records import ModelReference
from gts.orchestrator.stage import StageCall
from gts.orchestrator.worker import Outcome, Worker


def run_job(job, store, compute, recorder):
    """Three stages, each named by its text and reading the one before."""
    inputs, done = {}, []
    for name in job.spec["stages"]:
        params = {"log": f"{job.spec['log']}.{name}", "text": name, "steps": job.spec["steps"]}
        call = StageCall("steps", 1, params, inputs)
        cached = store.find(call.key) is not None
        recorder.stage_started(call, name, 1.0)

        def progress(fraction, message):
            recorder.event("progress", {"fraction": fraction, "message": message})

        result = compute.run(call, progress, recorder.should_stop)
        recorder.stage_finished(call, result, cached)
        inputs = {"before": result.artifact}
        done.append(name)
    text = (store.path(result.artifact) / "text").read_text()
    return Outcome({"text": text}, ModelReference(job.namespace, job.name, "a" * 40))


def main(url, root, kind):
    """Run until SIGTERM."""
    database, store = Database(url), ArtifactStore(Path(root))
    compute = open_compute(kind, store, stages="lab_stages:STAGES", cores=2)
    lease_s = 1.5 if kind == "inline" else 4.0  # starting Ray keeps the whole process busy
    worker = Worker(database, store, compute, run_job, poll_s=0.05, lease_s=lease_s, heartbeat_s=0.3)
    reconciler = Reconciler(database, store, NoKnock(), period_s=0.3)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    reconciler.start()
    print("ready", flush=True)
    worker.run()
    reconciler.stop()
    compute.close()
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
