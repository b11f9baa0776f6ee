"""Artifacts: content-addressed file sets that stages read and write, and the index of finished stages."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gts.core.blobs import clean_parts, storage_errors, sync_folder, write_atomically
from gts.core.errors import NotFound
from gts.core.fingerprint import canonical_json, file_sha256, fingerprint

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class StageResult:
    """What a finished stage left behind.

    Attributes:
        artifact: Digest of the output artifact.
        summary: JSON facts about the outcome (metrics, counts), small.
        seconds: Wall time the stage took when it really ran.
    """

    artifact: str
    summary: dict[str, Any]
    seconds: float


class ArtifactStore:
    """Folders of files named by the digest of their content, under one root.

    ``root/files/ab/<digest>/`` holds an artifact, ``root/stages/<key>.json`` says which artifact a stage
    call gave, ``root/tmp`` is where outputs grow before they are complete.

    Args:
        root: Folder of the store; made if it is not there.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root).resolve()
        for name in ("files", "stages", "tmp"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """The folder of an artifact.

        Raises:
            NotFound: The digest is malformed or nothing is stored under it.
        """
        folder = self.root / "files" / digest[:2] / digest
        if not _DIGEST.fullmatch(digest) or not folder.is_dir():
            raise NotFound(
                f"no artifact {digest!r}", mend="run the job again; finished stages are not repeated"
            )
        return folder

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A fresh folder inside the store, removed at the end whatever happens."""
        folder = Path(tempfile.mkdtemp(dir=self.root / "tmp"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def commit(self, folder: Path) -> str:
        """Move a finished folder into the store and return its digest.

        The digest covers relative paths and bytes. The folder must lie on the same file system
        (a :meth:`workspace` does); if the same content is stored already, the folder is dropped.

        Raises:
            StorageError: The disk is full.
        """
        with storage_errors("an artifact"):
            manifest: dict[str, str] = {}
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                manifest[path.relative_to(folder).as_posix()] = file_sha256(path)
                with path.open("rb") as handle:
                    os.fsync(handle.fileno())
            digest = fingerprint(manifest)
            target = self.root / "files" / digest[:2] / digest
            target.parent.mkdir(exist_ok=True)
            if target.is_dir():
                shutil.rmtree(folder)
            else:
                try:
                    os.rename(folder, target)
                except OSError:
                    if not target.is_dir():  # else: another process was first, with the same content
                        raise
                    shutil.rmtree(folder)
            sync_folder(target.parent)
            return digest

    def find(self, key: str) -> StageResult | None:
        """The result recorded for a stage key, if its artifact is still there."""
        try:
            record = json.loads((self.root / "stages" / f"{key}.json").read_text("utf-8"))
            result = StageResult(**record)
            self.path(result.artifact)
        except (FileNotFoundError, ValueError, TypeError, NotFound):  # a damaged record is as good as none
            return None
        return result

    def record(self, key: str, result: StageResult) -> None:
        """Remember what a stage key gave. Idempotent: the same key always names the same inputs."""
        record = {"artifact": result.artifact, "summary": result.summary, "seconds": result.seconds}
        write_atomically(self.root / "stages" / f"{key}.json", canonical_json(record).encode())

    def clean_temporary(self, older_than_s: float = 3600.0) -> int:
        """Remove workspaces and parts of records that dead processes left; returns how many."""
        removed = clean_parts(self.root / "stages", older_than_s)
        for folder in (self.root / "tmp").iterdir():
            with suppress(FileNotFoundError):  # its owner may be removing it
                if time.time() - folder.stat().st_mtime > older_than_s:
                    shutil.rmtree(folder, ignore_errors=True)
                    removed += 1
        return removed
