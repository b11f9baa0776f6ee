"""The platform's way to run a job: produce a student, then publish it in the registry."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gts.core.artifacts import ArtifactStore
from gts.core.database import Database
from gts.core.errors import Cancelled
from gts.generator.wishes import Wish
from gts.orchestrator import reviews
from gts.orchestrator.compute.base import Compute
from gts.orchestrator.production import produce_student
from gts.orchestrator.publish import assemble
from gts.orchestrator.recorder import Recorder
from gts.orchestrator.records import Job, ModelReference
from gts.orchestrator.report import report_of
from gts.orchestrator.worker import Outcome, RunJob

if TYPE_CHECKING:
    from gts.registry.registry import Registry


def job_runner(registry: Registry, database: Database) -> RunJob:
    """A function that runs one job, with what people said of texts that were generated before, and publishes into this registry.

    Publishing is idempotent by job: a worker killed between the commit and the end of the job finds its
    revision there when the job is run again.
    """

    def run_job(job: Job, store: ArtifactStore, compute: Compute, recorder: Recorder) -> Outcome:
        with database.reading() as session:
            said = reviews.of(session, job.namespace, job.name)
        wishes = [Wish(review.text, review.new_text, review.labels) for review in said]
        production = produce_student(job.task_artifact, store, compute, recorder, wishes)
        report = report_of(production)
        if recorder.should_stop():
            raise Cancelled("the job was stopped before its student was published")
        folder = Path(tempfile.mkdtemp(dir=store.root / "tmp"))
        try:
            assemble(store, production.package, report, folder, f"{job.namespace}/{job.name}")
            revision = registry.publish(
                job.namespace,
                job.name,
                folder,
                message=f"{report['tier']} student, {report['estimate']['metric']} {report['estimate']['value']:.3f}",
                author=job.owner,
                job_id=job.id,
                card={"tier": report["tier"], "estimate": report["estimate"], "language": report["language"]},
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return Outcome(report, ModelReference(job.namespace, job.name, revision.oid))

    return run_job
