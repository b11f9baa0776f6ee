"""Which names may be given to repositories, references and files.

File names are strict because a published folder must unpack the same on every system: what is one file
here must not become another, or none, elsewhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from gts.core.errors import InvalidInput

MAX_PATH_BYTES = 255
_REPOSITORY_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_RESERVED_NAMESPACES = frozenset({"api", "models", "datasets", "spaces", "static", "v1", "v2"})
_OBJECT_ID = re.compile(r"[0-9a-f]{40}")
_FORBIDDEN_CHARACTERS = frozenset('\\<>:"|?*')
# Control, format (invisible, right-to-left tricks), surrogate, line and paragraph separators.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"}
)


def check_repository(namespace: str, name: str) -> None:
    """Hold a repository's name to the rules of the Hub's own client.

    Raises:
        InvalidInput: It breaks them.

    Example:
        >>> check_repository("acme", "support-tickets")
    """
    whole = f"{namespace}/{name}"
    parts_fit = all(_REPOSITORY_PART.fullmatch(part) for part in (namespace, name))
    if (
        parts_fit
        and len(whole) <= 96
        and "--" not in whole
        and ".." not in whole
        and not name.endswith(".git")
    ):
        if namespace.lower() not in _RESERVED_NAMESPACES:
            return
        raise InvalidInput(
            f"the namespace {namespace!r} is taken by the server itself", mend="choose another"
        )
    raise InvalidInput(
        f"{whole[:200]!r} is not a repository name",
        mend="use letters, digits, '.', '_' and '-' in `namespace/name`, at most 96 characters together, "
        "without '--' or '..', not beginning or ending with '.' or '-', not ending with '.git'",
    )


def check_ref(name: str) -> None:
    """Hold a branch, tag or alias name to git's rules, as far as they matter here.

    Raises:
        InvalidInput: It breaks them.
    """
    parts = name.split("/")
    fits = re.fullmatch(r"[A-Za-z0-9._/@+-]{1,100}", name) and all(
        part and not part.startswith((".", "-")) and not part.endswith((".", ".lock")) and ".." not in part
        for part in parts
    )
    if not fits or parts[0] == "refs" or _OBJECT_ID.fullmatch(name):
        raise InvalidInput(
            f"{name[:200]!r} is not a branch, tag or alias name",
            mend="use letters, digits and . _ - + @, folders with '/', at most 100 characters; "
            "not 'refs/...' and not a commit id",
        )


def check_text(what: str, text: str, limit: int) -> None:
    """Hold a free text to a length and to characters that every database can keep.

    Raises:
        InvalidInput: It is too long, or holds NUL or half a surrogate pair.
    """
    if len(text) > limit:
        raise InvalidInput(
            f"the {what} has {len(text):,} characters; the limit is {limit:,}", mend="shorten it"
        )
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
        raise InvalidInput(f"the {what} holds NUL or half a surrogate pair", mend="send plain Unicode text")


def check_path(path: str) -> None:
    """Refuse a file path that could lead outside its folder or mean another file on another system.

    Raises:
        InvalidInput: Says which rule it breaks.

    Example:
        >>> check_path("onnx/model.onnx")
    """
    problem = _path_problem(path)
    if problem:
        raise InvalidInput(
            f"the file path {path[:300]!r} {problem}",
            mend="rename the file: relative, '/' between folders, plain characters, at most 255 bytes",
        )


def _path_problem(path: str) -> str | None:
    if not path:
        return "is empty"
    if any(unicodedata.category(c) in _FORBIDDEN_CATEGORIES or c in _FORBIDDEN_CHARACTERS for c in path):
        return "holds a character that some systems do not allow in file names"
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"is longer than {MAX_PATH_BYTES} bytes"
    for part in path.split("/"):
        if part in ("", ".", ".."):
            return "is absolute, ends with a slash, or has an empty, '.' or '..' part"
        if part[-1] in ". " or part[0] == " ":
            return "has a part that begins with a space or ends with a space or dot"
        if part.split(".")[0].rstrip().casefold() in _DEVICES:
            return f"has the part {part!r}, a device name on Windows"
        if part.casefold() == ".git":
            return "lies in a folder that git keeps to itself"
    return None


def check_paths(paths: Iterable[str]) -> None:
    """:func:`check_path` for all, and no two that a case-insensitive system takes for one.

    Raises:
        InvalidInput: Says which path or pair.
    """
    folders: dict[str, str] = {}
    files: dict[str, str] = {}
    for path in paths:
        check_path(path)
        if (key := _folded(path)) in files:
            _clash(files[key], path)
        files[key] = path
        parts = path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folders.setdefault(_folded(folder), folder) != folder:
                _clash(folders[_folded(folder)], folder)
    for key in files.keys() & folders.keys():
        _clash(folders[key], files[key])


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _clash(first: str, second: str) -> None:
    raise InvalidInput(
        f"{first!r} and {second!r} are one file on systems that ignore case or accents' encoding",
        mend="rename one of them",
    )
