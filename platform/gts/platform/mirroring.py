"""A model of others made ready for this registry: files that run no code, with licence and origin in the card."""

from __future__ import annotations

import glob
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from gts.core.errors import InvalidInput, StorageError
from gts.core.fingerprint import file_sha256
from gts.platform.hub_calls import files_in, hub_calls
from gts.registry.cards import parse_card
from gts.registry.contents import check_name
from gts.registry.names import check_path
from gts.registry.trees import git_blob_oid

CARD = "README.md"
_WEIGHTS = frozenset({".safetensors", ".onnx"})
_SUFFIXES = _WEIGHTS | {".json", ".jinja", ".md", ".model", ".onnx_data", ".txt"}
_LEGAL = ("license", "licence", "notice", "copying")
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Selection:
    """Which files of a model are taken.

    Attributes:
        kept: Paths of those that are.
        left_out: Path to reason of those that are not.
    """

    kept: tuple[str, ...]
    left_out: Mapping[str, str]


def select_files(paths: Iterable[str], exclude: Collection[str] = ()) -> Selection:
    """Choose weights, configuration, tokenizer, card and licence among a model's files.

    Args:
        paths: All files. Hidden ones do not count.
        exclude: Patterns of files that are not wanted.

    Raises:
        InvalidInput: No weights are left, or a path leads elsewhere.

    Example:
        >>> select_files(["config.json", "model.safetensors", "pytorch_model.bin"]).left_out
        {'pytorch_model.bin': 'loading it can run code'}
    """
    kept, left_out = [], {}
    for path in sorted(paths):
        if any(part.startswith(".") and part.strip(".") for part in path.split("/")):
            continue
        if reason := _unwanted(path, exclude):
            left_out[path] = reason
        else:
            check_path(path)
            kept.append(path)
    if not any(PurePosixPath(path).suffix in _WEIGHTS for path in kept):
        there = ", ".join(left_out) or "nothing"
        raise InvalidInput(
            f"the model holds no weights as safetensors or ONNX; left out: {there[:300]}",
            mend="convert it: load it with `transformers` and save it with `save_pretrained`",
        )
    return Selection(tuple(kept), left_out)


def _unwanted(path: str, exclude: Collection[str]) -> str:
    name = PurePosixPath(path)
    if any(fnmatch(path, pattern) for pattern in exclude):
        return "excluded"
    try:
        check_name(path)
    except InvalidInput:
        return "loading it can run code"
    if name.suffix.lower() in _SUFFIXES or name.name.lower().startswith(_LEGAL):
        return ""
    return "no weights, configuration or tokenizer"


def link_files(folder: Path, draft: Path, exclude: Collection[str] = ()) -> Selection:
    """Put links to those files of a folder into an empty one that are wanted; links to files count as files.

    Raises:
        InvalidInput: No weights are left, or a path breaks the rules.
    """
    files = {path.relative_to(folder).as_posix(): path for path in files_in(folder)}
    selection = select_files(files, exclude)
    for path in selection.kept:
        (draft / path).parent.mkdir(parents=True, exist_ok=True)
        (draft / path).symlink_to(files[path].resolve())
    return selection


def complete_card(draft: Path, *, title: str, licence: str | None, origin: str) -> dict[str, Any]:
    """Write the card of the model in a folder as :func:`write_card` does; its front matter.

    Raises:
        InvalidInput: Neither the card nor the caller names a licence, or the card cannot be read.
    """
    path = draft / CARD
    try:
        text = path.read_text("utf-8") if path.exists() else ""
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{CARD} is not UTF-8: {error}", mend="save it as UTF-8") from error
    card = write_card(text, title=title, licence=licence, origin=origin)
    path.unlink(missing_ok=True)  # it may be a link to a file that is not ours
    path.write_text(card, "utf-8")
    return parse_card(card)


def write_card(text: str, *, title: str, licence: str | None, origin: str) -> str:
    """A model's card with its licence and where it comes from; what it says already stays.

    Args:
        text: The card there is; empty for none.
        title: Heading of a card that is made.
        licence: Licence, where the card names none.
        origin: Where the model comes from.

    Raises:
        InvalidInput: Neither the card nor the caller names a licence.

    Example:
        >>> print(write_card("---\\nlicense: mit\\n---\\n# A", title="", licence=None, origin="https://hub/a@1"))
        ---
        license: mit
        mirrored_from: https://hub/a@1
        ---
        # A
    """
    card = parse_card(text)
    if not card.get("license") and not licence:
        raise InvalidInput(
            "the model does not say under which licence it is", mend="give it: --licence apache-2.0, say"
        )
    said = {"license": licence, "mirrored_from": origin}
    added = {name: value for name, value in said.items() if not card.get(name)}
    if not added:
        return text
    more = yaml.safe_dump(added, allow_unicode=True, width=1000)
    if not text.strip():
        return f"---\n{more}---\n# {title}\n\nMirrored from {origin}.\n"
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    if lines[0].rstrip() != "---":
        return f"---\n{more}---\n{''.join(lines)}"
    end = next(n for n, line in enumerate(lines[1:], 1) if line.rstrip() == "---")
    return "".join([*lines[:end], more, *lines[end:]])


def fetch(
    repository: str,
    folder: Path,
    *,
    endpoint: str,
    token: str | None,
    revision: str | None,
    exclude: Collection[str],
) -> tuple[Selection, str]:
    """Download the files of a model that are wanted from a hub, and check them against its digests.

    Args:
        repository: Its name there.
        folder: An empty folder for them.
        endpoint: Address of the hub.
        token: For the hub, if it needs one; no other is sent.
        revision: Commit, branch or tag; ``None`` for the newest.
        exclude: Patterns of files that are not wanted.

    Returns:
        What was taken, and the commit.

    Raises:
        NotFound: The hub has no such model or revision, or does not show it.
        InvalidInput: It holds no weights that are taken, or a path leads elsewhere.
        StorageError: A file is not the one that the hub names.
        ServerUnreachable: The hub does not answer.
    """
    with hub_calls(endpoint):
        from huggingface_hub import HfApi, snapshot_download

        allowed = token or False
        info = HfApi(endpoint=endpoint, token=allowed).model_info(
            repository, revision=revision, files_metadata=True
        )
        siblings = {sibling.rfilename: sibling for sibling in info.siblings or ()}
        selection = select_files(siblings, exclude)
        snapshot_download(
            repository,
            revision=info.sha,
            endpoint=endpoint,
            token=allowed,
            local_dir=folder,
            allow_patterns=[glob.escape(path) for path in selection.kept],
        )
    for path in selection.kept:
        _check_digest(folder / path, siblings[path])
    return selection, str(info.sha)


def _check_digest(file: Path, named: Any) -> None:
    if named.lfs is not None:
        wanted, found = named.lfs.sha256, file_sha256(file)
    else:
        with file.open("rb") as handle:
            blocks = iter(lambda: handle.read(_BLOCK_BYTES), b"")
            wanted, found = named.blob_id, git_blob_oid(file.stat().st_size, blocks)
    if wanted is not None and wanted != found:
        raise StorageError(
            f"{named.rfilename} was damaged on the way: it hashes to {found}, the hub says {wanted}",
            mend="try again",
        )
