"""The Hub protocol's JSON documents: pure functions from the registry's values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gts.registry.cards import summarize, summarize_dataset
from gts.registry.trees import lfs_pointer
from gts.registry.values import FileEntry, Folder, Kind, Ref, RefKind, Repository, Revision


def hub_time(moment: datetime) -> str:
    """A time as the Hub writes it.

    Example:
        >>> hub_time(datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
        '2026-01-02T03:04:05.678Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def repository_info(
    repository: Repository,
    revision: Revision,
    files: Sequence[FileEntry],
    card: Mapping[str, Any],
    config: Mapping[str, Any],
    *,
    blobs: bool = False,
) -> dict[str, Any]:
    """What ``HfApi.model_info`` and ``HfApi.dataset_info`` read.

    Args:
        repository: The repository.
        revision: The commit that is asked for.
        files: All its files.
        card: Front matter of its README.
        config: Content of its ``config.json``; data sets have none.
        blobs: Whether to add sizes and ids to the files.
    """
    of_model: dict[str, Any] = {}
    if repository.kind is Kind.DATASET:
        summary = summarize_dataset(card)
    else:
        summary = summarize(card, config, [file.path for file in files])
        of_model["config"] = {key: config[key] for key in ("architectures", "model_type") if key in config}
    return {
        **_identity(repository),
        **{key: value for key, value in summary.items() if value is not None},
        "sha": revision.oid,
        "lastModified": hub_time(revision.created_at),
        "usedStorage": sum(file.size for file in files),
        "cardData": dict(card),
        **of_model,
        "siblings": [_sibling(file, blobs=blobs) for file in files],
    }


def list_item(repository: Repository, paths: Sequence[str] | None = None) -> dict[str, Any]:
    """One repository in the answer to ``HfApi.list_models`` and ``HfApi.list_datasets``.

    Args:
        repository: The repository.
        paths: Its files, if they are to be named.
    """
    shown = ("pipeline_tag", "library_name", "tags")
    return {
        **_identity(repository),
        **{key: repository.card[key] for key in shown if repository.card.get(key) is not None},
        "sha": repository.head,
        "lastModified": hub_time(repository.updated_at),
        **({} if paths is None else {"siblings": [{"rfilename": path} for path in paths]}),
    }


def keep_only(document: dict[str, Any], properties: Collection[str]) -> dict[str, Any]:
    """A repository's document with the asked properties alone (``expand=``); all of it when none are asked."""
    if not properties:
        return document
    kept = {"_id", "id", "modelId", *properties}
    return {key: value for key, value in document.items() if key in kept}


def tree_entry(entry: FileEntry | Folder, changed: Revision | None = None) -> dict[str, Any]:
    """One entry of a tree or paths-info listing; ``changed`` is the commit that last changed it."""
    document: dict[str, Any]
    if isinstance(entry, Folder):
        document = {"type": "directory", "path": entry.path, "oid": entry.oid, "size": 0}
    else:
        document = {"type": "file", "path": entry.path, "oid": entry.git_oid, "size": entry.size}
        if entry.is_lfs:
            document["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": _pointer_size(entry)}
    if changed is not None:
        document["lastCommit"] = {
            "id": changed.oid,
            "title": _title(changed.message),
            "date": hub_time(changed.created_at),
        }
    return document


def references(refs: Iterable[Ref]) -> dict[str, Any]:
    """What ``HfApi.list_repo_refs`` reads. Clients know no aliases: they stand among the tags."""
    groups: dict[str, list[dict[str, str]]] = {"branches": [], "tags": [], "converts": [], "pullRequests": []}
    for ref in refs:
        group = "branches" if ref.kind is RefKind.BRANCH else "tags"
        groups[group].append({"name": ref.name, "ref": ref.full_name, "targetCommit": ref.oid})
    return groups


def commit(revision: Revision) -> dict[str, Any]:
    """One commit in the answer to ``HfApi.list_repo_commits``."""
    return {
        "id": revision.oid,
        "title": _title(revision.message),
        "message": revision.message.partition("\n")[2].strip(),
        "authors": [{"user": revision.author}],
        "date": hub_time(revision.created_at),
    }


def committed(revision: Revision, base_url: str) -> dict[str, Any]:
    """What ``HfApi.create_commit`` reads."""
    url = f"{base_url}/{revision.kind.prefix}{revision.repository}/commit/{revision.oid}"
    return {"success": True, "commitOid": revision.oid, "commitUrl": url, "hookOutput": ""}


def upload_mode(path: str, *, inline: bool, ignored: bool, known: FileEntry | None) -> dict[str, Any]:
    """How a client is to send a file, in the answer to its question before a commit.

    Args:
        path: Its path in the repository.
        inline: Whether it comes inside the commit; else it is uploaded before.
        ignored: Whether it is not to be sent at all.
        known: What the repository has at the path: a client does not send the same bytes again.
    """
    oid = None if known is None else known.content_oid if inline else known.sha256
    mode = "regular" if inline else "lfs"
    return {"path": path, "uploadMode": mode, "shouldIgnore": ignored, "oid": oid}


def _identity(repository: Repository) -> dict[str, Any]:
    name = {"modelId": repository.id} if repository.kind is Kind.MODEL else {}
    return {
        "_id": repository.id,
        "id": repository.id,
        **name,
        "author": repository.namespace,
        "private": repository.private,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "createdAt": hub_time(repository.created_at),
    }


def _sibling(file: FileEntry, *, blobs: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"rfilename": file.path}
    if blobs:
        document |= {"size": file.size, "blobId": file.git_oid}
        if file.is_lfs:
            document["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": _pointer_size(file)}
    return document


def _pointer_size(file: FileEntry) -> int:
    return len(lfs_pointer(file.sha256, file.size))


def _title(message: str) -> str:
    return message.partition("\n")[0]
