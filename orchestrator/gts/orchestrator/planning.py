"""Making the plan of a task: its data is counted and this machine timed, and nothing else is spent."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from gts.core.artifacts import ArtifactStore
from gts.core.errors import GTSError
from gts.core.threads import limit_threads
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.decisions import Decisions
from gts.orchestrator.lines import line_of, planner_of
from gts.orchestrator.plan import Plan, plan_job
from gts.orchestrator.produce import EventRecorder
from gts.orchestrator.production import profile_of
from gts.orchestrator.runner import StageRunner
from gts.orchestrator.site_models import check_models
from gts.orchestrator.stages import STAGES
from gts.orchestrator.taskstore import put_for_stages, put_task
from gts.tasks.saving import AnyTask, load_any_task


def plan_task(data: AnyTask, store: ArtifactStore) -> Plan:
    """Make the plan of a task.

    The task is stored and its data counted, which a job of the same task finds again. No language model is asked.

    Args:
        data: The checked task.
        store: Artifacts.

    Raises:
        InvalidInput: The task names a language model that the site does not have.
        MissingDependency: What the task demands cannot be made on this machine.
    """
    check_models(data.spec)
    spec, line = data.spec, line_of(data.spec.type)
    compute, recorder = InlineCompute(store, STAGES), EventRecorder(lambda event: None)
    task = put_for_stages(store, put_task(store, data), spec)
    runner = StageRunner(task, store, compute, recorder, spec.type)
    unasked = replace(data, spec=spec.evolve(teachers=()))  # examples are guessed without a language model
    prepared = line.prepare(runner, unasked, Decisions(runner))
    profile = profile_of(runner, line.profile, spec.language, prepared.picked)
    return plan_job(spec, profile, planner_of(spec), len(data.test), runner.spent_s)


def main(arguments: list[str]) -> int:
    """``python -m gts.orchestrator.planning STORE TASK``: print the plan of a stored task as JSON, or the error.

    A process of its own, because timing the encoder brings torch, which a web server does without.
    """
    root, digest = arguments
    limit_threads()
    try:
        store = ArtifactStore(Path(root))
        said, code = plan_task(load_any_task(store.path(digest)), store).as_json(), 0
    except GTSError as error:
        said, code = {"status": error.status, **error.as_json()}, 1
    sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
