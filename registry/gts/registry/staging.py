"""What someone wants to commit, while it is being received: operations, and the files that came with them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from gts.core.blobs import storage_errors


@dataclass(frozen=True)
class AddFile:
    """A file whose bytes came with the commit and lie on disk."""

    path: str
    content: Path


@dataclass(frozen=True)
class AddUpload:
    """A file whose bytes were uploaded before, or are in the repository already.

    Attributes:
        path: Where it goes.
        sha256: Digest of its bytes.
        size: Their number; None if the sender did not say.
    """

    path: str
    sha256: str
    size: int | None = None


@dataclass(frozen=True)
class Delete:
    """A file or a folder goes."""

    path: str
    folder: bool = False


Operation = AddFile | AddUpload | Delete


class Staging:
    """Files on their way into a commit; they go when the ``with`` block ends.

    Args:
        folder: Where they lie meanwhile; names are those that cleaners take for left-overs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path in self._paths:
            with suppress(FileNotFoundError):
                path.unlink()

    def write(self, blocks: Iterable[bytes]) -> Path:
        """Keep a file.

        Raises:
            StorageError: The disk is full.
        """
        with storage_errors("a file of a commit"):
            handle, name = tempfile.mkstemp(dir=self._folder, prefix=".part-")
            self._paths.append(Path(name))
            with os.fdopen(handle, "wb") as target:
                target.writelines(blocks)
        return self._paths[-1]
