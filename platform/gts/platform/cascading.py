"""Asking a served student and, where it is not sure, a language model."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool

from gts.core.errors import InvalidInput, NotFound
from gts.core.llm.entry import ModelEntry
from gts.orchestrator import jobs
from gts.platform.cascade import AskTeacher, Rows, cascade
from gts.platform.fallback import Teacher, allowed, gold_of
from gts.platform.services import Services
from gts.platform.serving.engine import split_model
from gts.platform.serving.values import Served
from gts.tasks.dataset import TaskData


async def ask_cascade(
    services: Services,
    model: str,
    revision: str,
    rows: Rows,
    max_error: float,
    fallback: str | None,
    *,
    is_traffic: bool = True,
) -> dict[str, Any]:
    """The answers of a student that is sure enough, of a language model for the rest, and the account of both.

    Args:
        services: The platform.
        model: ``namespace/name``.
        revision: Commit, branch or alias.
        rows: What is asked.
        max_error: Share of wrong answers to be expected among those that the student gives.
        fallback: Name of the language model; ``None``: the rest is left open.
        is_traffic: Whether somebody uses the model, rather than tests it.

    Raises:
        NotFound: There is no such model, revision or language model.
        InvalidInput: The student does not know how sure it is, or a row is not of its task.
        Forbidden: The language model may not answer for students here.
        Unavailable: It cannot be reached.
    """
    entry = allowed(fallback, services.settings.serving_models) if fallback else None
    served, answers = await services.students.predict(model, revision, rows, is_traffic=False)
    if entry and served.manifest.task.type != "classification":
        raise InvalidInput(
            f"a language model answers in the place of classifiers only, and {model} is none",
            mend="leave `fallback` out: what the student is not sure of stays open",
        )
    teacher = (entry.name, await _teacher(services, served, entry)) if entry else None
    found = await run_in_threadpool(cascade, served.manifest, rows, answers, max_error, teacher)
    services.students.metrics.cascaded(model, found)
    if is_traffic:
        services.traffic.note(served.model, served.commit, rows, answers, told=found.answers)
    told = {"model": served.model, "commit": served.commit, "predictions": found.answers}
    return {**told, "cascade": found.as_json()}


async def _teacher(services: Services, served: Served, entry: ModelEntry) -> AskTeacher:
    gold = await run_in_threadpool(_gold, services, served)
    answers: list[dict[str, Any]] = []
    texts = [{"text": example.text} for example in gold.gold] if gold else []
    most = services.settings.max_texts
    for start in range(0, len(texts), most):
        part = texts[start : start + most]
        answers += (await services.students.predict(served.model, served.commit, part, is_traffic=False))[1]
    return Teacher(entry, served.manifest, gold, answers, services.store.root / "calls")


def _gold(services: Services, served: Served) -> TaskData | None:
    """What the student learnt from, where its job is known here and has the same labels."""
    commit = services.registry.resolve(*split_model(served.model), served.commit)
    if commit.job_id is None:
        return None
    try:
        with services.database.reading() as session:
            job = jobs.get(session, commit.job_id)
    except NotFound:  # published from another installation's database
        return None
    gold = gold_of(services.store, job.task_artifact)
    return gold if gold is not None and gold.labels == served.manifest.labels else None
