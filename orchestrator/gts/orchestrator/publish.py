"""From a packaged student to what people get: the folder with its card, and a revision in the registry."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gts.core.artifacts import ArtifactStore
from gts.core.blobs import storage_errors
from gts.core.errors import NotFound
from gts.core.fingerprint import file_sha256
from gts.student.card import write_card
from gts.student.layout import CARD, LINEAGE, MANIFEST, read_manifest, write_manifest

if TYPE_CHECKING:
    from gts.orchestrator.records import ModelReference
    from gts.registry.registry import Registry
    from gts.student.selective import HeldOut

_MEASURED = ("estimate", "measured", "measured_on", "seed_only", "test", "counts")
_SERVED = (
    "parameters",
    "bytes",
    "texts_per_second",
    "latency_ms",
    "serving",
    "int8_agreement",
    "int8_loss",
)
_TOLD = ("metrics", "held_out", "created_at", "gts_version")
"""Keys of the manifest that tell of the student and are no part of it."""


def assemble(
    store: ArtifactStore,
    package: str,
    report: Mapping[str, Any],
    lineage: Mapping[str, Any],
    target: Path,
    repository: str | None,
    held_out: HeldOut | None = None,
) -> None:
    """Copy a packaged student to a folder and write its model card, and where it comes from.

    Args:
        store: Artifacts.
        package: Digest of the packaged student.
        report: The job's report.
        lineage: Where it comes from (see :func:`gts.orchestrator.lineage.lineage_of`).
        target: Empty or absent folder.
        repository: ``namespace/name`` it will be published under, if any, for the card's snippets.
        held_out: How sure the student was of labelled rows that it had not seen.

    Raises:
        StorageError: The disk is full.
    """
    with storage_errors(f"the student in {target.name}"):
        source = store.path(package)
        for path in sorted(source.rglob("*")):  # copytree would hide what went wrong in an error of its own
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file():
                shutil.copy(path, place)
        manifest = read_manifest(target)
        metrics = {name: report[name] for name in _MEASURED}
        metrics["student"] = {
            name: student[name] for student in report["students"] if student["published"] for name in _SERVED
        }
        manifest = manifest.model_copy(update={"metrics": metrics, "held_out": held_out})
        write_manifest(target, manifest)
        (target / LINEAGE).write_text(json.dumps(lineage, ensure_ascii=False, indent=1) + "\n", "utf-8")
        write_card(target, report, manifest, repository)


def is_published(registry: Registry, model: ModelReference, folder: Path) -> bool:
    """Whether a revision holds the student of an assembled folder; what is told of it may differ."""
    try:
        revision = registry.resolve(model.namespace, model.name, model.revision)
    except NotFound:  # somebody has removed the repository
        return False
    there = {file.path: file.sha256 for file in registry.files(revision)}
    here = {
        path.relative_to(folder).as_posix(): file_sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    told = {CARD: "", MANIFEST: "", LINEAGE: ""}
    if there | told != here | told:
        return False
    published = registry.read(revision, MANIFEST)
    return published is not None and untold(published) == untold((folder / MANIFEST).read_bytes())


def untold(manifest: bytes) -> dict[str, Any]:
    """What a manifest says of the student itself, without what was measured of it and when."""
    return {key: value for key, value in json.loads(manifest).items() if key not in _TOLD}
