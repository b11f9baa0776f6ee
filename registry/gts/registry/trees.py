"""A commit's files as a tree: pure functions over file entries."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from gts.core.fingerprint import fingerprint
from gts.registry.values import FileEntry, Folder, Revision


def git_blob_oid(size: int, content: Iterable[bytes]) -> str:
    """The id git gives a file of ``size`` bytes.

    Example:
        >>> git_blob_oid(0, [])
        'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    hasher = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    for block in content:
        hasher.update(block)
    return hasher.hexdigest()


def lfs_pointer(sha256: str, size: int) -> bytes:
    """The small file that stands for an LFS object in a git tree."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def tree_digest(files: Iterable[FileEntry]) -> str:
    """SHA-256 that is equal for equal sets of paths and contents."""
    return fingerprint(sorted([file.path, file.sha256, file.size] for file in files))


def entries_under(
    files: Sequence[FileEntry], folder: str, *, recursive: bool
) -> tuple[FileEntry | Folder, ...] | None:
    """What lies in a folder, sorted by path.

    Args:
        files: All files of the commit.
        folder: Path without a slash at its end; empty for the root.
        recursive: Whether to go into its folders.

    Returns:
        Files and folders, or None if there is no such folder.
    """
    prefix = f"{folder}/" if folder else ""
    below = [file for file in files if file.path.startswith(prefix)]
    if not below and folder:
        return None
    found: dict[str, FileEntry | Folder] = {}
    for file in below:
        parts = file.path.removeprefix(prefix).split("/")
        for depth in range(1, len(parts) if recursive else min(len(parts), 2)):
            path = prefix + "/".join(parts[:depth])
            if path not in found:
                found[path] = Folder(path, folder_oid(files, path))
        if recursive or len(parts) == 1:
            found[file.path] = file
    return tuple(found[path] for path in sorted(found))


def folder_oid(files: Iterable[FileEntry], folder: str) -> str:
    """The id git would give the tree of a folder (empty for the root)."""
    prefix = f"{folder}/" if folder else ""
    own: dict[str, tuple[bytes, str]] = {}
    children: dict[str, list[FileEntry]] = {}
    for file in files:
        if not file.path.startswith(prefix):
            continue
        name, _, rest = file.path.removeprefix(prefix).partition("/")
        if rest:
            children.setdefault(name, []).append(file)
        else:
            own[name] = (b"100644", file.git_oid)
    for name, below in children.items():
        # Git sorts folders as if their names ended with a slash.
        own[f"{name}/"] = (b"40000", folder_oid(below, prefix + name))
    listing = b"".join(
        mode + b" " + name.removesuffix("/").encode() + b"\0" + bytes.fromhex(oid)
        for name, (mode, oid) in sorted(own.items(), key=lambda item: item[0].encode())
    )
    return hashlib.sha1(b"tree %d\0" % len(listing) + listing, usedforsecurity=False).hexdigest()


def last_changes(
    history: Sequence[Revision], contents: Mapping[str, Mapping[str, str]]
) -> dict[str, Revision]:
    """For every file and folder of the newest revision, the revision that last changed it.

    Args:
        history: Newest first, down to the first commit.
        contents: For each commit id, path to SHA-256.

    Returns:
        Path to revision. A folder changes with any file in it, also with one that was removed.
    """
    if not history:
        return {}
    changes = _last_file_changes(history, contents)
    newest = contents[history[0].oid]
    wanted = set(newest) | {folder for path in newest for folder in _folders(path)}
    found: dict[str, Revision] = {}
    for path, revision in changes.items():
        for place in (path, *_folders(path)):
            if place in wanted and (place not in found or found[place].seq < revision.seq):
                found[place] = revision
    return found


def _last_file_changes(
    history: Sequence[Revision], contents: Mapping[str, Mapping[str, str]]
) -> dict[str, Revision]:
    changes: dict[str, Revision] = {}
    for index, revision in enumerate(history):
        now = contents[revision.oid]
        before = contents[history[index + 1].oid] if index + 1 < len(history) else {}
        for path in now.keys() | before.keys():
            if now.get(path) != before.get(path):
                changes.setdefault(path, revision)
    return changes


def _folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
