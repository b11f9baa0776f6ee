"""What stages will cost, before they run, of the task types whose rows are no single labelled text."""

from __future__ import annotations

from gts.orchestrator import costs, model_costs
from gts.orchestrator.choosing import wanted_tiers
from gts.orchestrator.crafts import craft_of
from gts.orchestrator.evidence import Evidence, Profile
from gts.tasks.spec import TaskSpec

_TRAINING = 4.0
"""Seconds of a visit in training, in those of encoding: forward, backward, and the update."""
_STATIC_VISIT_S = {"ner": 0.008, "relation": 0.01, "event": 0.01, "summarization": 0.002}
"""Seconds of a visit of the smallest tier's student, by task type; else it is fitted in a moment."""
_BEGIN_S = 10.0
"""Warming up what students of the smallest tier start from."""
_HEAD_S = 3.0
"""Fitting a head on vectors that are there."""
TEXTS_OF_A_PAIR = 2
_ASKING_S, _MOST_ASKED = 120.0, 500
"""Time for asking a language model in a job that nobody gave a time, and the most pool rows it is asked about."""


def tiers_of(spec: TaskSpec, profile: Profile) -> tuple[str, ...]:
    """Tiers that are made of a task, largest first: those that the person wants, or those worth their time in its type."""
    usual = craft_of(spec.type).usual_tiers
    wanted = wanted_tiers(spec, profile)
    return tuple(tier for tier in wanted if tier in usual or tier == spec.student.tier)


def visit_s(spec: TaskSpec, profile: Profile, tier: str) -> float:
    """One lesson seen once."""
    if tier == "static":
        return _STATIC_VISIT_S.get(spec.type, 0.0005)
    return _TRAINING * (profile.encode_s or 0.0)


def pool_to_ask(evidence: Evidence, model: str) -> int:
    """Pool rows that a language model can be asked about for each fold, with what is left of time, tokens and money."""
    facts, fits = evidence.examined[model], evidence.sizes.folds + 1
    gold = evidence.profile.gold
    left_s = _ASKING_S if evidence.spec.budget.seconds is None else evidence.left_s / 2
    share = 1 - model_costs.writers_share(len(evidence.waiting_writers))
    limits = [float(min(evidence.sizes.pool, _MOST_ASKED))]
    for left, each in (
        (left_s, facts["text_seconds"]),
        (evidence.left_tokens, facts["text_tokens"]),
        (evidence.left_money, facts["text_money"]),
    ):
        if left is not None and each > 0:
            limits.append((share * left / each - gold) / fits)
    return max(0, int(min(limits)))


def is_read_once(spec: TaskSpec, profile: Profile) -> bool:
    """Whether the transformer stays as it is, so that each text is read once for all folds."""
    tier = tiers_of(spec, profile)[0]
    return tier != "static" and craft_of(spec.type).begins(tier, profile.gold)


def fit_s(evidence: Evidence, tier: str) -> float:
    """One student of one fold, which is then asked about the pool."""
    profile, sizes = evidence.profile, evidence.sizes
    if tier != "static" and is_read_once(evidence.spec, profile):
        return _HEAD_S
    asked = (
        (profile.gold / sizes.folds + min(profile.pool, sizes.pool))
        * visit_s(evidence.spec, profile, tier)
        / _TRAINING
    )
    return 2.0 + sizes.visits * visit_s(evidence.spec, profile, tier) + asked


def begin_s(evidence: Evidence, tier: str) -> float:
    """What students of a tier start from."""
    profile = evidence.profile
    if tier != "static":
        rows = profile.gold + min(profile.pool, evidence.sizes.pool)
        return costs.START_S + TEXTS_OF_A_PAIR * rows * (profile.encode_s or 0.0)
    token_s = (profile.encode_s or 0.0) / (profile.chars / 4.5 + 2)
    return costs.START_S + 2.3 * costs.VOCABULARY * token_s + _BEGIN_S


def teach_s(evidence: Evidence) -> float:
    """The teachers of every fold, the seed-only twin of the larger tier among them."""
    profile, sizes = evidence.profile, evidence.sizes
    tier = tiers_of(evidence.spec, profile)[0]
    rows = profile.gold + min(profile.pool, sizes.pool)
    if is_read_once(evidence.spec, profile):
        return begin_s(evidence, tier) + (sizes.folds + 1) * (1.0 + rows * 0.002 + fit_s(evidence, tier))
    others = 1.0 + rows * ((profile.encode_s or 0.0) + 0.002)
    return (sizes.folds + 1) * (others + fit_s(evidence, tier))


def distil_s(evidence: Evidence, tier: str) -> float:
    """A tier's students, and their seed-only twins where teaching has not made them."""
    tiers = tiers_of(evidence.spec, evidence.profile)
    twins = 1 if tier == tiers[0] and evidence.audit is not None else 2
    begins = tier != tiers[0] and craft_of(evidence.spec.type).begins(tier, evidence.profile.gold)
    begin = begin_s(evidence, tier) if begins else 0.0
    return begin + twins * (evidence.sizes.folds + 1) * fit_s(evidence, tier)
