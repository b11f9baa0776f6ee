"""What a planner can have done to a classification task."""

from __future__ import annotations

from typing import Any

from gts.core.artifacts import StageResult
from gts.core.llm.entries import find
from gts.core.llm.values import Fault
from gts.core.threads import machine_name
from gts.orchestrator import consultation, costs, generation
from gts.orchestrator.asking_next import BATCH
from gts.orchestrator.choosing import best_trial
from gts.orchestrator.evidence import Sizes, Variant
from gts.orchestrator.planner import Action
from gts.orchestrator.run import Run
from gts.orchestrator.site_models import OUT_OF_REACH, TEACHING, asked_with, in_words
from gts.orchestrator.stages.beliefs import GENERATED
from gts.orchestrator.taskstore import put_test
from gts.orchestrator.trials import try_seed_only, try_student
from gts.tasks.dataset import TaskData


def teach(run: Run[TaskData], action: Action) -> str:
    """Fit the teachers on every fold and on all gold, and audit them."""
    _teach(run, None)
    audit = run.evidence.audit or {}
    shares = ", ".join(f"{name} {weight:.0%}" for name, weight in audit["weights"].items() if weight > 0)
    return f"{audit['ensemble_accuracy']:.1%} on held-out gold with {shares}"


def _teach(run: Run[TaskData], before: Sizes | None) -> None:
    """Fit and audit; with sizes of before, the encoders that were tuned then are used again."""
    profile, sizes = run.evidence.profile, run.evidence.sizes
    inputs: dict[str, str] = {}
    pool = min(profile.pool, sizes.pool)
    if sizes.encoder:
        params = {"encoder": profile.encoder, "weights": profile.weights, "pool": pool}
        inputs["embed"] = run.runner.run("embed", "", params, costs.embed_s(profile, pool)).artifact
        run.artifacts["embed"] = inputs["embed"]

    def fit(fold: int | None, teachers: list[str] | None) -> str:
        params = run.fold_params(fold) | {"embed_pool": pool, "tune_steps": sizes.tune_steps}
        params |= {"max_length": costs.max_length(profile), "teachers": teachers}
        own, steps = dict(inputs), sizes.tune_steps
        if before is not None:
            own["before"], steps = run.artifacts[f"teach {fold}"], 0
            params["before_pool"] = min(profile.pool, before.pool if fold is None else before.fold_pool)
        learnt = profile.gold if fold is None else costs.fold_gold(profile, sizes)
        forecast = costs.teach_s(profile, learnt, params["pool"], steps, sizes.encoder)
        run.artifacts[f"teach {fold}"] = run.runner.run(
            "teach", run.fold_name(fold), params, forecast, **own
        ).artifact
        return run.artifacts[f"teach {fold}"]

    folds = {f"fold{k}": fit(k, None) for k in range(sizes.folds)}
    result = run.runner.run("audit", "", {"folds": sizes.folds, "models": []}, 1.0, **folds)
    run.artifacts["audit"] = result.artifact
    run.evidence = run.evidence.evolve(audit=result.summary)
    fit(None, sorted(name for name, weight in result.summary["weights"].items() if weight > 0))


def examine(run: Run[TaskData], action: Action) -> str:
    """See what a language model can do."""
    try:
        entry = find(action.model)
        # What is measured hangs on these too; questions that were answered before are not asked again.
        params = {"model": action.model, **asked_with(action.model, TEACHING), "machine": machine_name()}
        params |= entry.model_dump(include={"price", "concurrency", "search", "tune"})
        facts = run.runner.run("examine", action.model, params, action.forecast_s).summary
    except OUT_OF_REACH as error:
        facts = {"problem": in_words(error)}
    run.evidence = run.evidence.evolve(examined={**run.evidence.examined, action.model: facts})
    if "problem" in facts:
        return f"it is left out: {facts['problem']}"
    can = [
        word
        for word, able in (("log-probabilities", facts["logprobs"]), ("JSON schemas", facts["schema"]))
        if able
    ]
    return (
        f"{facts['text_seconds']:.2f} s and {facts['text_tokens']:.0f} tokens a text; "
        f"it gives {' and '.join(can) or 'neither log-probabilities nor schemas'}"
    )


def consult(run: Run[TaskData], action: Action) -> str:
    """Ask a language model about texts."""
    try:
        facts = consultation.consult(run, action.model)
    except OUT_OF_REACH as error:
        facts = {"problem": in_words(error)}
    run.evidence = run.evidence.evolve(consulted={**run.evidence.consulted, action.model: facts})
    if "problem" in facts:
        return f"it is left out: {facts['problem']}"
    return str(facts["outcome"])


def distil(run: Run[TaskData], action: Action) -> str:
    """Train a tier on what the teachers say."""
    trial = try_student(run, action.tier, Variant.PLAIN)
    verdict = (
        "the student is kept" if trial.helps else "the student is worse and is dropped for its seed-only twin"
    )
    return f"{trial.student.value:.1%} on held-out gold, seed-only {trial.seed_only.value:.1%}: {verdict}"


def seed(run: Run[TaskData], action: Action) -> str:
    """Train a tier on the labels alone."""
    trial = try_seed_only(run, action.tier)
    return f"{trial.seed_only.value:.1%} on held-out gold"


