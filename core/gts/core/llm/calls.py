"""Asking a model many questions: each paid for once, kept as it comes, and never beyond the budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gts.core.blobs import write_atomically
from gts.core.fingerprint import canonical_json, fingerprint
from gts.core.llm.backend import Backend
from gts.core.llm.entries import ModelEntry
from gts.core.llm.values import Answer, Call, Completion, Failed, Fault, Usage

_BATCHES_IN_FLIGHT = 4
"""Calls handed over between two looks at the budget, in multiples of what is in flight at once."""


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


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of a row of calls.

    Attributes:
        answers: One for each call, in order.
        usage: Tokens of all of them, whenever they were paid for: a job that is run again counts as it did.
        money: What those cost.
        paid: The tokens of them that were paid for now.
        cached: Different calls whose answer was found in the store.
    """

    answers: tuple[Answer, ...]
    usage: Usage
    money: float
    paid: Usage
    cached: int

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

    def find(self, key: str) -> Completion | None:
        """The answer kept under a key; a damaged file is as good as none."""
        try:
            return Completion.from_json(json.loads(self._path(key).read_text("utf-8")))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def keep(self, key: str, completion: Completion) -> None:
        """Keep an answer.

        Raises:
            StorageError: The disk is full.
        """
        write_atomically(self._path(key), canonical_json(completion.to_json()).encode())

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
) -> Answers:
    """Ask a model; equal calls and those answered before are not asked again.

    Args:
        entry: The model.
        backend: Runs it.
        calls: The questions.
        store: Answers that have been paid for.
        allowance: What may be spent; answers found in the store count too, so that a job that is run again stops where
            it did. It is looked at between batches, so the last batch may go over it.
        on_progress: Called with the fraction done.

    Raises:
        Unavailable: The model cannot be reached, or has stopped answering; what it answered before is kept.
        InvalidInput: It refuses the key, or does not know the model.
        StorageError: The disk is full.
    """
    keys = [call_key(entry, call) for call in calls]
    by_key = dict(zip(keys, calls, strict=True))
    found: dict[str, Answer] = {}
    usage, paid, hits = Usage(), Usage(), 0
    size = _BATCHES_IN_FLIGHT * entry.concurrency
    unique = list(by_key)
    for start in range(0, len(unique), size):
        if allowance.is_spent(usage, price_of(entry, usage)):
            break
        batch = []
        for key in unique[start : start + size]:
            if (completion := store.find(key)) is None:
                batch.append(key)
            else:
                found[key] = completion
                usage += completion.usage
                hits += 1

        def on_answer(index: int, answer: Answer, batch: list[str] = batch) -> None:
            nonlocal usage, paid
            usage += answer.usage
            paid += answer.usage
            found[batch[index]] = answer
            if isinstance(answer, Completion):
                store.keep(batch[index], answer)
            if on_progress is not None:
                on_progress(len(found) / len(unique))

        if batch:
            backend.complete([by_key[key] for key in batch], on_answer)
    unasked = Failed(Fault.BUDGET, "the budget was spent before this call")
    answers = tuple(found.get(key, unasked) for key in keys)
    return Answers(answers, usage, price_of(entry, usage), paid, hits)
