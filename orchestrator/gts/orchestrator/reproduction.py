"""Making a student again: the stage calls that led to it, run in their order in an empty store.

Nothing is decided anew: what the planner chose stands in the parameters of the calls. What a call reads is what the call
before it has given now, so that a difference goes on to the end as it would have then. Only what no stage has made is taken
from the store of the platform: the task's data, what people said of generated texts, and the answers of language models,
which cannot be had a second time.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gts.core import catalogue
from gts.core.artifacts import ArtifactStore
from gts.core.errors import GTSError, InvalidInput, NotFound, StageFailed
from gts.core.fingerprint import file_sha256
from gts.orchestrator.lineage import FORMAT, environment
from gts.orchestrator.publish import untold
from gts.orchestrator.stage import StageCall, StageTable, execute, stage_of
from gts.student.layout import CARD, LINEAGE, MANIFEST

_ANSWERS = "calls"
"""Folder of a store that holds what language models answered."""

OnStage = Callable[[int, int, str], None]
"""Told number, total and name of the stage that begins."""


@dataclass(frozen=True)
class Rebuilt:
    """What came of it.

    Attributes:
        package: Digest of the student in the store it was made in.
        task: Digest there of the data that its last stage read.
        stages: Each stage's name, and whether it gave the same bytes as then.
    """

    package: str
    task: str
    stages: tuple[tuple[str, bool], ...]


def check_recorded(lineage: Mapping[str, Any]) -> None:
    """Refuse a record that a student cannot be made from.

    Raises:
        InvalidInput: It holds no calls, or is of another form.
    """
    calls: list[Any] = lineage.get("calls") or []
    is_whole = bool(calls) and all(map(_is_call, calls)) and calls[-1]["artifact"] == lineage.get("package")
    if lineage.get("format") != FORMAT or not is_whole:
        raise InvalidInput(
            f"{LINEAGE} does not hold what is needed to make the student again",
            mend="only students that GTS has published since it writes that file can be made again; run the job anew",
        )


def rebuild(
    lineage: Mapping[str, Any],
    source: ArtifactStore,
    target: ArtifactStore,
    stages: StageTable,
    on_stage: OnStage = lambda number, total, name: None,
) -> Rebuilt:
    """Run the calls of a lineage.

    Args:
        lineage: Content of ``lineage.json``.
        source: The store of the platform that made the student.
        target: An empty store.
        stages: The stage table.
        on_stage: Told of each stage.

    Raises:
        InvalidInput: The lineage does not hold what is needed.
        NotFound: The data of the task is not in the store any more.
        StageFailed: This release has another version of a stage, or a stage failed.
        MissingDependency: A base model or a language model is not at hand.
        Unavailable: A language model cannot be reached.
    """
    check_recorded(lineage)
    recorded = lineage["calls"]
    for row in recorded:  # before any work
        _check_version(stages, row)
    made = {row["artifact"] for row in recorded}
    given = {digest for row in recorded for digest in row["inputs"].values()} - made
    became = {digest: _bring(digest, source, target) for digest in given}
    if (source.root / _ANSWERS).is_dir():  # new ones are kept there too: they are paid for once
        (target.root / _ANSWERS).symlink_to(source.root / _ANSWERS)
    done = []
    for number, row in enumerate(recorded, start=1):
        on_stage(number, len(recorded), row["name"])
        inputs = {name: became[digest] for name, digest in row["inputs"].items()}
        call = StageCall(row["name"], row["version"], row["params"], inputs)
        result = execute(target, stages, call, lambda fraction, message: None)
        became[row["artifact"]] = result.artifact
        done.append((row["name"], result.artifact == row["artifact"]))
    return Rebuilt(became[lineage["package"]], became[recorded[-1]["inputs"]["task"]], tuple(done))


def differing_surroundings(lineage: Mapping[str, Any]) -> list[str]:
    """What is not here as it was where the student was made, in words; empty where nothing differs."""
    then, here = lineage.get("environment") or {}, environment()
    found = [
        f"{name} {here['packages'].get(name, 'is missing')} here, {version} then"
        for name, version in (then.get("packages") or {}).items()
        if here["packages"].get(name) != version
    ]
    if then.get("python") != here["python"]:
        found.append(f"Python {here['python']} here, {then.get('python')} then")
    if then.get("machine") != here["machine"]:
        found.append("another machine: processor, cores or GPUs are not those of then")
    if (base := lineage.get("base_model")) and (problem := _base_model_differs(base)):
        found.append(problem)
    return found


def same_files(published: Path, rebuilt: Path) -> dict[str, bool]:
    """Whether each file of two student folders holds the same bytes; of ``gts.json`` whether it says the same student.

    What only tells of a student (card, measures, times, ``lineage.json``) is left out.
    """
    folders = [
        {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        for folder in (published, rebuilt)
    ]
    names = sorted((folders[0].keys() | folders[1].keys()) - {CARD, LINEAGE})
    return {name: _same(name, *(folder.get(name) for folder in folders)) for name in names}


def largest_difference(published: Path, rebuilt: Path) -> float | None:
    """The largest absolute difference of any weight in the safetensors files of two student folders.

    ``None`` where they cannot be held against each other: other files, tensors or shapes.
    """
    from safetensors.numpy import load_file

    largest = 0.0
    files = [sorted(path.name for path in folder.glob("*.safetensors")) for folder in (published, rebuilt)]
    if files[0] != files[1]:
        return None
    for name in files[0]:
        one, other = load_file(published / name), load_file(rebuilt / name)
        if {key: value.shape for key, value in one.items()} != {
            key: value.shape for key, value in other.items()
        }:
            return None
        for key, value in one.items():
            if value.size:
                apart = np.abs(value.astype(np.float64) - other[key].astype(np.float64)).max()
                largest = max(largest, float(apart))
    return largest


def _is_call(row: Any) -> bool:
    return (
        isinstance(row, Mapping)
        and row.keys() >= {"name", "version", "params", "inputs", "artifact"}
        and all(isinstance(row[name], Mapping) for name in ("params", "inputs"))
        and "task" in row["inputs"]
        and all(isinstance(digest, str) for digest in row["inputs"].values())
    )


def _check_version(stages: StageTable, row: Mapping[str, Any]) -> None:
    try:
        stage_of(stages, StageCall(row["name"], row["version"], row["params"], row["inputs"]))
    except StageFailed as error:
        raise StageFailed(
            error.message,
            mend="make the student again with the release of gts that made it",
            stage=row["name"],
        ) from error


def _bring(digest: str, source: ArtifactStore, target: ArtifactStore) -> str:
    try:
        folder = source.path(digest)
    except NotFound as error:
        raise NotFound(
            f"{source.root} does not hold the data that the student was made from (artifact {digest[:12]})",
            mend="run this where the platform keeps its data; --data-dir names that folder",
        ) from error
    with target.workspace() as workspace:
        copy = workspace / "copy"
        shutil.copytree(folder, copy)
        return target.commit(copy)


def _base_model_differs(base: Mapping[str, Any]) -> str | None:
    try:
        identity = catalogue.identity(base["id"])
    except GTSError as error:
        return f"the base model {base['id']} is not here: {error.message}"
    return (
        None if identity == base["identity"] else f"the files of the base model {base['id']} are others here"
    )


def _same(name: str, one: Path | None, other: Path | None) -> bool:
    if one is None or other is None:
        return False
    if name == MANIFEST:
        return untold(one.read_bytes()) == untold(other.read_bytes())
    return file_sha256(one) == file_sha256(other)
