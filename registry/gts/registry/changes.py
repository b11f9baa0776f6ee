"""What a commit does to the files before it: pure functions over file entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gts.registry.errors import EntryNotFound
from gts.registry.values import FileEntry, Revision


@dataclass(frozen=True)
class Put:
    """A file takes its path, whatever was there."""

    file: FileEntry


@dataclass(frozen=True)
class Remove:
    """A file goes, or a folder with all that is in it."""

    path: str
    folder: bool = False


Change = Put | Remove


def changed(
    files: Sequence[FileEntry], changes: Sequence[Change], head: Revision | None
) -> tuple[FileEntry, ...]:
    """The files after the changes, sorted by path; later changes see what earlier ones did.

    Args:
        files: The files before.
        changes: What to do.
        head: The commit whose files they are, for the error.

    Raises:
        EntryNotFound: What is to be removed is not there.
    """
    found = {file.path: file for file in files}
    for change in changes:
        match change:
            case Put(file):
                found[file.path] = file
            case Remove(path, folder):
                gone = [other for other in found if other.startswith(f"{path}/")] if folder else [path]
                if not gone or any(other not in found for other in gone):
                    raise EntryNotFound(
                        # By these words clients explain how folders are written.
                        f"A {'folder' if folder else 'file'} with this name doesn't exist: {path[:300]!r}",
                        mend="list the repository's files to see what there is",
                        commit=head.oid if head else "",
                    )
                for other in gone:
                    del found[other]
    return tuple(found[path] for path in sorted(found))
