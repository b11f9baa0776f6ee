from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gts.core.blobs import BlobStore
from gts.core.database import Database
from gts.core.errors import Conflict, InvalidInput, TooLarge
from gts.registry.errors import EntryNotFound, HeadMoved, RepositoryNotFound, RevisionNotFound
from gts.registry.registry import Registry
from gts.registry.staging import AddFile, AddUpload, Delete, Operation
from gts.registry.values import Kind, RefKind, Revision

Model = Callable[..., Path]
CONTENT = b"\0some bytes"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def repository(registry: Registry) -> Registry:
    """The registry with an empty repository ``acme/tickets``."""
    registry.create("acme", "tickets", "ann")
    return registry


def commit(registry: Registry, *operations: Operation | str, **options: Any) -> Revision:
    """Commit; a text stands for a file of that path that holds the text."""
    with registry.staging() as staging:
        made = [
            AddFile(item, staging.write([item.encode()])) if isinstance(item, str) else item
            for item in operations
        ]
        arguments = {"namespace": "acme", "name": "tickets", "message": "m", "author": "ann"} | options
        return registry.commit(operations=made, **arguments)


def paths(registry: Registry, revision: Revision) -> list[str]:
    return [file.path for file in registry.files(revision) if file.path != ".gitattributes"]


def upload(registry: Registry, content: bytes = CONTENT, **changed: Any) -> None:
    arguments = {"digest": hashlib.sha256(content).hexdigest(), "size": len(content)} | changed
    registry.receive("acme", "tickets", content=io.BytesIO(content), **arguments)


def test_a_new_repository_has_a_first_commit(registry: Registry) -> None:
    made = registry.create("acme", "tickets", "ann", private=True)
    assert made == registry.get("acme", "tickets")
    assert (made.private, made.full_name) == (True, "acme/tickets")
    (first,) = registry.history("acme", "tickets")
    assert (first.oid, first.parent, first.author) == (made.head, None, "ann")
    with pytest.raises(Conflict, match="already"):
        registry.create("acme", "tickets", "bob")
    data = registry.create("acme", "tickets", "ann", kind=Kind.DATASET)
    assert (data.full_name, data.head != made.head) == ("datasets/acme/tickets", True)
    with pytest.raises(InvalidInput):
        registry.create("acme", "../x", "ann")


def test_operations_happen_in_their_order(repository: Registry) -> None:
    first = commit(repository, "a/x", "a/y", "b")
    assert paths(repository, first) == ["a/x", "a/y", "b"]
    second = commit(repository, Delete("a/", folder=True), "a/z", Delete("b"), "c")
    assert paths(repository, second) == ["a/z", "c"]
    third = commit(repository, "d", Delete("d"), "e")
    assert paths(repository, third) == ["a/z", "c", "e"]
    assert repository.read(third, "c") == b"c"
    assert repository.verify("acme", "tickets") == ()


@pytest.mark.parametrize("gone", [Delete("nope"), Delete("b", folder=True), Delete("a"), Delete("a/x/")])
def test_what_is_not_there_cannot_be_deleted(repository: Registry, gone: Delete) -> None:
    head = commit(repository, "a/x", "b")
    with pytest.raises(EntryNotFound, match="with this name doesn't exist") as caught:
        commit(repository, "c", gone)
    assert caught.value.details["commit"] == head.oid
    assert repository.resolve("acme", "tickets") == head


def test_nothing_is_committed_where_nothing_changes(repository: Registry) -> None:
    first = commit(repository, "a", "b")
    assert commit(repository, "a") == first
    assert commit(repository) == first
    gone = commit(repository, Delete("a"))
    assert commit(repository, Delete("a")) == gone  # the repeated request of a lost answer
    with pytest.raises(EntryNotFound):
        commit(repository, Delete("a"), "new")


def test_the_parent_is_compared_and_a_repeated_request_known(repository: Registry) -> None:
    base = repository.resolve("acme", "tickets")
    first = commit(repository, "a", parent=base.oid[:7])
    assert commit(repository, "a", parent=base.oid) == first
    with pytest.raises(HeadMoved, match=first.oid):
        commit(repository, "b", parent=base.oid)
    second = commit(repository, "b")
    with pytest.raises(HeadMoved, match=second.oid):
        commit(repository, "a", parent=base.oid)
    assert paths(repository, commit(repository, "c")) == ["a", "b", "c"]


def test_branches_grow_side_by_side(repository: Registry) -> None:
    base = commit(repository, "a")
    repository.set_ref("acme", "tickets", RefKind.BRANCH, "feat/x", "main")
    repository.set_ref("acme", "tickets", RefKind.TAG, "v1", "main")
    on_branch = commit(repository, "b", branch="feat/x")
    on_main = commit(repository, "c", branch="refs/heads/main")
    assert (on_branch.parent, on_main.parent) == (base.oid, base.oid)
    assert len({base.seq, on_branch.seq, on_main.seq}) == 3
    assert repository.get("acme", "tickets").head == on_main.oid
    assert [len(repository.history("acme", "tickets", name)) for name in ("main", "feat/x")] == [3, 3]
    for branch in ("nope", "v1", "refs/tags/v1", base.oid):
        with pytest.raises(RevisionNotFound):
            commit(repository, "d", branch=branch)
    assert repository.verify("acme", "tickets") == ()


def test_a_commit_to_a_repository_that_is_not_there(registry: Registry) -> None:
    with pytest.raises(RepositoryNotFound):
        commit(registry, "a")


