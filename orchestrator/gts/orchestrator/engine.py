"""The platform's way to run a job: produce a student, then publish it in the registry."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gts.core.artifacts import ArtifactStore
from gts.core.database import Database
from gts.core.errors import Cancelled, Conflict
from gts.generator.wishes import Wish
from gts.orchestrator import asking, reviews
from gts.orchestrator.answered import put_answered
from gts.orchestrator.compute.base import Compute
from gts.orchestrator.lineage import lineage_of
from gts.orchestrator.production import Before, Production, produce_student
from gts.orchestrator.publish import assemble, is_published
from gts.orchestrator.questions import Question, QuestionKind, QuestionState
from gts.orchestrator.recorder import Recorder
from gts.orchestrator.records import Job, ModelReference
from gts.orchestrator.report import report_of
from gts.orchestrator.succession import is_better, with_earlier_student
from gts.orchestrator.taskstore import put_with_wishes
from gts.orchestrator.training_data import publish_data
from gts.orchestrator.worker import Outcome, RunJob
from gts.tasks.dataset import Origin

if TYPE_CHECKING:
    from gts.registry.registry import Registry

CANDIDATE = "candidate"
"""The alias that names the newest student of a model's jobs."""


def job_runner(registry: Registry, database: Database) -> RunJob:
    """A function that runs one job, with what people said of texts that were generated before, and publishes into this registry.

    Budget and goal are those of the job's row, which people may change, not those that its task was stored with.

    Publishing is idempotent by job: a worker killed between the commit and the end of the job finds its
    revision there when the job is run again. A job that was continued publishes again where its student is another one.
    """

    def run_job(job: Job, store: ArtifactStore, compute: Compute, recorder: Recorder) -> Outcome:
        with database.reading() as session:
            said = reviews.of(session, job.namespace, job.name)
            answers = asking.answers_of(session, job.namespace, job.name)
            asked = asking.asked_by(session, job.id)
        wishes = [Wish(review.text, review.new_text, review.labels) for review in said]
        task = put_answered(store, put_with_wishes(store, job.task_artifact, job.spec), answers)
        said_to = [q for q in asked if q.state in (QuestionState.ANSWERED, QuestionState.SKIPPED)]
        before = Before(len(said_to), tuple(question.subject for question in said_to))
        production = produce_student(task, store, compute, recorder, wishes, before=before)
        report = report_of(production)
        if recorder.should_stop():
            raise Cancelled("the job was stopped before its student was published")
        report, model = _publish(job, store, production, report)
        questions = tuple(_question(job, row) for row in production.questions)
        report["questions"] = {"answered": len(said_to), "open": len(questions)}
        return Outcome(report, model, questions)

    def _publish(
        job: Job, store: ArtifactStore, production: Production, report: dict[str, Any]
    ) -> tuple[dict[str, Any], ModelReference]:
        """Publish the student, unless the one that the job has published before is better; with the report that belongs to it."""
        if job.model is not None and job.report and is_better(job.report, report):
            return with_earlier_student(job.report, report), job.model
        folder = Path(tempfile.mkdtemp(dir=store.root / "tmp"))
        try:
            lineage = lineage_of(production, report)
            repository = f"{job.namespace}/{job.name}"
            assemble(store, production.package, report, lineage, folder, repository, production.held_out)
            # The registry knows more than the job where an attempt died after it had published.
            newest = registry.published_by(job.namespace, job.name, job.id)
            last = ModelReference(job.namespace, job.name, newest.oid) if newest else job.model
            if last is not None and is_published(registry, last, folder):
                _nominate(registry, job, last)
                return report, last
            # The model comes last: where its revision is there, so is all else.
            publish_data(registry, job, production, report, store)
            revision = registry.publish(
                job.namespace,
                job.name,
                folder,
                message=f"{report['tier']} student, {report['estimate']['metric']} {report['estimate']['value']:.3f}",
                author=job.owner,
                job_id=job.id,
                card={"tier": report["tier"], "estimate": report["estimate"], "language": report["language"]},
                published=last.revision if last else None,
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        made = ModelReference(job.namespace, job.name, revision.oid)
        _nominate(registry, job, made)
        return report, made

    return run_job


def _nominate(registry: Registry, job: Job, made: ModelReference) -> None:
    """Let ``candidate`` name what a job has published; ``production`` is for people to move.

    Where the name is a branch or tag of theirs, or the revision is retired, it stays as it is.
    """
    with suppress(Conflict):
        registry.promotions.promote(
            made.namespace, made.name, CANDIDATE, made.revision, by=job.owner, job_id=job.id
        )


def _question(job: Job, row: Mapping[str, Any]) -> Question:
    return Question.new(
        job.id,
        QuestionKind(row["kind"]),
        row["payload"],
        row["reason"],
        origin=Origin(row["origin"]),
        batch=job.fence,
    )
