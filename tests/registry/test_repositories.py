from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from gts.core.database import Database
from gts.core.errors import Conflict, InvalidInput
from gts.registry.errors import RepositoryNotFound
from gts.registry.listing import Wanted
from gts.registry.registry import Registry
from gts.registry.staging import AddFile
from gts.registry.values import Kind, Sight


def commit(registry: Registry, namespace: str, name: str, path: str, content: bytes = b"x") -> str:
    with registry.staging() as staging:
        operations = [AddFile(path, staging.write([content]))]
        return registry.commit(namespace, name, operations, "m", "ann").oid


def test_the_old_name_leads_to_a_moved_repository(registry: Registry) -> None:
    registry.create("acme", "old", "ann")
    oid = commit(registry, "acme", "old", "a")
    registry.move("acme", "old", "bob", "new")
    assert registry.get("bob", "new").head == oid
    assert registry.get("acme", "old").id == "bob/new"
    assert registry.resolve("acme", "old").repository == "bob/new"
    newer = commit(registry, "acme", "old", "b")
    assert registry.get("bob", "new").head == newer
    assert registry.verify("bob", "new") == ()  # ids of commits outlive names
    assert len(registry.last_changes(registry.resolve("bob", "new"))) == 3
    registry.move("bob", "new", "bob", "newest")
    assert {registry.get(*name).name for name in (("acme", "old"), ("bob", "new"))} == {"newest"}
    registry.move("bob", "newest", "bob", "newest")


def test_a_name_that_was_left_can_be_taken(registry: Registry, database: Database) -> None:
    registry.create("acme", "a", "ann")
    registry.move("acme", "a", "acme", "b")
    registry.create("acme", "a", "ann")
    commit(registry, "acme", "a", "mine")
    assert (registry.get("acme", "a").name, registry.get("acme", "b").name) == ("a", "b")
    with pytest.raises(Conflict, match="already"):
        registry.move("acme", "a", "acme", "b")
    registry.delete_repository("acme", "a")
    registry.move("acme", "b", "acme", "a")
    registry.move("acme", "a", "acme", "b")
    registry.move("acme", "b", "acme", "a")  # there and back again
    assert registry.get("acme", "b").name == "a"
    registry.delete_repository("acme", "a")
    with pytest.raises(RepositoryNotFound):
        registry.get("acme", "b")
    with database.reading() as session:
        assert session.scalar(text("select count(*) from renames")) == 0


def test_kinds_have_names_of_their_own(registry: Registry) -> None:
    registry.create("acme", "x", "ann")
    registry.create("acme", "x", "ann", kind=Kind.DATASET)
    registry.move("acme", "x", "acme", "y", kind=Kind.DATASET)
    assert registry.get("acme", "x").kind == Kind.MODEL
    registry.delete_repository("acme", "x")
    assert registry.get("acme", "x", kind=Kind.DATASET).name == "y"
    with pytest.raises(RepositoryNotFound, match="no model"):
        registry.get("acme", "x")


@pytest.mark.parametrize("name", [("acme", ".."), ("api", "x"), ("acme", "a--b")])
def test_a_repository_moves_to_proper_names_only(registry: Registry, name: tuple[str, str]) -> None:
    registry.create("acme", "x", "ann")
    with pytest.raises(InvalidInput):
        registry.move("acme", "x", *name)


def names(registry: Registry, limit: int = 100, **wanted: Any) -> list[str]:
    """All pages of a listing, one after the other."""
    found: list[str] = []
    cursor = None
    while True:
        page = registry.select(Wanted(**wanted), limit, cursor)
        assert len(page.items) <= limit
        found += [item.name for item in page.items]
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.fixture
def several(registry: Registry) -> Registry:
    """Six models: even ones private, with the tag `red`, the first three blue, the last one Chinese."""
    for number in range(6):
        registry.create("acme", f"m{number}", "ann", private=number % 2 == 0)
        tags = ["red"] * (number % 2 == 0) + ["blue"] * (number < 3) + ["蓝 'x'"] * (number == 5)
        card = f"---\nlicense: mit\ntitle: red\ntags: {tags}\n---\n"
        if number == 5:
            card = "---\ntags: [\"蓝 'x'\"]\n---\n"
        commit(registry, "acme", f"m{number}", "README.md", card.encode())
    registry.create("acme", "data", "ann", kind=Kind.DATASET)
    return registry


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_every_page_is_full_and_nothing_comes_twice(several: Registry, limit: int) -> None:
    everything = ["m5", "m4", "m3", "m2", "m1", "m0"]
    assert names(several, limit) == everything
    assert names(several, limit, ascending=True) == everything[::-1]
    assert names(several, limit, sort="created_at") == everything
    assert names(several, limit, tags=frozenset({"red"})) == ["m4", "m2", "m0"]
    assert names(several, limit, tags=frozenset({"red", "blue"})) == ["m2", "m0"]
    assert names(several, limit, tags=frozenset({"蓝 'x'"})) == ["m5"]
    assert names(several, limit, tags=frozenset({"re"})) == []
    assert names(several, limit, tags=frozenset({"\0"})) == []
    assert names(several, limit, search=("AC", "m1")) == ["m1"]
    assert names(several, limit, kind=Kind.DATASET) == ["data"]


def test_a_listing_shows_what_may_be_seen(several: Registry) -> None:
    assert names(several, 2, sight=Sight(private=False)) == ["m5", "m3", "m1"]
    assert names(several, 2, sight=Sight(public=False)) == ["m4", "m2", "m0"]
    only = frozenset({"acme/m4", "acme/m1", "datasets/acme/m5"})
    assert names(several, sight=Sight(public=False, private=False, named=only)) == ["m4", "m1"]
    assert names(several, sight=Sight(private=False, named=only)) == ["m5", "m4", "m3", "m1"]
    assert names(several, sight=Sight(public=False, private=False)) == []
    for item in several.list().items:
        assert Sight(private=False, named=only).covers(item.full_name, private=item.private) == (
            item.name in {"m5", "m4", "m3", "m1"}
        )


def test_files_of_several_commits_are_named_at_once(several: Registry) -> None:
    heads = [item.head for item in several.list().items]
    assert several.paths(heads) == {head: [".gitattributes", "README.md"] for head in heads}
    assert several.paths([]) == {}
