"""Asking a model many questions: each paid for once, kept as it comes, and never beyond the budget."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gts.core.blobs import write_atomically
from gts.core.fingerprint import canonical_json, fingerprint
from gts.core.llm.backend import Backend
from gts.core.llm.entry import ModelEntry
from gts.core.llm.values import Answer, Call, Completion, Failed, Fault, Usage

_BATCHES_IN_FLIGHT = 4
"""Calls handed over between two looks at the budget, in multiples of what is in flight at once."""
_CHARS_PER_TOKEN = 4
"""To guess what a call takes before any has been made."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be spent on calls; ``None`` is without limit.

    Attributes:
        tokens: Tokens read and written.
        money: In the currency of the models' prices.
    """

    tokens: int | None = None
    money: float | None = None

    def is_spent(self, usage: Usage, money: float) -> bool:
        """Whether nothing is left.

        Example:
            >>> Allowance(tokens=10).is_spent(Usage(8, 3), 0.0), Allowance().is_spent(Usage(8, 3), 9.0)
            (True, False)
        """
        return (self.tokens is not None and usage.tokens >= self.tokens) or (
            self.money is not None and money >= self.money
        )

    def calls_left(self, usage: Usage, money: float, each: Usage, price: float) -> int | None:
        """How many calls fit into what is left; ``None`` is without limit.

        Args:
            usage: Tokens that have been spent.
            money: What has been spent.
            each: Tokens that a call takes.
            price: What a call costs.

        Example:
            >>> Allowance(tokens=100).calls_left(Usage(40, 0), 0.0, Usage(15, 5), 0.0)
            3
        """
        counts = []
        if self.tokens is not None and each.tokens:
            counts.append((self.tokens - usage.tokens) / each.tokens)
        if self.money is not None and price:
            counts.append((self.money - money) / price)
        return max(0, int(min(counts))) if counts else None


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of a row of calls.

    Attributes:
        answers: One for each call, in order.
        usage: Tokens of all of them, whenever they were paid for: a job that is run again counts as it did.
        money: What those cost.
        paid: The tokens of them that were paid for now.
        cached: Different calls whose answer was found in the store.
        seconds: What the calls took, a share of the time of those in flight beside them each; of answers found in the store
            what they once took.
        timed: Different calls of which that is known.
    """

    answers: tuple[Answer, ...]
    usage: Usage
    money: float
    paid: Usage
    cached: int
    seconds: float = 0.0
    timed: int = 0

    @property
    def faults(self) -> Mapping[str, int]:
        """How many calls have no answer, by why."""
        counts: dict[str, int] = {}
        for answer in self.answers:
            if isinstance(answer, Failed):
                counts[answer.fault.value] = counts.get(answer.fault.value, 0) + 1
        return counts


