"""Learning from traffic: rows that were kept become unlabelled rows of the job that made the model, which goes on with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gts.core.errors import Conflict, NotFound
from gts.orchestrator import asking, jobs, steering
from gts.orchestrator.records import Job
from gts.orchestrator.widening import put_widened, unseen_rows
from gts.platform.auth import User
from gts.platform.services import Services
from gts.platform.traffic import stored
from gts.tasks.wording import counted

MOST_ROWS = 2_000
_MOST_LOOKED_AT = 20_000


@dataclass(frozen=True)
class Improvement:
    """A job that goes on with rows of its model's traffic.

    Attributes:
        job: The job.
        kept: Rows that were looked at.
        added: Rows that it got.
        unsure: How many of these were chosen because the model was least sure of them.
    """

    job: Job
    kept: int
    added: int
    unsure: int


def improve(
    services: Services,
    user: User,
    namespace: str,
    name: str,
    *,
    most: int = MOST_ROWS,
    questions: int | None = None,
    seconds: float | None = None,
) -> Improvement:
    """Let the job that made a model go on with rows that the model was asked about.

    Rows that the job has in its data are left out. Of more than ``most`` others half are those of which the model was least sure, half
    are drawn at random.

    Args:
        services: The platform.
        user: Who asks; the job must be theirs.
        namespace: Namespace of the model.
        name: Its name.
        most: At most so many rows.
        questions: Questions that the person is willing to answer from here on; ``None``: as many as before.
        seconds: Seconds of all stages; ``None``: as before.

    Raises:
        NotFound: There is no such model, or no job of this user has made it.
        Conflict: Nothing is kept, or nothing that the job does not have, or the job is in the queue or runs.
        StorageError: The disk is full; nothing of it remains.
    """
    job = _job_of(services, user, namespace, name)
    model = f"{namespace}/{name}"
    if job.state.is_active:
        raise Conflict(
            f"the job that made {model} is {job.state.value}", mend="wait until it has ended", job=job.id
        )
    services.traffic.flush()
    with services.database.reading() as session:
        repository = stored.repository_of(session, services.registry.resolve(namespace, name, "main").oid)
        kept = stored.texts_of(session, repository, _MOST_LOOKED_AT)
    if not kept:
        raise Conflict(
            f"nothing that {model} was asked is kept",
            mend=f"keep it from now on: `gts traffic log {model} --share 1`",
        )
    unseen = unseen_rows(services.store, job.task_artifact, [row for row, _ in kept])
    if not unseen:
        raise Conflict(
            f"{counted(len(kept), 'row')} of {model} {'is' if len(kept) == 1 else 'are'} kept, "
            "and the job that made it has all of them",
            mend="wait until it has been asked something else",
        )
    numbers = list(unseen)
    fair, unsure = choose([kept[number][1] for number in numbers], most)
    note = f"{counted(len(fair) + len(unsure), 'row')} of recent traffic added to what is unlabelled"
    if unsure:
        note += f", {len(unsure)} of them since the model was least sure there"
    artifact = put_widened(
        services.store,
        job.task_artifact,
        [unseen[numbers[place]] for place in fair],
        picked=[unseen[numbers[place]] for place in unsure],
        note=note,
    )
    job = _continued(services, user, job, artifact, questions, seconds)
    return Improvement(job, len(kept), len(fair) + len(unsure), len(unsure))


def choose(confidences: Sequence[float | None], most: int, seed: int = 0) -> tuple[list[int], list[int]]:
    """Which of many rows to learn from: a fair sample of them, and then those of which the model was least sure.

    Args:
        confidences: Of each row; ``None`` where nobody knows.
        most: How many rows at most.
        seed: Says which are drawn.

    Returns:
        Places of rows drawn at random, and of those chosen for what they are: none where all are taken or no confidence is known.

    Example:
        >>> choose([0.9, 0.8, 0.1, 0.7], 2)
        ([3], [2])
    """
    known = [place for place, value in enumerate(confidences) if value is not None]
    if len(confidences) <= most:
        return list(range(len(confidences))), []
    unsure = sorted(known, key=lambda place: (confidences[place], place))[: most // 2]
    rest = sorted(set(range(len(confidences))) - set(unsure))
    drawn = np.random.default_rng(seed).permutation(rest)[: most - len(unsure)]
    return sorted(drawn.tolist()), unsure


def _job_of(services: Services, user: User, namespace: str, name: str) -> Job:
    """The job of the user that made the newest revision that a job has made."""
    head = services.registry.resolve(namespace, name, "main")
    for revision in services.registry.history(namespace, name, head.oid):
        if revision.job_id is None:
            continue
        try:
            with services.database.reading() as session:
                return jobs.get(session, revision.job_id, owner=user.owner)
        except NotFound:  # another person's, or of another installation
            continue
    raise NotFound(
        f"no job of yours has made {namespace}/{name}",
        mend="submit a task of this name; its job can be continued with traffic from then on",
    )


def _continued(
    services: Services, user: User, job: Job, artifact: str, questions: int | None, seconds: float | None
) -> Job:
    with services.database.writing() as session:
        if jobs.get(session, job.id).task_artifact != job.task_artifact:
            raise Conflict(
                "somebody else has given the job other data at the same moment", mend="look at it first"
            )
        budget: dict[str, Any] = {}
        if questions is not None:
            done = asking.counts(session, job.id)
            budget["questions"] = done["answered"] + done["skipped"] + questions
        if seconds is not None:
            budget["seconds"] = seconds
        job = steering.continue_(
            session,
            job.id,
            {"budget": budget},
            by=user.who,
            task_artifact=artifact,
            why="with recent traffic",
        )
    services.knock.knock(job.id)
    return job
