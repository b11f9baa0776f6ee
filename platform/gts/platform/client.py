"""The Python client: everything the command line does with a server, as methods.

Example:
    >>> client = Client()                            # the server that `gts up` started   # doctest: +SKIP
    >>> job = client.submit("task.yaml")                                                  # doctest: +SKIP
    >>> job = client.wait(job["id"])                                                      # doctest: +SKIP
    >>> client.predict(job["model"], ["where is my parcel?"])                             # doctest: +SKIP
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from gts.platform.client_models import ModelCalls
from gts.platform.client_questions import QuestionCalls
from gts.platform.client_traffic import TrafficCalls
from gts.platform.client_versions import VersionCalls
from gts.platform.remote import ServerUnreachable, error_of, generated_path, locate
from gts.platform.sending import task_body, task_files

if TYPE_CHECKING:
    from gts.tasks.saving import AnyTask

RESTING_STATES = frozenset({"waiting", "succeeded", "failed", "cancelled"})
"""States of a job that moves no more by itself; one that waits goes on when a person has answered."""
_TIMEOUT_S = 60.0
_SILENCE_S = 45.0  # the server sends a comment every 15 s; three missed ones mean a dead connection
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0


class Client(QuestionCalls, ModelCalls, VersionCalls, TrafficCalls):
    """Talks to a platform over HTTP.

    Args:
        url: Base URL; default: ``GTS_URL``, else the server running on this machine's data folder.
        token: Access token; default: ``GTS_TOKEN``, else that of the local server.
        data_dir: Where to look for the local server; default: ``GTS_HOME``, else ``~/.gts``.
        transport: For tests: what to send requests through.

    Raises:
        ServerUnreachable: No address was given and no local server runs.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        data_dir: Path | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        url, token = locate(url or os.environ.get("GTS_URL"), token or os.environ.get("GTS_TOKEN"), data_dir)
        self.url = url.rstrip("/")
        self.token = token
        self._http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(_TIMEOUT_S),
            transport=transport,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(
        self,
        task: str | Path | Mapping[str, Any] | AnyTask,
        *,
        text_column: str | None = None,
        label_column: str | None = None,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Start a job.

        Args:
            task: A task file (its data files are sent along), the same as a mapping with the rows in it, or
                checked data.
            text_column: Name of the text column, where it is not found by itself.
            label_column: The same for the labels.
            idempotency_key: Submitting twice with one key gives one job.
            dry_run: Only say what was understood.

        Returns:
            The job, or with ``dry_run`` the preview.

        Raises:
            InvalidInput: The task or its data is wrong.
        """
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        params = {"dry_run": "true"} if dry_run else {}
        given = {"text_column": text_column, "label_column": label_column}
        columns = {key: value for key, value in given.items() if value is not None}
        return self._send_task("/api/v1/jobs", task, columns, headers, params)

    def plan(self, task: str | Path | Mapping[str, Any] | AnyTask) -> dict[str, Any]:
        """What a job would do, take and promise; nothing is started.

        Args:
            task: As for :meth:`submit`.

        Returns:
            ``steps`` with ``action``, ``seconds``, ``tokens``, ``money``, ``value``, ``low`` and ``high``, and their sums.

        Raises:
            InvalidInput: The task or its data is wrong.
        """
        return self._send_task("/api/v1/plans", task, {}, {}, {})

    def _send_task(
        self,
        path: str,
        task: str | Path | Mapping[str, Any] | AnyTask,
        columns: Mapping[str, str],
        headers: Mapping[str, str],
        params: Mapping[str, str],
    ) -> dict[str, Any]:
        if isinstance(task, str | Path):
            return self._send_file(path, Path(task), columns, headers, params)
        body = dict(task) if isinstance(task, Mapping) else task_body(task)
        return self._call("POST", path, json={**body, **columns}, headers=headers, params=params)

    def job(self, job_id: str) -> dict[str, Any]:
        """One job.

        Raises:
            NotFound: There is no such job.
        """
        return self._call("GET", f"/api/v1/jobs/{quote(job_id, safe='')}")

    def jobs(self, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Jobs, newest first; further pages are fetched as they are needed.

        Args:
            limit: At most so many.
        """
        cursor, given = None, 0
        while True:
            params = {key: value for key, value in (("cursor", cursor), ("limit", 50)) if value is not None}
            page = self._call("GET", "/api/v1/jobs", params=params)
            for job in page["jobs"]:
                if limit is not None and given >= limit:
                    return
                given += 1
                yield job
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def report(self, job_id: str) -> dict[str, Any]:
        """The report of a job's newest student.

        Raises:
            NotFound: There is no such job, or it has no report (yet).
        """
        return self._call("GET", f"/api/v1/jobs/{quote(job_id, safe='')}/report")

    def generated(
        self,
        job_id: str,
        *,
        generator: str | None = None,
        label: str | None = None,
        kept: bool | None = None,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Texts that generators wrote for a finished job; further pages are fetched as they are needed.

        Args:
            job_id: The job.
            generator: Only texts of this generator.
            label: Only texts made for this label.
            kept: Only what the filters kept, or with ``False`` only what they dropped.
            limit: At most so many.

        Raises:
            NotFound: There is no such job, it has no report (yet), or its texts are not kept any more.
            InvalidInput: The job has no such generator or label.
        """
        asked = {"generator": generator, "label": label, "kept": kept, "limit": 100}
        params = {key: value for key, value in asked.items() if value is not None}
        cursor, given = 0, 0
        while cursor is not None:
            page = self._call("GET", generated_path(job_id), params={**params, "cursor": cursor})
            for text in page["texts"]:
                if limit is not None and given >= limit:
                    return
                given += 1
                yield text
            cursor = page["next_cursor"]

    def review(
        self,
        job_id: str,
        text_id: str,
        verdict: str,
        *,
        text: str | None = None,
        labels: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Veto or edit a generated text; the next job of the same name respects it.

        Args:
            job_id: The job.
            text_id: The text, by the ``id`` that :meth:`generated` gives.
            verdict: ``veto``: it shall not be trained on; ``edit``: something takes its place.
            text: For an edit: the new text; left out, it stays as it was generated.
            labels: For an edit: its labels; left out, those it was made for.

        Returns:
            The text with its ``review``.

        Raises:
            NotFound: There is no such job or text.
            InvalidInput: The new text or its labels do not fit the task.
        """
        body: dict[str, Any] = {"verdict": verdict}
        if text is not None:
            body["text"] = text
        if labels is not None:
            body["labels"] = list(labels)
        return self._call("PUT", generated_path(job_id, text_id), json=body)

    def take_back(self, job_id: str, text_id: str) -> None:
        """Forget the veto or edit of a generated text.

        Raises:
            NotFound: There is no such job, or nobody has said anything of that text.
        """
        self._call("DELETE", generated_path(job_id, text_id))

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancel a job: a queued or waiting one ends at once, a running one within seconds.

        Raises:
            NotFound: There is no such job.
            Conflict: It has succeeded or failed already.
        """
        return self._call("POST", f"/api/v1/jobs/{quote(job_id, safe='')}/cancel")

    def change(
        self,
        job_id: str,
        *,
        budget: Mapping[str, Any] | None = None,
        goal: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Change what a queued or running job may spend, or when it is done; a running one heeds it at its next decision.

        Args:
            job_id: The job.
            budget: The limits that change, such as ``{"seconds": 600}``; ``None`` takes one away.
            goal: The same for the goal, such as ``{"target": 0.9}``.

        Raises:
            NotFound: There is no such job.
            InvalidInput: Nothing changes, a field is unknown, or its value does not fit.
            Conflict: It has ended, or waits for a person: continue it.
        """
        path = f"/api/v1/jobs/{quote(job_id, safe='')}"
        return self._call("PATCH", path, json=_wish_body(budget, goal))

    def continue_job(
        self,
        job_id: str,
        *,
        budget: Mapping[str, Any] | None = None,
        goal: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Put a job that has ended or waits for a person back into the queue, with other limits where they are given.

        Args:
            job_id: The job.
            budget: The limits that change; they are for the whole job, what it has spent counts.
            goal: The same for the goal.

        Raises:
            NotFound: There is no such job.
            InvalidInput: A field is unknown, or its value does not fit.
            Conflict: It is in the queue or runs already.
        """
        path = f"/api/v1/jobs/{quote(job_id, safe='')}/continue"
        return self._call("POST", path, json=_wish_body(budget, goal))

    def finish(self, job_id: str) -> dict[str, Any]:
        """Say that the student of a job that waits for answers is good enough.

        Raises:
            NotFound: There is no such job.
            Conflict: It does not wait.
        """
        return self._call("POST", f"/api/v1/jobs/{quote(job_id, safe='')}/finish")

    def events(self, job_id: str, after: int = 0) -> Iterator[dict[str, Any]]:
        """Follow a job: its events from ``after`` on, until it has ended or waits for a person.

        A broken connection is taken up again where it broke.

        Raises:
            NotFound: There is no such job.
            ServerUnreachable: The server stays away for longer than half a minute.
        """
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                for event in self._stream(job_id, after):
                    after, wait_s = event["seq"], _FIRST_WAIT_S
                    yield event
                if self.job(job_id)["state"] in RESTING_STATES:
                    return
            except (httpx.TransportError, ServerUnreachable) as error:
                if wait_s > _LONGEST_WAIT_S:
                    raise ServerUnreachable(
                        f"the server at {self.url} went away while job {job_id} was followed",
                        mend=f"the job goes on when the server is back; then: gts job {job_id} --follow",
                    ) from error
            time.sleep(wait_s)
            wait_s *= 2

    def wait(self, job_id: str, on_event: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
        """Follow a job until it has ended or waits for a person (state ``waiting``), and return it.

        Args:
            job_id: The job.
            on_event: Called with each event.
        """
        for event in self.events(job_id):
            if on_event is not None:
                on_event(event)
        return self.job(job_id)

    def health(self) -> dict[str, Any]:
        """What the server says of itself; needs no token."""
        return self._call("GET", "/api/v1/health")

    def _send_file(
        self,
        path: str,
        task: Path,
        columns: Mapping[str, str],
        headers: Mapping[str, str],
        params: Mapping[str, str],
    ) -> dict[str, Any]:
        with task_files(task, columns) as files:
            return self._call("POST", path, files=files, headers=headers, params=params)

    def _stream(self, job_id: str, after: int) -> Iterator[dict[str, Any]]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        path = f"/api/v1/jobs/{quote(job_id, safe='')}/events"
        timeout = httpx.Timeout(_TIMEOUT_S, read=_SILENCE_S)
        with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
            if response.is_error:
                response.read()
                raise error_of(response)
            for line in response.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise ServerUnreachable(
                f"no answer from {self.url}: {error or type(error).__name__}",
                mend="start the platform with `gts up`, or give its address with --url",
            ) from error
        if response.is_error:
            raise error_of(response)
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer


def _wish_body(budget: Mapping[str, Any] | None, goal: Mapping[str, Any] | None) -> dict[str, Any]:
    given = {"budget": budget, "goal": goal}
    return {part: dict(fields) for part, fields in given.items() if fields}
