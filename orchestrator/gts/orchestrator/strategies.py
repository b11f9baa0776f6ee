"""Strategies: how much generating and teaching is worth its compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gts.orchestrator.choosing import allowed, best_trial
from gts.orchestrator.evidence import Evidence
from gts.orchestrator.forecasts import seconds_of
from gts.orchestrator.planner import Effort, Kind, Option
from gts.tasks.spec import TaskSpec

_BY_PRODUCT = 0.25
"""Share of what has been spent that another tier may cost, which is of use to those who need it smaller or better:
a choice, not a measurement."""


@dataclass(frozen=True)
class Fixed:
    """The usual steps in their order, each where it fits into what is left of the budget."""

    name = "fixed"
    effort = Effort.USUAL
    asks = True

    def choose(self, options: Sequence[Option], evidence: Evidence) -> Option | None:
        """See :meth:`gts.orchestrator.planner.Strategy.choose`."""
        found = (o for o in options if o.usual and o.fits and not _is_costly_seed(o))
        return next(found, None)


@dataclass(frozen=True)
class Everything:
    """Whatever there is, on as much text as could help; a budget that a person set is kept."""

    name = "all"
    effort = Effort.MOST
    asks = True

    def choose(self, options: Sequence[Option], evidence: Evidence) -> Option | None:
        """See :meth:`gts.orchestrator.planner.Strategy.choose`."""
        is_free = evidence.spec.budget.seconds is None
        found = (o for o in options if (o.fits or is_free) and not _is_costly_seed(o))
        return next(found, None)


@dataclass(frozen=True)
class SeedOnly:
    """Students of the labels alone."""

    name = "seed-only"
    effort = Effort.LEAST
    asks = False

    def choose(self, options: Sequence[Option], evidence: Evidence) -> Option | None:
        """See :meth:`gts.orchestrator.planner.Strategy.choose`."""
        return next((o for o in options if o.action.kind == Kind.SEED), None)


@dataclass(frozen=True)
class Greedy:
    """What promises most for its time, until nothing promises enough.

    Attributes:
        seconds_per_point: Seconds that a hundredth of the measure is worth.
    """

    seconds_per_point: float
    name = "greedy"
    effort = Effort.FRUGAL
    asks = True

    def choose(self, options: Sequence[Option], evidence: Evidence) -> Option | None:
        """See :meth:`gts.orchestrator.planner.Strategy.choose`."""
        possible = [o for o in options if o.fits and not _is_costly_seed(o)]
        free = next((o for o in possible if o.action.forecast_s <= 0), None)
        if free is not None:
            return free
        rates = [(_rate(o, evidence), o) for o in possible]
        helpers = (o for rate, o in rates if self._pays(rate) and not allowed(evidence, o.action.tier))
        if helper := next(helpers, None):  # whom it helps to teach comes after it
            return helper
        best = max(rates, key=lambda pair: pair[0], default=(0.0, None))
        if self._pays(best[0]) or best_trial(evidence) is None:
            return best[1]  # without any student yet, something must be published
        cheap = _BY_PRODUCT * evidence.spent_s
        others = (
            o for o in possible if o.action.kind == Kind.DISTIL and seconds_of(evidence, o.action) <= cheap
        )
        return next(others, None)

    def _pays(self, rate: float) -> bool:
        return 100 * rate * self.seconds_per_point >= 1


def _rate(option: Option, evidence: Evidence) -> float:
    """Expected improvement a second."""
    return option.gain.improvement / max(seconds_of(evidence, option.action), 0.1) if option.gain else 0.0


def _is_costly_seed(option: Option) -> bool:
    """A student of the labels alone comes with each taught one; only where it is there already it is taken."""
    return option.action.kind == Kind.SEED and option.action.forecast_s > 0


STRATEGIES: Mapping[str, Callable[[TaskSpec], Fixed | Everything | SeedOnly | Greedy]] = {
    "greedy": lambda spec: Greedy(spec.planner.seconds_per_point),
    "fixed": lambda spec: Fixed(),
    "all": lambda spec: Everything(),
    "seed-only": lambda spec: SeedOnly(),
}
"""Strategies by the name that a task gives them."""
