"""What an action is expected to add to the student that will be published, from what is known so far."""

from __future__ import annotations

from math import log2, sqrt

from gts.orchestrator.choosing import allowed, best_trial
from gts.orchestrator.decisions import Forecast
from gts.orchestrator.evidence import Evidence, Trial
from gts.orchestrator.gains import Gain
from gts.orchestrator.planner import Action, Kind, Option
from gts.orchestrator.priors import ASSIST, UNKNOWN_GAIN, prior_value, shipped_gains

Z90 = 1.645
"""Standard deviations to each side of the middle that hold 90% of a normal distribution."""
_GAP = 0.7
"""Share of the distance between audited teachers and a student of the labels alone that teaching covers: a guess, which each
audit and each trial corrects."""
_BETWEEN_TIERS = 0.03
"""How far tasks differ in the distance between tiers, as a standard deviation: a guess."""
_START_POOL = 50
"""Pool texts that are as good as none; more are counted in doublings of it."""


def forecast_gain(evidence: Evidence, action: Action) -> Gain | None:
    """What an action is expected to add to the measure of the student to publish.

    Returns:
        ``None`` for what serves something else, such as bookkeeping. A tier that the person does not want helps to teach the
        one that is wanted.
    """
    if action.kind not in (Kind.SEED, Kind.DISTIL, Kind.MORE, Kind.REFINE, Kind.GENERATE):
        return None
    best = best_trial(evidence)
    if not allowed(evidence, action.tier):
        return usual_gain(evidence, ASSIST, "static") if action.kind == Kind.DISTIL else None
    seed_only = _seed_value(evidence, action.tier)
    if action.kind in (Kind.SEED, Kind.DISTIL):
        value = (
            seed_only
            if action.kind == Kind.SEED
            else _plus(seed_only, _teaching(evidence, action, seed_only))
        )
        return value if best is None else Gain(value.mean - best.best.value, value.sd)
    if best is None:
        return None
    if action.kind == Kind.MORE and action.sizes is not None:
        return _more(evidence, best, action.sizes.pool)
    return usual_gain(evidence, action.kind, action.tier)


def gain_seen(before: Evidence, after: Evidence, action: Action) -> tuple[str, float, float] | None:
    """What an action brought: its kind, the gain, and the error of measuring it; ``None`` for one that trained no student.

    The gain of teaching is counted from the student of the labels alone, that of more text by doublings of the pool, others
    from the best student before.
    """
    new = after.trials[len(before.trials) :]
    known, trial = before.trial(action.tier), next((t for t in new if t.tier == action.tier), None)
    if trial is None or action.kind == Kind.SEED:
        return None
    error = measuring_error(trial.student.value, trial.student.n)
    kind = gain_name(before, action.kind, action.tier)
    if action.kind == Kind.DISTIL or known is None:
        return kind, trial.student.value - trial.seed_only.value, error
    gain = trial.student.value - known.best.value
    if action.kind == Kind.MORE:
        doublings = log2(max(after.sizes.pool, before.sizes.pool + 1) / max(before.sizes.pool, 1))
        return kind, gain / doublings, error / doublings
    return kind, gain, error


def gain_name(evidence: Evidence, kind: str, tier: str) -> str:
    """A kind of action in the words of the shipped beliefs."""
    return f"{kind} {evidence.spec.type} {tier}".strip()


def usual_gain(evidence: Evidence, kind: str, tier: str) -> Gain:
    """What a kind of action brings a tier in tasks of this type: by the site's own jobs, else as it was shipped."""
    name = gain_name(evidence, kind, tier)
    return evidence.profile.experience.gains.get(name) or shipped_gains().get(name, UNKNOWN_GAIN)


def kind_of(action: Action) -> str:
    """An action in words that it shares with others of its kind."""
    return f"action {action.kind.value} {action.tier}".strip()


def seconds_of(evidence: Evidence, action: Action) -> float:
    """Seconds that an action is expected to take: what the formulas say, mended by experience."""
    return evidence.profile.experience.seconds(kind_of(action), evidence.spec.type, action.forecast_s)


def fits(evidence: Evidence, action: Action, rest_s: float) -> bool:
    """Whether an action, and what is to follow it by the formulas, is expected to fit into what is left of the budget."""
    return seconds_of(evidence, action) + evidence.profile.experience.pace * rest_s <= evidence.left_s


def forecast_of(evidence: Evidence, option: Option) -> Forecast:
    """What an option is expected to take, and how good the student to publish is expected to be after it."""
    action, best = option.action, best_trial(evidence)
    seconds = seconds_of(evidence, action)
    if option.gain is None:
        return Forecast(seconds)
    base = best.best.value if best else 0.0
    value = base + (option.gain.improvement if best else option.gain.mean)
    reach = Z90 * sqrt(option.gain.sd**2 + (measuring_error(base, best.best.n) ** 2 if best else 0.0))
    return Forecast(seconds, value, max(0.0, value - reach), min(1.0, value + reach))


def measuring_error(value: float, n: int) -> float:
    """Standard deviation of the difference of two students that were measured on the same few gold rows.

    They mostly err on the same rows, so half of the variance that two measured apart would have is counted: that of one alone.
    """
    return max(0.005, sqrt(max(value * (1 - value), 0.05) / max(n, 1)))


def _seed_value(evidence: Evidence, tier: str) -> Gain:
    known, prior = evidence.trial(tier), prior_value(evidence.spec.type, tier)
    if known is not None:
        return Gain(known.seed_only.value, measuring_error(known.seed_only.value, known.seed_only.n))
    if evidence.trials:  # an easy task is easy for both
        other = evidence.trials[0]
        ahead = prior.mean - prior_value(evidence.spec.type, other.tier).mean
        return Gain(other.seed_only.value + ahead, _BETWEEN_TIERS)
    return prior


def _teaching(evidence: Evidence, action: Action, seed_only: Gain) -> Gain:
    """What teaching adds to a student of the labels alone."""
    prior = usual_gain(evidence, Kind.DISTIL, action.tier)
    if evidence.audit is None or evidence.trial(action.tier) is None:
        return prior
    gap = evidence.audit["ensemble_accuracy"] - seed_only.mean
    return prior.given(
        _GAP * gap, measuring_error(evidence.audit["ensemble_accuracy"], evidence.profile.gold)
    )


def _more(evidence: Evidence, best: Trial, pool: int) -> Gain:
    """The learning curve over the pool: what a doubling brought so far says what the next will bring."""
    used = max(_START_POOL + 1, evidence.sizes.pool)
    doubling = usual_gain(evidence, Kind.MORE, best.tier)
    seen = log2(used / _START_POOL)
    error = measuring_error(best.best.value, evidence.profile.gold)
    doubling = doubling.given((best.student.value - best.seed_only.value) / seen, error / seen)
    return doubling.times(log2(max(pool, used + 1) / used))


def _plus(one: Gain, other: Gain) -> Gain:
    return Gain(one.mean + other.mean, sqrt(one.sd**2 + other.sd**2))
