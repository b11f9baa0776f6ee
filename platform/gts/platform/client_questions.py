"""The client's methods about questions that jobs ask people."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote


class QuestionCalls(ABC):
    """What :class:`gts.platform.client.Client` can do with questions."""

    @abstractmethod
    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Send a request and give the JSON of its answer, an empty one where nothing came."""

    def questions(
        self, job_id: str, *, state: str | None = None, limit: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """What a job has asked people, in its order; further pages are fetched as they are needed.

        Args:
            job_id: The job.
            state: Only questions that are ``open``, ``answered``, ``skipped`` or ``withdrawn``.
            limit: At most so many.

        Raises:
            NotFound: There is no such job.
        """
        cursor, given = 0, 0
        while cursor is not None:
            params = {"cursor": cursor, "limit": 100, **({"state": state} if state else {})}
            page = self._call("GET", _path(job_id), params=params)
            for question in page["questions"]:
                if limit is not None and given >= limit:
                    return
                given += 1
                yield question
            cursor = page["next_cursor"]

    def next_question(self, job_id: str) -> dict[str, Any] | None:
        """The question to answer now, ``None`` when none is open.

        Returns:
            ``question``, and ``counts``: number of questions by state.

        Raises:
            NotFound: There is no such job.
        """
        return self._call("GET", _path(job_id, "next")) or None

    def answer(self, job_id: str, question_id: str, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a question; after the last of a batch a job that waits goes on.

        Args:
            job_id: The job.
            question_id: The question, by its ``id``.
            answer: ``{"labels": [...]}``, ``{"none": True}``, ``{"yes": bool}``, ``{"descriptions": {...}}`` or
                ``{"row": ...}``, by the kind of the question.

        Returns:
            ``question``, ``counts``, and ``goes_on``: whether the job goes on now.

        Raises:
            NotFound: There is no such job or question.
            InvalidInput: It is no answer to this question.
            Conflict: Somebody has answered it; ``details`` tell who and what.
        """
        return self._call("PUT", _path(job_id, question_id, "answer"), json=dict(answer))

    def skip(self, job_id: str, question_id: str) -> dict[str, Any]:
        """Leave a question aside; returns what :meth:`answer` does.

        Raises:
            NotFound: There is no such job or question.
            Conflict: Somebody has answered it.
        """
        return self._call("POST", _path(job_id, question_id, "skip"))

    def undo(self, job_id: str, question_id: str | None = None) -> dict[str, Any]:
        """Take an answer or skip of one's own back, by default the newest; returns what :meth:`answer` does.

        Raises:
            NotFound: There is nothing to take back.
            Forbidden: Somebody else answered or skipped it.
        """
        if question_id is None:
            return self._call("POST", _path(job_id, "undo"))
        return self._call("DELETE", _path(job_id, question_id, "answer"))


def _path(job_id: str, *parts: str) -> str:
    return "/".join(
        ["/api/v1/jobs", quote(job_id, safe=""), "questions", *(quote(p, safe="") for p in parts)]
    )
