"""The planner by values alone: what it does next follows from the evidence, the wishes and the budget."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from gts.core.errors import MissingDependency
from gts.orchestrator import costs, model_costs
from gts.orchestrator.choosing import allowed, best_trial, why_untried
from gts.orchestrator.course import ClassificationCourse
from gts.orchestrator.estimate import Estimate
from gts.orchestrator.evidence import Evidence, Profile, Sizes, Trial, Variant
from gts.orchestrator.planner import Action, Kind, Planner
from gts.orchestrator.strategies import Fixed
from gts.tasks.spec import TaskSpec

FIXED = Planner(ClassificationCourse(), Fixed())
PROFILE = Profile(
    gold=48,
    pool=6000,
    labels=6,
    smallest_label=8,
    language="en",
    encoder="tiny/encoder",
    encode_s=0.002,
    chars=80.0,
)
SIZES = Sizes(folds=2, pool=2000, fold_pool=500, tune_steps=20, refine_steps=0)
AUDIT = {"weights": {"tuned": 1.0}, "ensemble_accuracy": 0.8}
SIZE = {
    "mini": {"parameters": 22_000_000, "latency_ms": 6.0},
    "static": {"parameters": 7_800_000, "latency_ms": 0.1},
}


def guess(value: float, loss: float | None = None) -> Estimate:
    return Estimate(
        "accuracy",
        value,
        value - 0.1,
        value + 0.1,
        48,
        "cross-fitting",
        1 - value if loss is None else loss,
        1.0,
    )


def trial(
    tier: str,
    value: float,
    seed_only: float = 0.5,
    *,
    variant: Variant = Variant.PLAIN,
    loss: float | None = None,
) -> Trial:
    return Trial(
        tier, variant, guess(value, loss), guess(seed_only), {"student": tier, "seed_only": f"{tier}0"}
    )


def task(**spec: Any) -> TaskSpec:
    return TaskSpec.model_validate({"name": "t", "labels": ["a", "b"], **spec})


def course(
    spec: TaskSpec,
    profile: Profile = PROFILE,
    budget: float = 1000.0,
    values: Mapping[str, float] | None = None,
    took: Callable[[Action], float] = lambda action: 1.0,
    n_test: int = 0,
    facts: Mapping[str, Any] | None = None,
) -> tuple[list[str], Evidence]:
    """All actions of a job in which every step ends well, and the last evidence."""
    quality = {"mini": 0.9, "static": 0.85, "generated": 0.8, "refined": 0.8} | dict(values or {})
    sizes = FIXED.sizes(spec, profile, budget)
    evidence, titles = Evidence(spec, budget, profile, sizes, n_test=n_test, spent_s=5.0), []
    for _ in range(20):
        action = FIXED.next(evidence).action
        assert FIXED.next(evidence).action == action
        assert action.reason
        titles.append(action.title)
        if action.kind == Kind.PUBLISH:
            return titles, evidence
        changes: dict[str, Any] = {
            Kind.TEACH: {"audit": AUDIT},
            Kind.DISTIL: {"trials": (*evidence.trials, trial(action.tier, quality.get(action.tier, 0)))},
            Kind.REFINE: {
                "trials": (*evidence.trials, trial("mini", quality["refined"], variant=Variant.REFINED))
            },
            Kind.GENERATE: {
                "trials": (
                    *evidence.trials,
                    trial(action.tier, quality["generated"], variant=Variant.GENERATED),
                ),
                "generations": {**evidence.generations, action.model: {"accepted": 30}},
            },
            Kind.FORGO: {"forgone": {**evidence.forgone, action.model: action.reason}},
            Kind.EXAMINE: {"examined": {**evidence.examined, action.model: facts or FACTS}},
            Kind.CONSULT: {"consulted": {**evidence.consulted, action.model: {}}},
            Kind.PACKAGE: {"packages": {**evidence.packages, action.tier: SIZE.get(action.tier)}},
            Kind.EVALUATE: {"tests": {**evidence.tests, action.tier: {}}},
        }[action.kind]
        evidence = evidence.evolve(**changes, spent_s=evidence.spent_s + took(action))
    raise AssertionError(f"no end after {titles}")


def test_the_usual_course() -> None:
    titles, evidence = course(task(), took=lambda action: action.forecast_s)

    assert titles == [
        "teach",
        "distil mini",
        "refine mini",
        "distil static",
        "package mini",
        "package static",
        "publish",
    ]
    assert evidence.spent_s <= evidence.budget_s


def test_little_unlabelled_text_asks_for_the_generator() -> None:
    titles, evidence = course(task(), replace(PROFILE, pool=100))

    assert titles[1:] == [
        "distil mini",
        "refine mini",
        "distil static",
        "generate mini by embedded",
        "package mini",
        "package static",
        "publish",
    ]
    assert titles.count("generate mini by embedded") == 1
    chosen = best_trial(evidence)
    assert chosen is not None
    assert chosen.variant == Variant.PLAIN  # it was worse with generated texts


FACTS = {
    "text_seconds": 0.1,
    "text_tokens": 400.0,
    "text_money": 0.001,
    "tokens_per_second": 50.0,
    "at_once": 8,
    "tries": 1.0,
    "tuning_tokens": 0,
}


def test_language_models_are_examined_then_asked_then_made_to_write() -> None:
    titles, _ = course(task(teachers=["big"], generators=["big"]))

    assert titles[:3] == ["teach", "examine big", "consult big"]
    assert titles.count("generate mini by big") == 1
    assert "generate mini by embedded" not in titles


def test_tuning_a_model_for_too_long_is_not_begun() -> None:
    spec = task(generators=["big"], budget={"seconds": 160.0})
    slow = FACTS | {"tuning_tokens": 400_000}

    assert any("generate" in title for title in course(spec, budget=160.0, facts=FACTS)[0])
    assert not any("generate" in title for title in course(spec, budget=160.0, facts=slow)[0])


def test_a_writer_that_is_not_asked_is_forgone_with_its_reason() -> None:
    spec = task(generators=["big"], budget={"seconds": 160.0})
    titles, evidence = course(spec, budget=160.0, facts=FACTS | {"tuning_tokens": 400_000})
    met, reached = course(task(generators=["big"], goal={"target": 0.7}))

    assert titles.count("no texts by big") == met.count("no texts by big") == 1
    assert re.fullmatch(r"at least [\d,]+ s were needed, \d+ s were left for it", evidence.forgone["big"])
    assert why_untried(evidence, "big") == f"not tried: {evidence.forgone['big']}"
    assert why_untried(reached, "big") == "not tried: the target was met without them"


@pytest.mark.parametrize("budget", [300.0, 600.0, 1200.0])
def test_time_is_kept_for_a_writer_that_is_named(budget: float) -> None:
    spec = task(teachers=["big"], generators=["big"], budget={"seconds": budget})
    slow = FACTS | {"text_seconds": 0.5}

    titles, evidence = course(spec, budget=budget, facts=slow, took=lambda action: action.forecast_s)

    assert titles.count("generate mini by big") == 1
    assert evidence.spent_s <= budget


def test_tokens_are_kept_for_a_writer_that_is_named() -> None:
    facts = {"examined": {"big": FACTS}, "audit": AUDIT, "spent_tokens": 30_000}
    spec = task(teachers=["big"], budget={"tokens": 300_000})
    alone = Evidence(spec, 170.0, PROFILE, SIZES, **facts)
    also_writes = replace(alone, spec=task(teachers=["big"], generators=["big"], budget={"tokens": 300_000}))

    asked, fewer = model_costs.texts_to_ask(alone, FACTS), model_costs.texts_to_ask(also_writes, FACTS)
    left = 270_000 - 1.5 * fewer * FACTS["text_tokens"]
    spent = also_writes.evolve(consulted={"big": {}}, spent_tokens=int(300_000 - left))

    assert fewer < asked
    assert model_costs.texts_to_write(spent, FACTS, 10.0).count > 0


def test_a_generator_that_was_not_tried_has_a_reason_of_its_own() -> None:
    evidence = Evidence(
        task(goal={"target": 0.9}), 100.0, PROFILE, SIZES, examined={"big": {"problem": "gone"}}
    )
    scarce = replace(evidence, profile=replace(PROFILE, pool=10))

    assert why_untried(evidence, "embedded") == (
        "not tried: there is enough unlabelled text, 6000 for 6 labels"
    )
    assert why_untried(scarce, "embedded") == "not tried: the budget was spent"
    met = scarce.evolve(trials=(trial("mini", 0.95),))
    assert why_untried(met, "embedded") == "not tried: the target was met without its texts"
    assert why_untried(evidence, "big") == "left out: gone"


def test_a_model_without_tokens_left_is_not_asked_about_gold() -> None:
    spec = task(teachers=["big"], budget={"tokens": 100})
    evidence = Evidence(spec, 170.0, PROFILE, SIZES, audit=AUDIT, examined={"big": FACTS})

    action = FIXED.next(evidence).action

    assert (action.title, action.forecast_s) == ("consult big", 0.0)
    assert action.reason == "the budget of tokens is spent before big was asked about any text"


def test_a_model_that_cannot_be_reached_is_asked_nothing_more() -> None:
    titles, _ = course(task(teachers=["big"], generators=["big"]), facts={"problem": "no answer"})

    assert [title for title in titles if "big" in title] == ["examine big"]
    assert titles[-1] == "publish"


@pytest.mark.parametrize(
    ("limit", "pool"),
    [
        ({"tokens": 100_000}, True),
        ({"tokens": 20_000}, False),
        ({"money": 0.25}, True),
        ({"money": 0.06}, False),
    ],
)
def test_the_pool_is_asked_about_where_tokens_and_money_allow(limit: dict[str, float], pool: bool) -> None:
    evidence = course(task(teachers=["big"], budget=limit))[1]
    asked = next(
        action for action in [FIXED.next(evidence.evolve(consulted={})).action] if action.kind == Kind.CONSULT
    )

    assert ("unlabelled" in asked.reason) == pool


def test_generated_texts_are_used_where_they_help() -> None:
    _, evidence = course(task(), replace(PROFILE, pool=100), values={"generated": 0.95})

    chosen = best_trial(evidence)
    assert chosen is not None
    assert (chosen.tier, chosen.variant) == ("mini", Variant.GENERATED)


@pytest.mark.parametrize(("target", "generates"), [(0.85, False), (0.9, False), (0.95, True)])
def test_a_reached_target_ends_the_search(target: float, generates: bool) -> None:
    titles, _ = course(task(goal={"target": target}), replace(PROFILE, pool=100))

    assert ("generate mini by embedded" in titles) == generates
    assert titles[-1] == "publish"


def test_the_smaller_student_is_made_first_rate_by_the_larger() -> None:
    titles, _ = course(task(student={"tier": "static"}))

    assert titles == ["teach", "distil mini", "refine mini", "distil static", "package static", "publish"]


def test_a_wish_for_mini_makes_no_static() -> None:
    titles, evidence = course(task(student={"tier": "mini"}), values={"mini": 0.6})

    assert titles == ["teach", "distil mini", "refine mini", "package mini", "publish"]
    chosen = best_trial(evidence)
    assert chosen is not None
    assert chosen.tier == "mini"


def test_a_tiny_budget_still_publishes() -> None:
    titles, _ = course(task(budget={"seconds": 3.0}), budget=3.0)

    assert titles == ["teach", "distil static", "package static", "publish"]


def test_a_step_that_took_too_long_costs_the_larger_student() -> None:
    titles, _ = course(
        task(budget={"seconds": 160.0}),
        budget=160.0,
        took=lambda action: 150.0 if action.kind == Kind.TEACH else action.forecast_s,
    )

    assert titles == ["teach", "distil static", "package static", "publish"]


def test_nothing_left_still_packages_what_there_is() -> None:
    titles, evidence = course(task(budget={"seconds": 160.0}), took=lambda action: 10_000.0)

    assert titles == ["teach", "distil static", "package static", "publish"]
    assert best_trial(evidence) is not None


def test_a_language_without_encoder_gets_a_static_student() -> None:
    titles, _ = course(task(), replace(PROFILE, encoder=None, encode_s=None, language="zh"))

    assert titles == ["teach", "distil static", "package static", "publish"]


@pytest.mark.parametrize("tier", ["mini", "base"])
def test_a_wish_that_no_model_can_meet_is_refused_before_any_work(tier: str) -> None:
    profile = replace(PROFILE, encoder=None, encode_s=None, language="zh")

    with pytest.raises(MissingDependency) as caught:
        FIXED.sizes(task(student={"tier": tier}), profile, 100.0)

    assert "GTS_CATALOGUE" in caught.value.mend
    assert tier == "base" or "'zh'" in caught.value.message


@pytest.mark.parametrize(
    ("wish", "tier"),
    [
        ({}, "mini"),
        ({"max_parameters": 22_000_000}, "mini"),
        ({"max_parameters": 10_000_000}, "static"),
        ({"max_latency_ms": 1.0}, "static"),
        ({"max_latency_ms": 10.0, "max_parameters": 30_000_000}, "mini"),
        ({"tier": "mini", "max_latency_ms": 1.0}, None),
        ({"max_parameters": 1000}, None),
    ],
)
def test_limits_leave_out_what_is_too_large_or_too_slow(wish: dict[str, Any], tier: str | None) -> None:
    titles, evidence = course(task(student=wish))

    chosen = best_trial(evidence)
    assert (chosen.tier if chosen else None) == tier
    assert titles[-1] == "publish"
    verdict = FIXED.next(evidence).action.reason
    assert ("no student is within the limits" in verdict) == (tier is None)


def test_what_has_not_been_measured_is_not_ruled_out() -> None:
    evidence = Evidence(
        task(student={"max_parameters": 10}), 100.0, PROFILE, SIZES, trials=(trial("mini", 0.9),)
    )

    assert allowed(evidence, "mini")
    assert not allowed(evidence.evolve(packages=SIZE), "mini")


def test_the_least_loss_wins_between_tiers() -> None:
    evidence = Evidence(
        task(), 100.0, PROFILE, SIZES, trials=(trial("mini", 0.9, loss=0.5), trial("static", 0.88, loss=0.4))
    )

    chosen = best_trial(evidence)
    assert chosen is not None
    assert chosen.tier == "static"


@pytest.mark.parametrize(
    ("spec", "mini_seed_only"), [(task(goal={"target": 0.9}), 0.5), (task(), 0.89)], ids=["target", "twin"]
)
def test_less_loss_costs_neither_a_reached_target_nor_the_other_tiers_twin(
    spec: TaskSpec, mini_seed_only: float
) -> None:
    mini, static = trial("mini", 0.9, mini_seed_only, loss=0.5), trial("static", 0.88, loss=0.4)

    chosen = best_trial(Evidence(spec, 100.0, PROFILE, SIZES, trials=(mini, static)))

    assert chosen is mini


@pytest.mark.parametrize("wish", [{"tier": "static"}, {"max_parameters": 10_000_000}])
def test_a_job_that_ran_late_still_makes_the_student_that_may_be_published(wish: dict[str, Any]) -> None:
    spec = task(student=wish, budget={"seconds": 1000.0})
    evidence = Evidence(spec, 1000.0, PROFILE, SIZES, audit=AUDIT, trials=(trial("mini", 0.9),))
    evidence = evidence.evolve(spent_s=999.0, packages={"mini": SIZE["mini"]})

    assert FIXED.next(evidence).action.title == "distil static"


def test_a_student_worse_than_its_twin_gives_way_to_it() -> None:
    worse, level = trial("static", 0.6, seed_only=0.7), trial("static", 0.7, seed_only=0.7)

    assert (worse.winner, worse.best.value) == ("seed_only", 0.7)
    assert (level.winner, level.helps) == ("student", True)


def test_of_two_trials_of_a_tier_the_better_counts() -> None:
    plain, more = trial("mini", 0.8), trial("mini", 0.85, variant=Variant.GENERATED)
    evidence = Evidence(task(), 100.0, PROFILE, SIZES, trials=(plain, more))

    assert evidence.trial("mini") is more
    assert (
        evidence.evolve(trials=(trial("mini", 0.8, loss=0.3), trial("mini", 0.8, loss=0.2)))
        .trial("mini")
        .student.loss
        == 0.2
    )
    assert evidence.trial("static") is None


def test_every_step_before_the_end_has_a_forecast() -> None:
    evidence = Evidence(task(), 1000.0, PROFILE, SIZES)

    assert FIXED.next(evidence).action.forecast_s > 0
    assert FIXED.next(evidence.evolve(audit=AUDIT)).action.forecast_s > 0
    assert "80%" in FIXED.next(evidence.evolve(audit=AUDIT)).action.reason


def test_a_budget_too_small_for_steps_leaves_the_fitted_head() -> None:
    titles, _ = course(task(), budget=100.0)

    assert titles == ["teach", "distil mini", "distil static", "package mini", "package static", "publish"]


def test_a_refined_student_must_be_better_to_be_published() -> None:
    _, evidence = course(task(), values={"mini": 0.9, "refined": 0.89})
    _, better = course(task(), values={"mini": 0.9, "refined": 0.92})

    found = [evidence.trial("mini"), better.trial("mini")]
    assert [trial.variant for trial in found if trial] == [Variant.PLAIN, Variant.REFINED]


def test_test_texts_are_put_to_every_packaged_student_once_all_is_made() -> None:
    titles, _ = course(task(), n_test=100)

    assert titles[-5:] == ["package mini", "package static", "evaluate mini", "evaluate static", "publish"]


def test_a_writer_never_costs_a_job_its_encoder() -> None:
    """With a quarter of the time kept for the writer there would be none left for the encoder; the examples are worth more."""
    slow = replace(PROFILE, encode_s=0.02)
    planner, student = FIXED, {"tier": "static"}

    def sizes(budget: float, generators: list[str]) -> Sizes:
        spec = task(student=student, generators=generators, budget={"seconds": budget})
        return planner.sizes(spec, slow, budget)

    least = next(float(budget) for budget in range(10, 5000, 10) if sizes(budget, ["embedded"]).encoder)

    assert sizes(least, ["embedded", "big"]) == sizes(least, ["embedded"])
    assert sizes(4 * least, ["embedded", "big"]).encoder


def test_texts_made_of_the_users_own_never_cost_a_job_its_encoder() -> None:
    scarce = replace(PROFILE, encode_s=0.05, pool=0)
    least = next(sizes for sizes in reversed(costs.LADDER) if sizes.encoder)
    needed = costs.total_s(scarce, least, mini=True, generates=False) / 0.9

    assert costs.total_s(scarce, least, mini=True) > needed
    assert costs.choose_sizes(scarce, needed + 1, mini=True).encoder
    assert not costs.choose_sizes(scarce, needed / 2, mini=True).encoder
