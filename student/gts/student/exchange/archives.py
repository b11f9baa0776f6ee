"""A student folder as one file: a tar, the same bytes for the same files."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from gts.core.errors import InvalidInput, TooLarge

SUFFIXES = (".tar.gz", ".tgz", ".tar")
MOST_FILES = 10_000
MOST_BYTES = 8 << 30


def pack(folder: Path, archive: Path) -> None:
    """Write a folder's files into an archive; nothing of the machine or the moment is kept.

    Args:
        folder: A student folder.
        archive: The file to write, ``.tar``, ``.tar.gz`` or ``.tgz``.
    """
    with (
        _writing(archive) as target,
        tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.is_symlink():
                continue
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as source:
                tar.addfile(entry, source)


def unpack(archive: Path, folder: Path) -> None:
    """Read an archive into a folder: plain files only, none outside it.

    Where all files lie in one folder of the archive, that folder is left out.

    Args:
        archive: The file.
        folder: An empty folder.

    Raises:
        InvalidInput: It is no archive, is damaged, or holds something else than files and folders inside it.
        TooLarge: It holds too many files, or too much.
    """
    try:
        with tarfile.open(archive, "r:*") as tar:
            members = _checked(tar, archive)
            top = _common_folder([member.name for member in members])
            for member in members:
                member.name = member.name.removeprefix(top)
                tar.extract(member, folder, filter="data")
    except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
        raise InvalidInput(
            f"{archive.name!r} cannot be unpacked: {error}",
            mend="give a .tar or .tar.gz of a student's files, as `gts export` writes it",
        ) from error


def _checked(tar: tarfile.TarFile, archive: Path) -> list[tarfile.TarInfo]:
    members, total = [], 0
    for member in tar:
        if member.isdir():
            continue
        if not member.isfile():
            raise InvalidInput(
                f"{member.name[:200]!r} in {archive.name!r} is a link or a special file",
                mend="pack plain files only",
            )
        member.name = member.name.removeprefix("./")
        members.append(member)
        total += member.size
        if len(members) > MOST_FILES or total > MOST_BYTES:
            raise TooLarge(
                f"{archive.name!r} holds more than {MOST_FILES:,} files or {MOST_BYTES >> 30} GiB",
                mend="pack the files of one student",
            )
    if not members:
        raise InvalidInput(f"{archive.name!r} holds no files", mend="pack the files of a student")
    return members


def _common_folder(names: list[str]) -> str:
    """The folder that all names begin with, with its slash.

    Example:
        >>> _common_folder(["a/b", "a/c/d"]), _common_folder(["a/b", "c"])
        ('a/', '')
    """
    tops = {name.partition("/")[0] if "/" in name else "" for name in names}
    top = tops.pop()
    return f"{top}/" if top and not tops else ""


@contextmanager
def _writing(archive: Path) -> Iterator[IO[bytes]]:
    with archive.open("wb") as raw:
        if archive.name.endswith(".tar"):
            yield raw
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
            yield cast("IO[bytes]", packed)