@pytest.mark.parametrize("path", ["x.pkl", "../x", "CON", ".GITATTRIBUTES", "b/c"])
def test_refused_files_leave_nothing(repository: Registry, blobs: BlobStore, path: str) -> None:
    head = commit(repository, "b")
    before = sorted(blobs.root.rglob("*"))
    with pytest.raises(InvalidInput):
        commit(repository, path)
    assert repository.resolve("acme", "tickets") == head
    after = {found for found in blobs.root.rglob("*") if found not in before}
    assert not any(found.name.startswith(".part-") for found in after)


def test_too_many_operations(repository: Registry) -> None:
    with pytest.raises(TooLarge):
        commit(repository, *[Delete("a")] * 10_001)


def test_an_uploaded_object_is_named_by_a_commit(repository: Registry) -> None:
    assert repository.uploaded("acme", "tickets", {DIGEST}) == frozenset()
    with pytest.raises(InvalidInput, match="was not uploaded"):
        commit(repository, AddUpload("w.dat", DIGEST, len(CONTENT)))
    upload(repository)
    assert repository.uploaded("acme", "tickets", {DIGEST, "0" * 64}) == {DIGEST}
    with pytest.raises(InvalidInput, match="was not uploaded"):
        commit(repository, AddUpload("w.dat", DIGEST, 3))
    head = commit(repository, AddUpload("w.dat", DIGEST, len(CONTENT)))
    file = repository.file(head, "w.dat")
    assert (file.sha256, file.size, file.is_lfs) == (DIGEST, len(CONTENT), True)
    again = commit(
        repository, AddUpload("copy.dat", DIGEST)
    )  # as clients copy: what is there, without its size
    assert repository.read(again, "copy.dat") == CONTENT
    assert repository.verify("acme", "tickets") == ()


def test_what_one_repository_holds_no_other_may_name(repository: Registry) -> None:
    upload(repository)
    commit(repository, AddUpload("w.dat", DIGEST))
    for name, kind in (("other", Kind.MODEL), ("tickets", Kind.DATASET)):
        repository.create("acme", name, "ann", kind=kind)
        assert repository.uploaded("acme", name, {DIGEST}, kind=kind) == frozenset()
        with pytest.raises(InvalidInput, match="was not uploaded"):
            commit(repository, AddUpload("w.dat", DIGEST), name=name, kind=kind)


@pytest.mark.parametrize(
    ("content", "changed"),
    [
        (CONTENT, {"size": len(CONTENT) - 1}),
        (CONTENT, {"size": len(CONTENT) + 1}),
        (CONTENT, {"digest": "0" * 64}),
        (b"\x80\x04.", {}),
        (b"PK\x03\x04", {}),
        (b"", {"size": 1}),
    ],
)
def test_objects_that_are_not_what_was_announced(
    repository: Registry, blobs: BlobStore, content: bytes, changed: dict[str, Any]
) -> None:
    before = sorted(blobs.root.rglob("*"))
    with pytest.raises(InvalidInput):
        upload(repository, content, **changed)
    assert sorted(blobs.root.rglob("*")) == before


def test_an_object_is_checked_under_the_path_it_gets(repository: Registry) -> None:
    upload(repository)
    for path in ("w.pkl", "model.safetensors", "config.json"):
        with pytest.raises(InvalidInput):
            commit(repository, AddUpload(path, DIGEST))


def test_uploads_that_no_commit_names_are_forgotten(repository: Registry, database: Database) -> None:
    upload(repository)
    upload(repository, b"named")
    commit(repository, AddUpload("named", hashlib.sha256(b"named").hexdigest()))
    assert repository.clean_uploads() == 0
    assert repository.clean_uploads(timedelta(0)) == 1
    assert repository.uploaded("acme", "tickets", {DIGEST}) == frozenset()
    with database.reading() as session:
        assert session.scalar(text("select count(*) from uploads")) == 0


def test_the_card_follows_main(registry: Registry, model: Model) -> None:
    registry.publish("acme", "tickets", model(**{"gts.json": b"{}"}), "m", "ann", card={"tier": "mini"})
    registry.set_ref("acme", "tickets", RefKind.BRANCH, "side", "main")

    def write(path: str, content: bytes, branch: str = "main") -> dict[str, Any]:
        with registry.staging() as staging:
            operation = AddFile(path, staging.write([content]))
            registry.commit("acme", "tickets", [operation], "m", "ann", branch=branch)
        return dict(registry.get("acme", "tickets").card)

    card = write("README.md", b"---\ntags: [new]\n---\n")
    assert ("new" in card["tags"], card["tier"]) == (True, "mini")
    assert "side" not in write("README.md", b"---\ntags: [side]\n---\n", "side")["tags"]
    assert "tier" not in write(
        "gts.json", b'{"other": 1}'
    )  # another student: what was said of the old one is over
    with pytest.raises(InvalidInput, match="front matter"):
        write("README.md", b"---\na: [\n---\n")


def test_a_data_set_is_published_and_described(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "README.md").write_text("---\nlanguage: [en]\ntask_categories: [text-classification]\n---\n")
    revision = registry.publish("acme", "texts", tmp_path, "m", "ann", job_id="j", kind=Kind.DATASET)
    registry.publish("acme", "more_texts", tmp_path, "m", "ann", job_id="j", kind=Kind.DATASET)
    registry.publish("acme", "texts", tmp_path, "m", "ann", job_id="j")  # the model of the same job
    assert (revision.kind, revision.repository) == (Kind.DATASET, "acme/texts")
    assert registry.resolve("acme", "texts", kind=Kind.DATASET) == revision
    found = registry.get("acme", "texts", kind=Kind.DATASET)
    assert found.card == {"tags": ["task_categories:text-classification", "language:en"]}
    assert registry.published_by("acme", "texts", "j", kind=Kind.DATASET) == revision
    assert registry.verify("acme", "texts", kind=Kind.DATASET) == ()
    assert [item.name for item in registry.list().items] == ["texts"]
