"""What each strategy makes of the same task, if all goes as forecast; and the plan that shows it before anything is spent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gts.orchestrator.evidence import Evidence, Profile
from gts.orchestrator.experience import Experience
from gts.orchestrator.forecasts import forecast_of, gain_seen
from gts.orchestrator.gains import Gain
from gts.orchestrator.imagining import imagine
from gts.orchestrator.lines import planner_of
from gts.orchestrator.plan import Plan, plan_job
from gts.orchestrator.planner import Kind
from gts.orchestrator.priors import shipped_gains
from gts.tasks.spec import TaskSpec

PROFILE = Profile(
    gold=48,
    pool=5000,
    labels=6,
    smallest_label=8,
    language="en",
    encoder="tiny/encoder",
    encode_s=0.0025,
    chars=60.0,
)
STRATEGIES = ("greedy", "fixed", "all", "seed-only")


def task(strategy: str = "greedy", seconds_per_point: float = 120.0, **fields: Any) -> TaskSpec:
    planner = {"strategy": strategy, "seconds_per_point": seconds_per_point}
    own = {"labels": ["a", "b"]} if fields.get("type", "classification") == "classification" else {}
    return TaskSpec.model_validate({"name": "t", "planner": planner, **own, **fields})


def plan(spec: TaskSpec, profile: Profile = PROFILE, n_test: int = 0) -> Plan:
    return plan_job(spec, profile, planner_of(spec), n_test)


def actions(found: Plan) -> list[str]:
    return [step.action for step in found.steps]


def expecting(**gains: tuple[float, float]) -> Profile:
    known = shipped_gains() | {
        name.replace("_", " ").replace("more", "more text for"): Gain(*gain) for name, gain in gains.items()
    }
    return replace(PROFILE, experience=Experience(gains=known))


@pytest.mark.parametrize(
    "task_type", ["classification", "ner", "relation", "event", "similarity", "summarization"]
)
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("encoder", ["tiny/encoder", None])
def test_every_strategy_ends_with_a_student_of_every_type(
    task_type: str, strategy: str, encoder: str | None
) -> None:
    profile = replace(PROFILE, encoder=encoder, encode_s=0.0025 if encoder else None)
    found = plan(task(strategy, type=task_type), profile, n_test=100)

    assert found.steps[-1].value is not None
    assert any(step.action.startswith("package") for step in found.steps)
    assert any(step.action.startswith("evaluate") for step in found.steps)
    assert [step.spent_s for step in found.steps] == sorted(step.spent_s for step in found.steps)


def test_seed_only_teaches_nobody_and_everything_leaves_nothing_out() -> None:
    least, most = (actions(plan(task(strategy))) for strategy in ("seed-only", "all"))

    assert not any(action.startswith(("distil", "refine", "generate", "more")) for action in least)
    assert {"distil mini", "refine mini", "distil static", "generate mini by embedded"} <= set(most)


def test_they_cost_as_their_names_say() -> None:
    least, greedy, most = (plan(task(s)).steps[-1].spent_s for s in ("seed-only", "greedy", "all"))

    assert least < greedy < most / 2


def test_greedy_takes_more_text_as_long_as_it_pays() -> None:
    pays = expecting(more_classification_static=(0.05, 0.004))
    not_worth_it = expecting(more_classification_static=(0.0, 0.0001))
    spec = task(student={"tier": "static"})

    assert actions(plan(spec, pays)).count("more text for static") >= 2
    assert "more text for static" not in actions(plan(spec, not_worth_it))


def test_a_point_that_is_worth_more_time_buys_more() -> None:
    cheap, dear = (plan(task(seconds_per_point=worth)).steps for worth in (5.0, 5000.0))

    assert dear[-1].spent_s > cheap[-1].spent_s
    assert (dear[-1].value or 0) >= (cheap[-1].value or 0)


def test_greedy_leaves_a_generator_alone_that_never_helped() -> None:
    never = expecting(generate_classification_mini=(-0.02, 0.002))

    assert not any(action.startswith("generate") for action in actions(plan(task(), never)))


def test_greedy_stops_at_the_target_and_at_the_budget() -> None:
    static = task(student={"tier": "static"}, goal={"target": 0.3})
    assert "more text for static" not in actions(plan(static))

    few = plan(task(budget={"seconds": 60}))
    assert few.steps[-1].spent_s <= 66


def test_a_larger_student_that_is_not_wanted_helps_to_teach_the_smaller_one_first() -> None:
    found = actions(plan(task(student={"tier": "static"})))

    assert found.index("distil mini") < found.index("distil static")
    assert "package mini" not in found


def test_a_slow_platform_plans_for_less_and_says_so() -> None:
    slow = replace(PROFILE, experience=Experience(pace=3.0, factors={"stage teach classification": 3.0}))
    quick, late = (
        plan(task("fixed", budget={"seconds": 120})),
        plan(task("fixed", budget={"seconds": 120}), slow),
    )

    assert late.steps[-1].spent_s <= 135
    assert len(late.steps) <= len(quick.steps)
    assert "has run before" in late.basis
    assert "first measurement" in quick.basis


def test_a_plan_is_json_with_its_totals_and_widens_no_interval_beyond_the_possible() -> None:
    found = plan(task()).as_json()

    assert found["seconds"] == pytest.approx(sum(step["seconds"] for step in found["steps"]), abs=0.1)
    assert all(
        0 <= step["low"] <= step["value"] <= step["high"] <= 1 for step in found["steps"] if step["value"]
    )
    assert found["profile"]["gold"] == 48


def test_a_forecast_is_beside_what_came_of_it() -> None:
    spec = task()
    planner = planner_of(spec)
    evidence = Evidence(spec, 170.0, PROFILE, planner.sizes(spec, PROFILE, 170.0))
    seen = []
    while (option := planner.next(evidence)).action.kind != Kind.PUBLISH:
        forecast, after = forecast_of(evidence, option), imagine(evidence, option)
        assert forecast.seconds > 0
        assert (forecast.value is None) == (option.gain is None)
        if found := gain_seen(evidence, after, option.action):
            seen.append(found[0])
        evidence = after

    assert "distil classification mini" in seen
    assert all(name in shipped_gains() for name in seen)
