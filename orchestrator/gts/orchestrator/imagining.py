"""What the evidence would be after an action, if all went as forecast: how a plan is made before anything is spent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gts.core.llm.entries import find
from gts.orchestrator import model_costs
from gts.orchestrator.choosing import best_trial
from gts.orchestrator.estimate import Estimate
from gts.orchestrator.evidence import Evidence, Trial, Variant
from gts.orchestrator.forecasts import seconds_of, usual_gain
from gts.orchestrator.planner import Kind, Option
from gts.orchestrator.priors import prior_value
from gts.orchestrator.site_models import OUT_OF_REACH, in_words

_TYPICAL = {
    "mini": {"parameters": 22_600_000, "latency_ms": 10.0},
    "static": {"parameters": 7_800_000, "latency_ms": 0.2},
}
_TEXT_S, _PROMPT_TOKENS, _ANSWER_TOKENS, _TOKENS_A_SECOND = 0.5, 400, 10, 30.0
"""A language model that nobody has examined: seconds for one text, tokens that come with it and of its answer, and its speed."""
_KEPT = 30
"""Generated texts that pass the filters."""

_VARIANTS = {Kind.REFINE: Variant.REFINED, Kind.GENERATE: Variant.GENERATED}


def imagine(evidence: Evidence, option: Option) -> Evidence:
    """The evidence after an option, each number being the middle of its forecast."""
    action = option.action
    spent = evidence.evolve(spent_s=evidence.spent_s + seconds_of(evidence, action))
    return _OUTCOMES.get(action.kind, _nothing)(spent, option)


def _nothing(evidence: Evidence, option: Option) -> Evidence:
    return evidence


def _audited(evidence: Evidence, option: Option) -> Evidence:
    tier = "mini" if evidence.profile.encoder and evidence.sizes.encoder else "static"
    value = prior_value(evidence.spec.type, tier).mean + usual_gain(evidence, Kind.DISTIL, tier).mean
    return evidence.evolve(audit={"ensemble_accuracy": min(value, 1.0), "weights": {}, "models": {}})


def _trained(evidence: Evidence, option: Option) -> Evidence:
    action, best = option.action, best_trial(evidence)
    known = evidence.trial(action.tier)
    seed_only = known.seed_only.value if known else prior_value(evidence.spec.type, action.tier).mean
    if action.kind == Kind.SEED:
        return _with(evidence, action.tier, Variant.SEED, seed_only, seed_only)
    if action.kind == Kind.DISTIL:
        return _with(
            evidence,
            action.tier,
            Variant.PLAIN,
            seed_only + usual_gain(evidence, Kind.DISTIL, action.tier).mean,
            seed_only,
        )
    before = known.best.value if known else best.best.value if best else seed_only
    value = before + (option.gain.improvement if option.gain else 0.0)
    if action.sizes is not None:
        evidence = evidence.evolve(sizes=action.sizes)
    return _with(evidence, action.tier, _VARIANTS.get(action.kind, Variant.PLAIN), value, seed_only)


def _written(evidence: Evidence, option: Option) -> Evidence:
    name = option.action.model
    written = {**evidence.generations, name: {"accepted": _KEPT}}
    if name in evidence.examined:
        toll = model_costs.writing_toll(evidence, evidence.examined[name], 0.0)
        evidence = evidence.evolve(
            spent_tokens=evidence.spent_tokens + int(toll.tokens),
            spent_money=evidence.spent_money + toll.money,
        )
    return _trained(evidence.evolve(generations=written), option)


def _examined(evidence: Evidence, option: Option) -> Evidence:
    name = option.action.model
    try:
        price = find(name).price
    except OUT_OF_REACH as error:
        return evidence.evolve(examined={**evidence.examined, name: {"problem": in_words(error)}})
    tokens = _PROMPT_TOKENS + evidence.profile.chars / 3.5
    facts = {
        "text_seconds": _TEXT_S,
        "text_tokens": tokens,
        "text_money": (tokens * price.input + _ANSWER_TOKENS * price.output) / 1e6,
        "tokens_per_second": _TOKENS_A_SECOND,
        "at_once": 1,
        "tries": 1.0,
        "tuning_tokens": 0,
        "logprobs": False,
        "schema": False,
        "scores": False,
    }
    return evidence.evolve(examined={**evidence.examined, name: facts})


def _consulted(evidence: Evidence, option: Option) -> Evidence:
    facts = evidence.examined[option.action.model]
    texts = option.action.forecast_s / facts["text_seconds"]
    return evidence.evolve(
        consulted={**evidence.consulted, option.action.model: {}},
        spent_tokens=evidence.spent_tokens + int(texts * facts["text_tokens"]),
        spent_money=evidence.spent_money + texts * facts["text_money"],
    )


def _forgone(evidence: Evidence, option: Option) -> Evidence:
    return evidence.evolve(forgone={**evidence.forgone, option.action.model: option.action.reason})


def _asked(evidence: Evidence, option: Option) -> Evidence:
    return evidence.evolve(asked=0)


def _packaged(evidence: Evidence, option: Option) -> Evidence:
    tier = option.action.tier
    return evidence.evolve(packages={**evidence.packages, tier: _TYPICAL[tier]})


def _tested(evidence: Evidence, option: Option) -> Evidence:
    return evidence.evolve(tests={**evidence.tests, option.action.tier: {}})


_OUTCOMES: Mapping[Kind, Callable[[Evidence, Option], Evidence]] = {
    Kind.TEACH: _audited,
    Kind.EXAMINE: _examined,
    Kind.CONSULT: _consulted,
    Kind.SEED: _trained,
    Kind.DISTIL: _trained,
    Kind.MORE: _trained,
    Kind.REFINE: _trained,
    Kind.GENERATE: _written,
    Kind.FORGO: _forgone,
    Kind.ASK: _asked,
    Kind.PACKAGE: _packaged,
    Kind.EVALUATE: _tested,
}


def _with(evidence: Evidence, tier: str, variant: Variant, value: float, seed_only: float) -> Evidence:
    trial = Trial(
        tier,
        variant,
        _guess(evidence, value),
        _guess(evidence, seed_only),
        {"student": "", "seed_only": ""},
        pool=evidence.sizes.pool,
    )
    return evidence.evolve(trials=(*evidence.trials, trial))


def _guess(evidence: Evidence, value: float) -> Estimate:
    value = min(max(value, 0.0), 1.0)
    gold = evidence.profile.gold
    return Estimate(evidence.spec.metric, value, value, value, gold, "forecast", 1.0 - value, 1.0)
