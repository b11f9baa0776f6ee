"""From files on disk to checked, stored files: the way into the registry."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from gts.core.blobs import Blobs
from gts.core.errors import InvalidInput, TooLarge
from gts.registry.cards import MAX_CARD_BYTES, parse_card, summarize, summarize_dataset
from gts.registry.contents import check_content, check_name, read_config
from gts.registry.names import check_path, check_paths
from gts.registry.trees import git_blob_oid, lfs_pointer
from gts.registry.values import FileEntry, Kind

MAX_FILES = 10_000
CARD = "README.md"
CONFIG = "config.json"
# What clients keep for themselves in a folder they downloaded to.
_IGNORED = frozenset({".git", ".cache/huggingface"})
_LFS_BYTES = 10 << 20
_SNIFF_BYTES = 8000  # git's own measure for telling binary from text


def list_folder(root: Path) -> dict[str, Path]:
    """Path in the repository to path on disk, of all files in a folder, sorted.

    Raises:
        InvalidInput: There is no such folder, it is empty, or it holds something that is no plain file.
    """
    if not root.is_dir():
        raise InvalidInput(f"there is no folder {str(root)!r} to publish", mend="give the folder of a model")
    files: dict[str, Path] = {}
    for relative, path in _walk(root, ""):
        files[relative] = path
        check_count(len(files))
    if not files:
        raise InvalidInput(f"the folder {str(root)!r} holds no files", mend="give the folder of a model")
    return dict(sorted(files.items()))


def check_count(count: int) -> None:
    """Hold a repository to a number of files.

    Raises:
        TooLarge: There are too many.
    """
    if count > MAX_FILES:
        raise TooLarge(f"more than {MAX_FILES:,} files", mend="publish the model's files only")


def check_files(files: Mapping[str, Path]) -> None:
    """Check names and contents of files; nothing is stored yet.

    Raises:
        InvalidInput: A name or a content that may not be published; says which and why.
    """
    check_paths(files)
    for relative, path in files.items():
        with _open(path) as handle:
            check_file(relative, handle)


def check_file(path: str, handle: BinaryIO) -> None:
    """Check name and content of one file.

    Raises:
        InvalidInput: It may not be published; says why.
    """
    check_path(path)
    check_name(path)
    check_content(path, handle)
    if path == CARD:
        handle.seek(0)
        parse_card(_decoded(handle.read(MAX_CARD_BYTES + 1)))


def store(files: Mapping[str, Path], blobs: Blobs) -> tuple[FileEntry, ...]:
    """Put every file into the blob store.

    Raises:
        StorageError: The disk is full.
    """
    entries = []
    for relative, path in files.items():
        with _open(path) as handle:
            entries.append(_store_file(relative, handle, blobs))
    return tuple(entries)


def lfs_entry(path: str, sha256: str, size: int, content_oid: str | None = None) -> FileEntry:
    """A file that clients treat as an LFS object."""
    pointer = lfs_pointer(sha256, size)
    return FileEntry(path, size, sha256, git_blob_oid(len(pointer), [pointer]), True, content_oid)


def describe(kind: Kind, files: Iterable[FileEntry], locate: Callable[[FileEntry], Path]) -> dict[str, Any]:
    """What listings show of stored files, from their model card and configuration.

    Args:
        kind: What they are.
        files: All files of a commit, checked.
        locate: Where the bytes of one lie.
    """
    by_path = {file.path: file for file in files}
    card: dict[str, Any] = {}
    config: dict[str, Any] = {}
    if CARD in by_path:
        with _open(locate(by_path[CARD])) as handle:
            card = parse_card(_decoded(handle.read(MAX_CARD_BYTES + 1)))
    if kind is Kind.DATASET:
        return summarize_dataset(card)
    if CONFIG in by_path:
        with _open(locate(by_path[CONFIG])) as handle:
            config = read_config(CONFIG, handle)
    return summarize(card, config, by_path)


def _store_file(relative: str, handle: BinaryIO, blobs: Blobs) -> FileEntry:
    reader = _GitHashing(handle)
    sha256, size = blobs.put(cast("BinaryIO", reader))
    if size != reader.size:
        raise InvalidInput(
            f"{relative!r} changed while it was being read", mend="publish again when it is finished"
        )
    if size > _LFS_BYTES or b"\0" in reader.start:
        return lfs_entry(relative, sha256, size, reader.oid)
    return FileEntry(relative, size, sha256, reader.oid, False, reader.oid)


class _GitHashing:
    """Hands a file on and takes git's hash and the first bytes as they pass."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self.size = os.fstat(handle.fileno()).st_size
        self.start = b""
        self._hasher = hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)

    def read(self, count: int = -1) -> bytes:
        block = self._handle.read(count)
        self._hasher.update(block)
        if len(self.start) < _SNIFF_BYTES:
            self.start += block[: _SNIFF_BYTES - len(self.start)]
        return block

    @property
    def oid(self) -> str:
        return self._hasher.hexdigest()


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            relative = f"{prefix}{entry.name}"
            if relative in _IGNORED:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{relative}/")
            elif entry.is_file(follow_symlinks=False):
                yield relative, Path(entry.path)
            else:
                raise InvalidInput(
                    f"{relative!r} is a link or a special file",
                    mend="publish a folder of plain files; copy what the link points to",
                )


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    # O_NOFOLLOW and O_NONBLOCK: the file may have become a link or a pipe since it was listed.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as handle:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidInput(f"{path.name!r} is not a plain file", mend="publish plain files only")
        yield handle


def _decoded(data: bytes) -> str:
    if len(data) > MAX_CARD_BYTES:
        raise TooLarge(f"README.md is larger than {MAX_CARD_BYTES >> 20} MiB", mend="shorten the model card")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"README.md is not UTF-8: {error}", mend="save it as UTF-8", file=CARD) from None
