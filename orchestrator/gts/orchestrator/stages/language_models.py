"""What stages share that ask language models: open ones, and the account of what the asking took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gts.core.fingerprint import canonical_json
from gts.core.llm.backend import Backend, open_backend
from gts.core.llm.calls import Allowance, CallStore, ask, price_of
from gts.core.llm.entries import find
from gts.core.llm.entry import ModelEntry
from gts.core.llm.values import Answer, Call, Fault, Usage
from gts.orchestrator.stage import current_store


@dataclass(frozen=True)
class OpenModel:
    """A model that is ready to be asked."""

    entry: ModelEntry
    backend: Backend


def open_model(name: str) -> OpenModel:
    """The model of that name; the last one stays loaded in this process.

    Raises:
        NotFound: ``GTS_MODELS`` names no such model here.
        MissingDependency: Its package or key is not at hand.
    """
    entry = find(name)
    return _open(entry.model_dump_json(), canonical_json(entry.identity()))


@lru_cache(maxsize=1)  # two large models rarely fit into one memory
def _open(entry_json: str, identity: str) -> OpenModel:  # the identity: weights may change beneath a process
    entry = ModelEntry.model_validate_json(entry_json)
    return OpenModel(entry, open_backend(entry))


class Asking:
    """Asks one model within what a stage may spend; what it answers is kept beside the artifacts.

    Args:
        model: The model.
        tokens: Most tokens, or ``None``.
        money: Most money, or ``None``.
        report: Told the fraction that is done of each row of calls.
    """

    def __init__(
        self, model: OpenModel, tokens: int | None, money: float | None, report: Callable[[float], None]
    ) -> None:
        self._model = model
        self._tokens, self._money = tokens, money
        self._report = report
        self._store = CallStore(current_store().root / "calls")
        self._usage, self._paid = Usage(), Usage()
        self._seconds, self._timed = 0.0, 0
        self._calls, self._cached = 0, 0
        self._faults: Counter[str] = Counter()

    def __call__(self, calls: Sequence[Call]) -> Sequence[Answer]:
        """Ask; see :func:`gts.core.llm.calls.ask`."""
        entry = self._model.entry
        left = Allowance(
            None if self._tokens is None else self._tokens - self._usage.tokens,
            None if self._money is None else self._money - price_of(entry, self._usage),
        )
        made = self._calls - self._faults[Fault.BUDGET.value]
        each = (
            Usage(self._usage.prompt_tokens // made, self._usage.completion_tokens // made) if made else None
        )
        found = ask(entry, self._model.backend, calls, self._store, left, self._report, each)
        self._usage += found.usage
        self._paid += found.paid
        self._seconds += found.seconds
        self._timed += found.timed
        self._calls += len(calls)
        self._cached += found.cached
        self._faults.update(found.faults)
        return found.answers

    def account(self) -> dict[str, Any]:
        """What the asking took.

        Returns:
            ``model``; ``calls``; ``tokens`` and ``money``, whenever they were paid for; ``paid``: what was paid now; ``cached``:
            calls paid for before; ``seconds``: what the calls took when they were made; ``faults``: why to count.
        """
        # Answers that were kept without their time took as long as the others.
        made = self._calls - self._faults[Fault.BUDGET.value]
        seconds = self._seconds * made / self._timed if self._timed else 0.0
        return {
            "model": self._model.entry.name,
            "calls": self._calls,
            "tokens": self._usage.tokens,
            "money": round(price_of(self._model.entry, self._usage), 6),
            "paid": round(price_of(self._model.entry, self._paid), 6),
            "cached": self._cached,
            "seconds": round(seconds, 4),
            "faults": dict(self._faults),
        }
