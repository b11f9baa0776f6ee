"""From a packaged student to what people get: the folder with its card, and a revision in the registry."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gts.core.artifacts import ArtifactStore
from gts.core.blobs import storage_errors
from gts.student.card import write_card
from gts.student.layout import read_manifest, write_manifest


def assemble(
    store: ArtifactStore, package: str, report: Mapping[str, Any], target: Path, repository: str | None
) -> None:
    """Copy a packaged student to a folder and write its model card.

    Args:
        store: Artifacts.
        package: Digest of the packaged student.
        report: The job's report.
        target: Empty or absent folder.
        repository: ``namespace/name`` it will be published under, if any, for the card's snippets.

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
        metrics = {name: report[name] for name in ("estimate", "seed_only", "test", "counts")}
        manifest = manifest.model_copy(update={"metrics": metrics})
        write_manifest(target, manifest)
        write_card(target, report, manifest, repository)
