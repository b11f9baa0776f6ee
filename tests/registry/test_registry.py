from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from gts.core.blobs import Blobs
from gts.core.database import Database
from gts.core.errors import Conflict, GTSError, InvalidInput, NotFound, StorageError
from gts.core.fingerprint import file_sha256
from gts.registry.errors import EntryNotFound, RepositoryNotFound, RevisionNotFound
from gts.registry.listing import Wanted
from gts.registry.registry import Registry
from gts.registry.tables import CommitRow
from gts.registry.values import RefKind, Revision

Model = Callable[..., Path]


def publish(registry: Registry, folder: Path, name: str = "tickets", **options: Any) -> Revision:
    return registry.publish("acme", name, folder, "first", "ann", **options)


def test_a_published_folder_is_found_again(registry: Registry, model: Model) -> None:
    folder = model()
    revision = publish(registry, folder, card={"tier": "mini"})
    assert (revision.seq, revision.parent, len(revision.oid)) == (1, None, 40)
    assert registry.resolve("acme", "tickets") == revision
    repository = registry.get("acme", "tickets")
    assert (repository.id, repository.head, repository.private) == ("acme/tickets", revision.oid, False)
    assert repository.card["tier"] == "mini"
    assert repository.card["pipeline_tag"] == "text-classification"
    files = registry.files(revision)
    assert [file.path for file in files] == [
        "README.md",
        "config.json",
        "model.safetensors",
        "onnx/model.onnx",
    ]
    for file in files:
        assert registry.blob(file).read_bytes() == (folder / file.path).read_bytes()
        assert file.sha256 == file_sha256(folder / file.path)
    assert registry.file(revision, "onnx/model.onnx") == files[3]
    assert registry.read(revision, "README.md") == (folder / "README.md").read_bytes()
    assert registry.read(revision, "README.md", limit=3) is None
    assert registry.read(revision, "nope") is None
    assert registry.verify("acme", "tickets") == ()


def test_the_same_files_on_the_same_head_are_no_new_commit(registry: Registry, model: Model) -> None:
    one, two = model("one"), model("two", **{"README.md": b"# Other"})
    first = publish(registry, one)
    assert publish(registry, one) == first
    second = publish(registry, two, parent=first.oid)
    assert publish(registry, two, parent=first.oid) == second  # the repeated request of a lost answer
    third = publish(registry, one)
    assert [commit.oid for commit in registry.history("acme", "tickets")] == [
        third.oid,
        second.oid,
        first.oid,
    ]
    assert third.tree == first.tree


def test_a_stale_parent_is_a_conflict(registry: Registry, model: Model) -> None:
    first = publish(registry, model("one"))
    second = publish(registry, model("two", **{"README.md": b"2"}))
    with pytest.raises(Conflict, match=second.oid):
        publish(registry, model("three", **{"README.md": b"3"}), parent=first.oid)
    with pytest.raises(Conflict, match="no commit"):
        publish(registry, model("four"), name="new", parent=first.oid)
    assert registry.resolve("acme", "tickets") == second
    with pytest.raises(RepositoryNotFound):
        registry.get("acme", "new")


def test_a_job_publishes_once(registry: Registry, model: Model) -> None:
    first = publish(registry, model("one"), job_id="j1")
    assert publish(registry, model("two", **{"README.md": b"2"}), job_id="j1") == first
    with pytest.raises(Conflict, match="another repository"):
        publish(registry, model("three"), name="other", job_id="j1")
    with pytest.raises(RepositoryNotFound):
        registry.get("acme", "other")


def test_a_job_that_was_continued_publishes_again(registry: Registry, model: Model) -> None:
    first = publish(registry, model("one"), job_id="j1")
    second = publish(registry, model("two", **{"README.md": b"2"}), job_id="j1", published=first.oid)
    late = publish(registry, model("three", **{"README.md": b"3"}), job_id="j1", published=first.oid)
    assert (second.parent, second.job_id, late) == (first.oid, "j1", second)


