"""The state of a production run: what has been measured, and where the pieces lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from gts.orchestrator.evidence import Evidence
from gts.orchestrator.runner import StageRunner
from gts.orchestrator.stages.beliefs import CONSULTED
from gts.tasks.dataset import TaskData
from gts.tasks.rows import RowTask

Data = TypeVar("Data", TaskData, RowTask)


@dataclass
class Run(Generic[Data]):
    """A run, as its actions change it.

    Attributes:
        runner: Runs stages.
        data: The task, its test examples included; what is unlabelled stays where stages read it.
        evidence: What has been measured.
        asked_before: What people were asked in earlier attempts, by the subjects of the questions.
        artifacts: Digests by what they are: ``embed``, ``audit``, ``teach 0``, ``teach None``, ``package mini``,
            ``consult big of 0``.
    """

    runner: StageRunner
    data: Data
    evidence: Evidence
    asked_before: tuple[str, ...] = ()
    artifacts: dict[str, str] = field(default_factory=dict)

    @property
    def folds(self) -> tuple[int | None, ...]:
        """The folds, and ``None`` for the fit on all gold."""
        return (*range(self.evidence.sizes.folds), None)

    def fold_name(self, fold: int | None) -> str:
        """A fold in words."""
        return "all gold" if fold is None else f"fold {fold + 1} of {self.evidence.sizes.folds}"

    def take_stock(self) -> None:
        """Bring what has been spent into the evidence."""
        models = self.runner.models.values()
        self.evidence = self.evidence.evolve(
            spent_s=self.runner.spent_s,
            spent_tokens=sum(account.tokens for account in models),
            spent_money=sum(account.money for account in models),
        )

    def allowance(
        self, share: float, spared_tokens: float = 0.0, spared_money: float = 0.0
    ) -> dict[str, Any]:
        """Parameters of a stage that asks a language model: ``tokens`` and ``money``, what it may spend, or ``None``.

        Args:
            share: Its share of what is left.
            spared_tokens: Tokens that are kept for others.
            spared_money: Money that is kept for others.
        """
        self.take_stock()
        tokens, money = self.evidence.left_tokens, self.evidence.left_money
        return {
            "tokens": None if tokens is None else int(max(0.0, tokens - spared_tokens) * share),
            "money": None if money is None else max(0.0, money - spared_money) * share,
        }

    def consulted(self, fold: int | None) -> dict[str, str]:
        """What language models said about the pool of a fold, as inputs of a stage."""
        end = f" of {fold}"
        return {
            key.removesuffix(end): artifact
            for key, artifact in self.artifacts.items()
            if key.startswith(CONSULTED) and key.endswith(end)
        }

    @property
    def most_taught(self) -> int:
        """Unlabelled rows that some student may have learnt from."""
        sizes = self.evidence.sizes
        return min(self.evidence.profile.pool, sizes.pool + sizes.more_pool)

    def fold_params(self, fold: int | None) -> dict[str, Any]:
        """Parameters that every fold-wise stage shares."""
        sizes = self.evidence.sizes
        pool = sizes.pool if fold is None else sizes.fold_pool
        return {
            "fold": fold,
            "folds": sizes.folds,
            "pool": min(pool, self.evidence.profile.pool),
            "encoder": self.evidence.profile.encoder if sizes.encoder else None,
        }
