"""The stages of a job, by name. One file each; this table is where code versions are raised."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from gts.core.blobs import storage_errors
from gts.core.threads import available_cores
from gts.orchestrator.stage import Progress, Stage

_ENCODER = "encoder"


def _late(name: str) -> Callable[[Mapping[str, Path], Mapping[str, Any], Path, Progress], dict[str, Any]]:
    """A stage's function, imported (and torch with it) only when it runs."""

    def run(
        inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
    ) -> dict[str, Any]:
        os.environ.setdefault(
            "HF_HUB_OFFLINE", "1"
        )  # weights come from the catalogue, never from the network
        with storage_errors(f"what stage {name} made"), _system_errors_of_safetensors():
            result: dict[str, Any] = import_module(f"gts.orchestrator.stages.{name}").run(
                inputs, params, out, progress
            )
        return result

    return run


@contextmanager
def _system_errors_of_safetensors() -> Iterator[None]:
    """Safetensors tells of a full disk in words only; give such an error its number back."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), str(error)) from error


def _stage(name: str, version: int, model: str | None = None) -> Stage:
    return Stage(name, version, _late(name), float(available_cores()), _ENCODER, model)


STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        _stage("guess", 1, model="model"),
        _stage("profile", 5),
        _stage("embed", 2),
        _stage("teach", 2),
        _stage("audit", 4),
        _stage("examine", 3, model="model"),
        _stage("consult", 2, model="model"),
        _stage("distil", 6),
        _stage("generate", 4, model="generator"),
        _stage("label", 1),
        _stage("package", 4),
        _stage("evaluate", 1),
        _stage("expect", 1),
        _stage("pose", 1),
        _stage("rows.mine", 2),
        _stage("rows.profile", 3),
        _stage("rows.begin", 2),
        _stage("rows.teach", 2),
        _stage("rows.examine", 3, model="model"),
        _stage("rows.consult", 2, model="model"),
        _stage("rows.audit", 2),
        _stage("rows.distil", 5),
        _stage("rows.generate", 2, model="generator"),
        _stage("rows.package", 2),
        _stage("rows.evaluate", 1),
        _stage("rows.expect", 1),
        _stage("rows.pose", 1),
    )
}