class CallStore:
    """Answers by the hash of model and call, one small file each, so that no crash loses one that was paid for.

    Args:
        root: Folder of the store; made when the first answer comes.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, key: str) -> tuple[Completion, float | None] | None:
        """The answer kept under a key, and the seconds it took if they are known; a damaged file is as good as none."""
        try:
            kept = json.loads(self._path(key).read_text("utf-8"))
            seconds = kept.get("seconds")
            return Completion.from_json(kept), None if seconds is None else float(seconds)
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, key: str, completion: Completion, seconds: float) -> None:
        """Keep an answer, and what it took.

        Raises:
            StorageError: The disk is full.
        """
        kept = {**completion.to_json(), "seconds": round(seconds, 6)}
        write_atomically(self._path(key), canonical_json(kept).encode())

    def _path(self, key: str) -> Path:
        return self._root / key[:2] / f"{key}.json"


def call_key(entry: ModelEntry, call: Call) -> str:
    """What a call is kept under."""
    return fingerprint({"model": entry.identity(), "call": call.to_json()})


def price_of(entry: ModelEntry, usage: Usage) -> float:
    """What tokens cost.

    Example:
        >>> price_of(ModelEntry(name="a", kind="transformers", model="m", price={"input": 2.0}), Usage(500_000, 9))
        1.0
    """
    paid = usage.prompt_tokens * entry.price.input + usage.completion_tokens * entry.price.output
    return paid / 1e6


def ask(
    entry: ModelEntry,
    backend: Backend,
    calls: Sequence[Call],
    store: CallStore,
    allowance: Allowance = Allowance(),
    on_progress: Callable[[float], None] | None = None,
    each: Usage | None = None,
) -> Answers:
    """Ask a model; equal calls and those answered before are not asked again.

    Args:
        entry: The model.
        backend: Runs it.
        calls: The questions.
        store: Answers that have been paid for.
        allowance: What may be spent; answers found in the store count too, so that a job that is run again stops where
            it did. It is looked at between batches, which get smaller as it nears its end, so that it is gone over by little.
        on_progress: Called with the fraction done.
        each: What a call has taken before, where that is known; without it the first batch is a guess.

    Raises:
        Unavailable: The model cannot be reached, or has stopped answering; what it answered before is kept.
        InvalidInput: It refuses the key, or does not know the model.
        StorageError: The disk is full.
    """
    keys = [call_key(entry, call) for call in calls]
    by_key = dict(zip(keys, calls, strict=True))
    found: dict[str, Answer] = {}
    usage, paid, hits = Usage(), Usage(), 0
    seconds, timed = 0.0, 0
    unique = list(by_key)
    start = 0
    while start < len(unique) and not allowance.is_spent(usage, price_of(entry, usage)):
        taken = _share(usage, start) if start else each
        size = _batch_size(entry, allowance, usage, taken, by_key[unique[start]])
        if not size:
            break
        batch = []
        for key in unique[start : start + size]:
            if (known := store.find(key)) is None:
                batch.append(key)
            else:
                found[key], took = known
                usage += known[0].usage
                hits += 1
                if took is not None:
                    seconds, timed = seconds + took, timed + 1
        last = time.perf_counter()

        def on_answer(index: int, answer: Answer, batch: list[str] = batch) -> None:
            nonlocal usage, paid, seconds, timed, last
            # The time since the answer before: of calls in flight together these add up to the time of all of them.
            took, last = time.perf_counter() - last, time.perf_counter()
            seconds, timed = seconds + took, timed + 1
            usage += answer.usage
            paid += answer.usage
            found[batch[index]] = answer
            if isinstance(answer, Completion):
                store.keep(batch[index], answer, took)
            if on_progress is not None:
                on_progress(len(found) / len(unique))

        if batch:
            backend.complete([by_key[key] for key in batch], on_answer)
        start += size
    unasked = Failed(Fault.BUDGET, "the budget was spent before this call")
    answers = tuple(found.get(key, unasked) for key in keys)
    return Answers(answers, usage, price_of(entry, usage), paid, hits, seconds, timed)


def _batch_size(
    entry: ModelEntry, allowance: Allowance, usage: Usage, taken: Usage | None, call: Call
) -> int:
    """Calls to be handed over next: fewer where the budget nears its end, going by what a call has taken so far.

    Before any has been made one is tried, whatever it is guessed to take.
    """
    size = _BATCHES_IN_FLIGHT * entry.concurrency
    if allowance == Allowance():
        return size
    chars = sum(len(message.content) for message in call.messages)
    each = taken or Usage(chars // _CHARS_PER_TOKEN)
    fitting = allowance.calls_left(usage, price_of(entry, usage), each, price_of(entry, each))
    if taken is None:
        return min(entry.concurrency, size if fitting is None else max(1, fitting))
    return size if fitting is None else min(size, fitting)


def _share(usage: Usage, calls: int) -> Usage:
    """What one of so many calls took."""
    return Usage(usage.prompt_tokens // calls, usage.completion_tokens // calls)