def more(run: Run[TaskData], action: Action) -> str:
    """Teach with more of the pool, and train the students again that were taught with less."""
    tiers = [tier for tier in ("mini", "static") if run.evidence.is_taught(tier)]
    before = {tier: run.evidence.trial(tier) for tier in tiers}
    if action.sizes is None:
        raise ValueError("more of the pool without saying how much")
    was, run.evidence = run.evidence.sizes, run.evidence.evolve(sizes=action.sizes)
    _teach(run, was)
    said = []
    for tier in tiers:
        trial, known = try_student(run, tier, Variant.PLAIN), before[tier]
        was_there = f", {known.best.value:.1%} before" if known else ""
        said.append(f"{tier} {trial.student.value:.1%} on held-out gold{was_there}")
    return "; ".join(said)


def refine(run: Run[TaskData], action: Action) -> str:
    """Train the mini student end to end."""
    return _again(run, action.tier, Variant.REFINED)


def generate(run: Run[TaskData], action: Action) -> str:
    """Let a generator write, and train the tier with its texts."""
    name = action.model
    try:
        summary = generation.generate(run, name, action.tier)
    except OUT_OF_REACH as error:
        run.evidence = run.evidence.evolve(
            generations={**run.evidence.generations, name: {"problem": in_words(error)}}
        )
        return f"it is left out: {in_words(error)}"
    run.evidence = run.evidence.evolve(generations={**run.evidence.generations, name: summary})
    if not summary["accepted"]:
        faults = {why for account in summary.get("asked", ()) for why in account["faults"]}
        spent = "; the budget was spent" if Fault.BUDGET.value in faults else ""
        return f"no text for the student of all gold passed the filters{spent}: not used"
    before = run.evidence.trial(action.tier)
    others = before.generators if before is not None and before.helps else ()
    compared = _again(run, action.tier, Variant.GENERATED, (*others, name))
    return f"{summary['accepted']} texts passed the filters; {compared}"


def forgo(run: Run[TaskData], action: Action) -> str:
    """Do without the texts of a language model."""
    run.evidence = run.evidence.evolve(forgone={**run.evidence.forgone, action.model: action.reason})
    return "not tried"


def _again(run: Run[TaskData], tier: str, variant: Variant, generators: tuple[str, ...] = ()) -> str:
    before = run.evidence.trial(tier)
    trial = try_student(run, tier, variant, generators)
    word = "kept" if run.evidence.trial(tier) is trial and trial.helps else "not used"
    was = f"{before.best.value:.1%} before" if before else "no student before"
    return f"{trial.student.value:.1%} on held-out gold, {was}: {word}"


def ask(run: Run[TaskData], action: Action) -> str:
    """Choose questions to a person."""
    trial = best_trial(run.evidence)
    if trial is None:
        raise ValueError("there is no student whose doubts could be asked about")
    inputs = {"teach": run.artifacts["teach None"], "audit": run.artifacts["audit"], **run.consulted(None)}
    inputs |= {f"fold {k}": artifact for k, artifact in enumerate(trial.folds)}
    if mini := run.evidence.assistant("mini"):
        inputs["student"] = mini.artifacts["student"]
    for name in run.evidence.generations:
        if f"generate {name} None" in run.artifacts:
            inputs[f"{GENERATED}{name}"] = run.artifacts[f"generate {name} None"]
    params = run.fold_params(None) | {
        "count": min(BATCH, run.evidence.left_questions),
        "temperature": round(trial.best.temperature, 4),
        "asked": sorted(run.asked_before),
    }
    return posed(run, run.runner.run("pose", "", params, action.forecast_s, **inputs))


def posed(run: Run[Any], result: StageResult) -> str:
    """Keep the questions that a stage chose; says how many of each kind."""
    counts = result.summary["questions"]
    run.artifacts["questions"] = result.artifact
    run.evidence = run.evidence.evolve(asked=sum(counts.values()))
    said = ", ".join(f"{count} of kind {kind}" for kind, count in counts.items())
    return said or "nothing is worth asking"


def package(run: Run[TaskData], action: Action) -> str:
    """Give the best student of a tier its published form, and measure it as it is served."""
    trial = run.evidence.trial(action.tier)
    if trial is None:
        raise ValueError(f"there is no {action.tier} student to package")
    params = {
        "tier": action.tier,
        "encoder": run.fold_params(None)["encoder"],
        "temperature": round(trial.best.temperature, 4),
        "taught": run.most_taught,
        "machine": machine_name(),
    }
    student = trial.artifacts[trial.winner]
    result = run.runner.run("package", action.tier, params, action.forecast_s, student=student)
    run.artifacts[f"package {action.tier}"] = result.artifact
    run.evidence = run.evidence.evolve(packages={**run.evidence.packages, action.tier: result.summary})
    speed, size = result.summary["texts_per_second"], result.summary["bytes"] / 1e6
    return f"{speed:,.0f} texts a second on one core, {size:.0f} MB"


def evaluate(run: Run[TaskData], action: Action) -> str:
    """Put the test file to the packaged student and its seed-only twin."""
    inputs = {
        "test": put_test(run.runner.store, run.data),
        "package": run.artifacts[f"package {action.tier}"],
    }
    trial = run.evidence.trial(action.tier)
    if trial is not None and trial.helps:
        inputs["seed_only"] = trial.artifacts["seed_only"]
    params = {"tier": action.tier}
    result = run.runner.run("evaluate", action.tier, params, action.forecast_s, **inputs).summary
    run.evidence = run.evidence.evolve(tests={**run.evidence.tests, action.tier: result})
    return f"{result['student']['accuracy']:.1%} right, seed-only {result['seed_only']['accuracy']:.1%}"
