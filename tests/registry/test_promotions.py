"""Aliases with their history: who moved them, where from and why, and what cannot be undone behind anyone's back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gts.core.database import Database
from gts.core.errors import Conflict, GTSError, InvalidInput, NotFound
from gts.registry.errors import RepositoryNotFound, RevisionNotFound
from gts.registry.registry import Registry
from gts.registry.values import RefKind

Model = Callable[..., Path]
WHO = ("acme", "tickets")


@pytest.fixture
def commits(registry: Registry, model: Model) -> list[str]:
    """Four revisions of one model, oldest first."""
    return [
        registry.publish(*WHO, model(f"m{n}", **{"README.md": f"# {n}".encode()}), "m", "ann").oid
        for n in range(4)
    ]


def told(registry: Registry, **asked: object) -> list[tuple[object, ...]]:
    """The history, oldest first."""
    rows = registry.promotions.history(*WHO, **asked)  # type: ignore[arg-type]
    return [(row.kind.value, row.alias, row.old, row.new) for row in reversed(rows)]


def test_every_move_leaves_a_row(registry: Registry, commits: list[str]) -> None:
    a, b, *_ = commits
    promotions = registry.promotions
    first = promotions.promote(*WHO, "production", a, by="ann", why="first")
    assert (first.by, first.why, first.kind, first.job_id) == ("ann", "first", "promote", None)
    promotions.promote(*WHO, "production", b, by="bob")
    registry.alias(*WHO, "candidate", a)
    registry.set_ref(*WHO, RefKind.ALIAS, "candidate", b)
    by_job = promotions.promote(*WHO, "candidate", a, by="ann", job_id="j1")
    assert (by_job.kind, by_job.job_id) == ("job", "j1")
    promotions.roll_back(*WHO, "production", by="ann", why="it was slow")
    registry.delete_ref(*WHO, RefKind.ALIAS, "candidate")

    assert told(registry) == [
        ("promote", "production", None, a),
        ("promote", "production", a, b),
        ("promote", "candidate", None, a),
        ("promote", "candidate", a, b),
        ("job", "candidate", b, a),
        ("rollback", "production", b, a),
        ("remove", "candidate", a, None),
    ]
    assert registry.resolve(*WHO, "production").oid == a
    assert {ref.name for ref in registry.refs(*WHO)} == {"main", "production"}
    assert len(promotions.history(*WHO, alias="candidate")) == 4
    newest = promotions.history(*WHO, limit=2)
    assert [row.kind for row in newest] == ["remove", "rollback"]
    assert promotions.history(*WHO, before=newest[-1].number, limit=1)[0].kind == "job"
    assert promotions.history(*WHO, alias="none\0") == ()


def test_a_move_that_moves_nothing_leaves_no_row(registry: Registry, commits: list[str]) -> None:
    first = registry.promotions.promote(*WHO, "production", commits[0], by="ann")
    assert registry.promotions.promote(*WHO, "production", commits[0][:9], by="bob", why="again") == first
    assert len(told(registry)) == 1


def test_going_back_walks_the_history(registry: Registry, commits: list[str]) -> None:
    a, b, c, d = commits
    promotions = registry.promotions

    def back() -> str | None:
        return promotions.roll_back(*WHO, "production", by="ann").new

    for commit in (a, b, c):
        promotions.promote(*WHO, "production", commit, by="ann")
    assert (back(), back()) == (b, a)
    with pytest.raises(Conflict, match="nothing else"):
        back()
    promotions.promote(*WHO, "production", d, by="ann")
    assert back() == a, "what was rolled back from is not come back to"
    promotions.promote(*WHO, "production", b, by="ann")
    promotions.remove(*WHO, "production", by="ann")
    assert back() == b, "a removed alias comes back"
    promotions.promote(*WHO, "production", c, by="ann")
    promotions.retire(*WHO, b, by="ann", why="wrong labels")
    assert back() == a, "retired revisions are passed over"
    with pytest.raises(NotFound, match="no alias"):
        promotions.roll_back(*WHO, "never", by="ann")


def test_who_thinks_the_alias_is_elsewhere_is_told(registry: Registry, commits: list[str]) -> None:
    a, b, c, _ = commits
    promotions = registry.promotions
    with pytest.raises(Conflict, match="names nothing"):
        promotions.promote(*WHO, "production", a, by="ann", expect=b)
    promotions.promote(*WHO, "production", a, by="ann", expect="none")
    with pytest.raises(Conflict, match=f"has moved: it names {a}") as caught:
        promotions.promote(*WHO, "production", b, by="ann", expect="none")
    assert caught.value.details["current"] == a
    promotions.promote(*WHO, "production", b, by="ann", expect=a[:7])
    for act in (promotions.roll_back, promotions.remove):
        with pytest.raises(Conflict, match="has moved"):
            act(*WHO, "production", by="ann", expect=a)
    for strange in ("", "main", "abc", "A" * 40, "\0" * 8):
        with pytest.raises(InvalidInput, match="not a commit id"):
            promotions.promote(*WHO, "production", c, by="ann", expect=strange)
    assert len(told(registry)) == 2


def test_of_many_at_once_one_moves_it(registry: Registry, commits: list[str]) -> None:
    registry.alias(*WHO, "production", commits[0])

    def move(commit: str) -> str:
        try:
            registry.promotions.promote(*WHO, "production", commit, by="ann", expect=commits[0])
        except Conflict:
            return "refused"
        return commit

    with ThreadPoolExecutor(3) as pool:
        came = list(pool.map(move, commits[1:]))
    (won,) = (commit for commit in came if commit != "refused")
    assert registry.resolve(*WHO, "production").oid == won
    assert told(registry)[1:] == [("promote", "production", commits[0], won)]


def test_a_retired_revision_is_named_by_no_alias(
    registry: Registry, commits: list[str], tmp_path: Path
) -> None:
    a, b, *_ = commits
    promotions = registry.promotions
    promotions.promote(*WHO, "production", a, by="ann")
    with pytest.raises(Conflict, match="production names it"):
        promotions.retire(*WHO, "production", by="ann", why="wrong")
    with pytest.raises(InvalidInput, match="no reason"):
        promotions.retire(*WHO, b, by="ann", why="  ")
    done = promotions.retire(*WHO, b[:8], by="ann", why="it leaks names")
    assert promotions.retire(*WHO, b, by="bob", why="again") == done
    assert promotions.retired(*WHO) == {b: done}
    with pytest.raises(Conflict, match="retired by ann: it leaks names"):
        promotions.promote(*WHO, "candidate", b, by="bob")
    with pytest.raises(Conflict, match="retired"):
        registry.alias(*WHO, "production", b)
    assert registry.resolve(*WHO, b).oid == b
    assert (registry.materialize(*WHO, b, tmp_path / "out") / "README.md").is_file()
    with pytest.raises(NotFound, match="not retired"):
        promotions.restore(*WHO, a, by="ann")
    promotions.restore(*WHO, b, by="ann", why="they were made up")
    assert promotions.retired(*WHO) == {}
    promotions.promote(*WHO, "production", b, by="ann")
    assert told(registry)[1:3] == [("retire", None, b, None), ("restore", None, None, b)]
    promotions.promote(*WHO, "production", a, by="ann")
    promotions.retire(*WHO, b, by="ann", why="after all")
    assert list(promotions.retired(*WHO)) == [b]


@pytest.mark.parametrize("alias", ["main", "v1"])
def test_branches_and_tags_are_no_aliases(registry: Registry, commits: list[str], alias: str) -> None:
    registry.set_ref(*WHO, RefKind.TAG, "v1", commits[0])
    for act in (
        lambda: registry.promotions.promote(*WHO, alias, commits[1], by="ann"),
        lambda: registry.promotions.remove(*WHO, alias, by="ann"),
        lambda: registry.promotions.roll_back(*WHO, alias, by="ann"),
    ):
        with pytest.raises((Conflict, NotFound)):
            act()
    assert told(registry) == []


def test_what_is_refused_leaves_no_row(registry: Registry, commits: list[str]) -> None:
    refused: list[tuple[Callable[[], object], type[GTSError]]] = [
        (lambda: registry.promotions.promote(*WHO, "a b", commits[0], by="ann"), InvalidInput),
        (lambda: registry.promotions.promote(*WHO, "a", "nowhere", by="ann"), RevisionNotFound),
        (lambda: registry.promotions.promote(*WHO, "a", commits[0], by="ann", why="x" * 1001), InvalidInput),
        (lambda: registry.promotions.promote(*WHO, "a", commits[0], by="ann", why="\0"), InvalidInput),
        (lambda: registry.promotions.promote(*WHO, "a", commits[0], by="x" * 201), InvalidInput),
        (lambda: registry.promotions.retire(*WHO, "nowhere", by="ann", why="x"), RevisionNotFound),
        (lambda: registry.promotions.promote("acme", "none", "a", "main", by="ann"), RepositoryNotFound),
        (lambda: registry.promotions.history("acme", "none"), RepositoryNotFound),
    ]
    for act, error in refused:
        with pytest.raises(error):
            act()
    assert told(registry) == []
    assert [ref.name for ref in registry.refs(*WHO)] == ["main"], "the alias did not move either"


def test_the_database_refuses_to_change_a_row(
    registry: Registry, commits: list[str], database: Database
) -> None:
    registry.alias(*WHO, "production", commits[0])
    with pytest.raises(DBAPIError, match="never changed"), database.writing() as session:
        session.execute(text("UPDATE promotions SET why = 'I was never here'"))
    assert registry.promotions.history(*WHO)[0].why == ""


def test_the_history_goes_with_its_repository(
    registry: Registry, commits: list[str], model: Model, database: Database
) -> None:
    registry.alias(*WHO, "production", commits[0])
    registry.delete_repository(*WHO)
    registry.publish(*WHO, model("again"), "m", "ann")
    assert told(registry) == []
