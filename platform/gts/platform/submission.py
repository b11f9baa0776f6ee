"""Submissions: from a request (JSON or form) to checked data and a job in the queue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from gts.core.errors import InvalidInput, TooLarge
from gts.orchestrator import jobs
from gts.orchestrator.records import Job
from gts.orchestrator.site_models import check_models
from gts.orchestrator.taskstore import put_task
from gts.platform.auth import User
from gts.platform.services import Services
from gts.platform.uploads import Upload, receive_upload
from gts.tasks.document import parse_document
from gts.tasks.saving import AnyTask
from gts.tasks.source import FileSource, Source
from gts.tasks.taskfile import load_task_document

ROLES = ("examples", "unlabeled", "test")
_MAX_TASK_BYTES = 4 << 20


async def read_submission(request: Request, services: Services) -> AnyTask:
    """Read and check what a request brings: JSON with the rows in it, or a form with files or pasted text.

    Nothing of it remains on disk afterwards.

    Raises:
        InvalidInput: The request, the task or its data is wrong.
        TooLarge: Something is over a limit.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        with services.store.workspace() as folder:
            upload = await receive_upload(request, folder)
            return await run_in_threadpool(lambda: _with_known_models(task_of_upload(upload)))
    # Only this type: a form of another site can send JSON as text/plain without asking first.
    if kind != "application/json":
        raise InvalidInput(
            f"the content type is {kind or 'not given'}",
            mend="send application/json, or multipart/form-data with files",
        )
    body = await request.body()
    return await run_in_threadpool(lambda: _with_known_models(load_task_document(_parse_json(body))))


def _with_known_models(data: AnyTask) -> AnyTask:
    check_models(data.spec)
    return data


def task_of_upload(upload: Upload) -> AnyTask:
    """The checked data of a form: a task file or fields, with data as files or pasted text.

    Raises:
        InvalidInput: The task or its data is wrong.
    """
    document: dict[str, Any] = {}
    if task_files := upload.files.get("task"):
        document = _read_task(task_files[0])
    elif "task" in upload.fields:
        document = parse_document(upload.fields["task"], "task")
    document |= {key: value for key, value in upload.fields.items() if key != "task"}
    unknown = sorted(set(upload.files) - {"task", *ROLES})
    if unknown:
        raise InvalidInput(
            f"the form has a file called {unknown[0][:100]!r}", mend=f"known: task, {', '.join(ROLES)}"
        )
    sources: dict[str, list[Source]] = {
        role: [FileSource(path, path.name) for path in paths]
        for role, paths in upload.files.items()
        if role in ROLES
    }
    return load_task_document(
        document,
        examples=sources.get("examples"),
        unlabeled=sources.get("unlabeled"),
        test=sources.get("test"),
    )


async def accept(services: Services, user: User, data: AnyTask, idempotency_key: str | None = None) -> Job:
    """Store a task's data and put a job into the queue; afterwards it survives the death of any process.

    Raises:
        Conflict: The idempotency key was used for another request.
        StorageError: The disk is full; nothing of it remains.
    """
    return await run_in_threadpool(_accept, services, user, data, idempotency_key)


def _accept(services: Services, user: User, data: AnyTask, idempotency_key: str | None) -> Job:
    artifact = put_task(services.store, data)
    with services.database.writing() as session:
        job = jobs.submit(
            session,
            owner=user.owner,
            namespace=user.owner,
            name=data.spec.name,
            spec=data.spec.model_dump(mode="json"),
            task_artifact=artifact,
            idempotency_key=idempotency_key,
        )
    services.knock.knock(job.id)
    return job


def _read_task(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _MAX_TASK_BYTES:
        raise TooLarge(f"the task file is larger than {_MAX_TASK_BYTES:,} bytes", mend="send data as files")
    try:
        return parse_document(path.read_text("utf-8-sig"), path.name)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path.name} is not UTF-8", mend="save it as UTF-8", file=path.name) from error


def _parse_json(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InvalidInput(f"the body is not JSON: {reason}", mend="send a task as a JSON object") from error
    if not isinstance(document, dict):
        raise InvalidInput(
            f"the body is a JSON {type(document).__name__}, an object is expected",
            mend='send {"name": ..., "examples": [...]}',
        )
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")