@pytest.mark.parametrize(
    "changed",
    [
        {"pytorch_model.bin": b"x"},
        {"weights.dat": b"\x80\x04."},
        {"model.safetensors": b"x"},
        {"config.json": b'{"auto_map": {"AutoModel": "m.M"}}'},
        {"README.md": b"---\na: ["},
        {"README.md": b"\xff"},
        {"CON.txt": b""},
        {"a:b": b""},
        {"Readme.md": b""},
    ],
)
def test_refused_content_leaves_nothing(
    registry: Registry, blobs: Blobs, model: Model, changed: dict[str, bytes]
) -> None:
    with pytest.raises(InvalidInput):
        publish(registry, model(**changed))
    assert list(blobs.stored()) == []
    assert registry.list().items == ()


def test_links_and_pipes_are_refused(registry: Registry, model: Model, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    for number, target in enumerate([tmp_path / "secret", tmp_path]):
        folder = model(f"link{number}")
        (folder / "link").symlink_to(target)
        with pytest.raises(InvalidInput, match="link"):
            publish(registry, folder)
    pipe = model("pipe")
    os.mkfifo(pipe / "pipe")
    with pytest.raises(InvalidInput, match="special"):
        publish(registry, pipe)


def test_a_missing_or_empty_folder_is_refused(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "nowhere"):
        with pytest.raises(InvalidInput, match="folder"):
            publish(registry, tmp_path / folder)


@pytest.mark.parametrize(
    "bad",
    [
        {"message": "x" * 10_001},
        {"message": "a\0"},
        {"author": "\ud800"},
        {"name": "../x"},
        {"card": {"x": "y" * 70_000}},
    ],
)
def test_texts_that_a_database_cannot_keep_are_refused(registry: Registry, model: Model, bad: dict) -> None:
    arguments = {"namespace": "acme", "name": "x", "folder": model(), "message": "m", "author": "a"}
    with pytest.raises(InvalidInput):
        registry.publish(**(arguments | bad))


def test_revisions_are_found_by_every_name(registry: Registry, model: Model) -> None:
    first = publish(registry, model("one"))
    second = publish(registry, model("two", **{"README.md": b"2"}))
    registry.set_ref("acme", "tickets", RefKind.TAG, "v1", first.oid)
    registry.set_ref("acme", "tickets", RefKind.BRANCH, "feat/x", "v1")
    registry.alias("acme", "tickets", "production", "main")
    expected = {
        "main": second,
        "refs/heads/main": second,
        "v1": first,
        "refs/tags/v1": first,
        "feat/x": first,
        "refs/heads/feat/x": first,
        "production": second,
        first.oid: first,
        first.oid[:7]: first,
    }
    for name, revision in expected.items():
        assert registry.resolve("acme", "tickets", name) == revision, name
    registry.alias("acme", "tickets", "production", first.oid)
    assert registry.resolve("acme", "tickets", "production") == first
    assert [(ref.kind, ref.name, ref.oid) for ref in registry.refs("acme", "tickets")] == [
        ("branch", "feat/x", first.oid),
        ("branch", "main", second.oid),
        ("alias", "production", first.oid),
        ("tag", "v1", first.oid),
    ]


@pytest.mark.parametrize(
    "revision",
    [
        "",
        "nope",
        "0" * 40,
        "0" * 6,
        "refs/tags/main",
        "refs/heads/",
        "\0",
        "%",
        "a" * 300,
        "../main",
        "HEAD~1",
    ],
)
def test_unknown_revisions_are_said_to_be_unknown(registry: Registry, model: Model, revision: str) -> None:
    publish(registry, model())
    with pytest.raises(RevisionNotFound):
        registry.resolve("acme", "tickets", revision)


def test_an_ambiguous_beginning_is_unknown(registry: Registry, model: Model, database: Database) -> None:
    first = publish(registry, model("one"))
    second = publish(registry, model("two", **{"README.md": b"2"}))
    with database.writing() as session:
        for last, commit in enumerate((first, second)):
            session.execute(
                update(CommitRow).where(CommitRow.oid == commit.oid).values(oid="a" * 39 + str(last))
            )
    with pytest.raises(RevisionNotFound, match="one commit"):
        registry.resolve("acme", "tickets", "a" * 20)
    assert registry.resolve("acme", "tickets", "a" * 39 + "1").seq == 2


def test_tags_and_branches_do_not_move(registry: Registry, model: Model) -> None:
    first = publish(registry, model("one"))
    publish(registry, model("two", **{"README.md": b"2"}))
    tag = registry.set_ref("acme", "tickets", RefKind.TAG, "v1", first.oid)
    assert registry.set_ref("acme", "tickets", RefKind.TAG, "v1", first.oid) == tag
    for kind, name in [
        (RefKind.TAG, "v1"),
        (RefKind.ALIAS, "v1"),
        (RefKind.BRANCH, "main"),
        (RefKind.TAG, "main"),
    ]:
        with pytest.raises(Conflict, match="already"):
            registry.set_ref("acme", "tickets", kind, name, "main" if name == "v1" else first.oid)
    with pytest.raises(Conflict):
        registry.delete_ref("acme", "tickets", RefKind.BRANCH, "main")
    registry.delete_ref("acme", "tickets", RefKind.TAG, "v1")
    with pytest.raises(NotFound):
        registry.delete_ref("acme", "tickets", RefKind.TAG, "v1")


def test_missing_things_have_their_own_errors(registry: Registry, model: Model) -> None:
    revision = publish(registry, model())
    for namespace, name in [("acme", "nope"), ("", ""), ("acme", "\0"), ("acme", "Tickets")]:
        with pytest.raises(RepositoryNotFound):
            registry.get(namespace, name)
    for path in ["nope", "", "../x", "onnx", "\0", "README.md/"]:
        with pytest.raises(EntryNotFound) as caught:
            registry.file(revision, path)
        assert caught.value.details["commit"] == revision.oid
    with pytest.raises(EntryNotFound):
        registry.tree(revision, "README.md")


def test_listing_pages_searches_and_sorts(registry: Registry, model: Model) -> None:
    folder = model()
    for number in range(5):
        publish(registry, folder, name=f"model_{number}")
    registry.publish("bob", "other", folder, "m", "bob")
    names, cursor = [], None
    while True:
        page = registry.list(author="acme", limit=2, cursor=cursor)
        names += [repository.name for repository in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert names == [f"model_{number}" for number in (4, 3, 2, 1, 0)]
    assert [r.id for r in registry.list(search="E/MODEL_3").items] == ["acme/model_3"]
    assert registry.list(search="%").items == ()
    assert registry.list(search="\0").items == ()
    assert len(registry.list().items) == 6
    publish(registry, model("newer", **{"README.md": b"2"}), name="model_0")
    assert registry.list(limit=1).items[0].name == "model_0"
    assert registry.select(Wanted(sort="created_at"), limit=1).items[0].id == "bob/other"
    with pytest.raises(InvalidInput, match="cursor"):
        registry.list(cursor="1; drop table files")


def test_visibility_is_kept(registry: Registry, model: Model) -> None:
    publish(registry, model())
    registry.set_private("acme", "tickets", True)
    assert registry.get("acme", "tickets").private


def test_deleting_a_repository_removes_its_rows_and_no_others(
    registry: Registry, model: Model, database: Database
) -> None:
    folder = model()
    publish(registry, folder, job_id="j")
    kept = publish(registry, folder, name="kept")
    registry.delete_repository("acme", "tickets")
    with pytest.raises(RepositoryNotFound):
        registry.delete_repository("acme", "tickets")
    with database.reading() as session:
        counts = [
            session.scalar(text(f"select count(*) from {t}"))
            for t in ("repositories", "commits", "refs", "files")
        ]
    assert counts == [1, 1, 1, 4]
    assert registry.verify("acme", "kept") == ()
    assert registry.resolve("acme", "kept") == kept
    assert publish(registry, folder, job_id="j").seq == 1


@pytest.mark.parametrize("how", [{"missing": True}, {"shorter": True}, {}])
@pytest.mark.parametrize("read_before", [False, True])
def test_damaged_blobs_are_errors_never_bytes(
    registry: Registry,
    damage: Callable[..., None],
    model: Model,
    tmp_path: Path,
    how: dict[str, bool],
    read_before: bool,
) -> None:
    revision = publish(registry, model())
    file = registry.file(revision, "model.safetensors")
    if read_before:
        registry.blob(file)
    damage(file.sha256, **how)
    with pytest.raises(StorageError, match=r"damaged|missing"):
        registry.blob(file)
    with pytest.raises(StorageError):
        registry.materialize("acme", "tickets", "main", tmp_path / "served")
    assert list((tmp_path / "served").iterdir()) == []
    assert [problem.path for problem in registry.verify("acme", "tickets")] == ["model.safetensors"]
    registry.fsck()
    publish(registry, model("again"))  # the same files once more mend the store
    assert registry.verify("acme", "tickets") == ()


def test_verify_sees_changed_rows(registry: Registry, model: Model, database: Database) -> None:
    publish(registry, model())
    with database.writing() as session:
        session.execute(update(CommitRow).values(message="forged"))
    assert [problem.message for problem in registry.verify("acme", "tickets")] == [
        "the commit does not match its id"
    ]
    with database.writing() as session:
        session.execute(text("delete from files where path = 'config.json'"))
        session.execute(text("update commits set parent = 'lost'"))
    assert len(registry.verify("acme", "tickets")) == 2


def test_materialized_folders_are_complete_and_kept(registry: Registry, model: Model, tmp_path: Path) -> None:
    source = model()
    revision = publish(registry, source)
    folder = registry.materialize("acme", "tickets", "main", tmp_path / "served")
    assert folder == tmp_path / "served" / revision.oid
    for path in (p for p in source.rglob("*") if p.is_file()):
        copy = folder / path.relative_to(source)
        assert copy.read_bytes() == path.read_bytes()
        assert copy.stat().st_mode & 0o777 == 0o644
    before = folder.stat().st_ino
    assert registry.materialize("acme", "tickets", revision.oid[:7], tmp_path / "served") == folder
    assert folder.stat().st_ino == before
    (folder / "config.json").unlink()
    registry.materialize("acme", "tickets", "main", tmp_path / "served")
    assert (folder / "config.json").is_file()
    assert [path.name for path in (tmp_path / "served").iterdir()] == [revision.oid]


def test_many_can_materialize_at_once(registry: Registry, model: Model, tmp_path: Path) -> None:
    publish(registry, model())
    results = in_threads(8, lambda _: registry.materialize("acme", "tickets", "main", tmp_path / "served"))
    assert len(set(results)) == 1
    assert [path.name for path in (tmp_path / "served").iterdir()] == [results[0].name]


def in_threads(count: int, work: Callable[[int], object]) -> list:
    results: list = [None] * count
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except GTSError as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_writers_that_saw_one_head_exactly_one_wins(registry: Registry, model: Model) -> None:
    head = publish(registry, model("base"))
    folders = [model(f"m{n}", **{"README.md": str(n).encode()}) for n in range(6)]
    results = in_threads(6, lambda n: publish(registry, folders[n], parent=head.oid))
    winners = [result for result in results if isinstance(result, Revision)]
    assert len(winners) == 1
    assert all(isinstance(result, (Revision, Conflict)) for result in results)
    assert registry.resolve("acme", "tickets") == winners[0]


def test_writers_without_a_parent_line_up(registry: Registry, model: Model) -> None:
    folders = [model(f"m{n}", **{"README.md": str(n).encode()}) for n in range(6)]
    results = in_threads(6, lambda n: publish(registry, folders[n]))  # the first makes the repository
    assert all(isinstance(result, Revision) for result in results), results
    history = registry.history("acme", "tickets")
    assert [commit.seq for commit in history] == [6, 5, 4, 3, 2, 1]
    assert {commit.oid for commit in history} == {result.oid for result in results}
    assert registry.verify("acme", "tickets") == ()


def test_last_changes_name_the_commit(registry: Registry, model: Model) -> None:
    first = publish(registry, model("one"))
    second = publish(registry, model("two", **{"README.md": b"2"}))
    changes = registry.last_changes(second)
    assert (changes["README.md"], changes["onnx"]) == (second, first)
    assert registry.last_changes(first)["README.md"] == first


def test_a_commit_that_cannot_be_written_shows_nothing(
    registry: Registry, model: Model, database: Database
) -> None:
    first = publish(registry, model("one"))
    # The database itself refuses in the middle of the transaction, after the commit's row.
    with database.writing() as session:
        session.execute(text("drop table files"))
    with pytest.raises(Exception, match="files"):
        publish(registry, model("two", **{"README.md": b"2"}))
    assert registry.resolve("acme", "tickets") == first
    assert len(registry.history("acme", "tickets")) == 1
    assert registry.get("acme", "tickets").head == first.oid


def test_values_survive_json(registry: Registry, model: Model) -> None:
    card = {"accuracy": 0.5, "labels": ["ä", "😀"]}
    publish(registry, model(), card=card)
    assert json.loads(json.dumps(registry.get("acme", "tickets").card)).items() >= card.items()
