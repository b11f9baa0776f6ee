"""Questions that wait together are answered together: a queue for each student, and a bounded number of threads."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread

from gts.core.errors import Unavailable
from gts.platform.serving.pace import weight_of
from gts.platform.serving.shelf import Loaded
from gts.platform.serving.values import Answers, Rows

OnBatch = Callable[[Loaded, int, int, float], None]
"""Told of each call: the student, how many questions with how many rows it answered, and in how many seconds."""


@dataclass(frozen=True, eq=False)
class Question:
    """Rows that somebody wants answered.

    Attributes:
        rows: The rows.
        weight: How much work they are.
        future: Gets the answers.
    """

    rows: Rows
    weight: int
    future: Future[Answers] = field(default_factory=Future)


class Batcher:
    """Threads that answer questions.

    Nobody waits for company: a thread that is free takes what there is. What comes while all are busy is answered in one call of its
    student, as far as that call stays within the student's :class:`~gts.platform.serving.pace.Pace`; students take turns.

    Args:
        threads: How many calls run at once.
        on_batch: Told of each call.
    """

    def __init__(self, threads: int, on_batch: OnBatch) -> None:
        self._on_batch = on_batch
        self._queues: OrderedDict[Loaded, deque[Question]] = OrderedDict()
        self._ready = Condition()
        self._open = True
        self.threads = threads
        self._workers = [
            Thread(target=self._work, name=f"predict-{number}", daemon=True) for number in range(threads)
        ]
        for worker in self._workers:
            worker.start()

    def ask(self, loaded: Loaded, rows: Rows) -> Future[Answers]:
        """What a student says of rows.

        Raises:
            Unavailable: No questions are taken any more.
        """
        question = Question(rows, sum(map(weight_of, rows)))
        with self._ready:
            if not self._open:
                raise _stopping()
            self._queues.setdefault(loaded, deque()).append(question)
            self._ready.notify()
        return question.future

    def answer(self, loaded: Loaded, rows: Rows, weight: int, questions: int = 1) -> Answers:
        """Call a student here and now.

        Args:
            loaded: The student.
            rows: What it is asked.
            weight: How much work that is.
            questions: How many questions it answers.
        """
        started = time.perf_counter()
        answers = loaded.student.answer(rows)
        seconds = time.perf_counter() - started
        loaded.pace.took(weight, seconds)
        self._on_batch(loaded, questions, len(answers), seconds)
        return answers

    def waiting(self) -> dict[str, int]:
        """How many questions wait, by model."""
        with self._ready:
            found: dict[str, int] = {}
            for loaded, queue in self._queues.items():
                found[loaded.model] = found.get(loaded.model, 0) + len(queue)
            return found

    def close(self) -> None:
        """Take no more questions, and give up those that wait; what is being answered is finished."""
        with self._ready:
            self._open = False
            left = [question for queue in self._queues.values() for question in queue]
            self._queues.clear()
            self._ready.notify_all()
        for question in left:
            if question.future.set_running_or_notify_cancel():
                question.future.set_exception(_stopping())

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            loaded, questions = taken
            wanted = [one for one in questions if one.future.set_running_or_notify_cancel()]
            if wanted:
                self._answer(loaded, wanted)

    def _take(self) -> tuple[Loaded, list[Question]] | None:
        """The student whose turn it is with questions that wait for it; None at the end."""
        with self._ready:
            while self._open and not self._queues:
                self._ready.wait()
            if not self._open:
                return None
            loaded, queue = next(iter(self._queues.items()))
            questions = take(queue, loaded.pace.room)
            if queue:
                self._queues.move_to_end(loaded)
                self._ready.notify()
            else:
                del self._queues[loaded]
            return loaded, questions

    def _answer(self, loaded: Loaded, questions: Sequence[Question]) -> None:
        rows = [row for question in questions for row in question.rows]
        try:
            weight = sum(question.weight for question in questions)
            answers = self.answer(loaded, rows, weight, len(questions))
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            if len(questions) == 1:
                questions[0].future.set_exception(error)
                return
            # The fault is in one of them, and its message counts that one's own rows.
            for question in questions:
                self._answer(loaded, [question])
            return
        at = 0
        for question in questions:
            question.future.set_result(answers[at : at + len(question.rows)])
            at += len(question.rows)


def take(queue: deque[Question], room: int) -> list[Question]:
    """The first questions of a queue that fit into a call together; one at least."""
    taken = [queue.popleft()]
    weight = taken[0].weight
    while queue and weight + queue[0].weight <= room:
        taken.append(queue.popleft())
        weight += taken[-1].weight
    return taken


def _stopping() -> Unavailable:
    return Unavailable("the server is stopping", mend="ask again when it has started")
