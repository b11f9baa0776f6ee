from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from gts.core.database import Database
from gts.core.errors import Conflict
from gts.migrations import current, upgrade
from gts.migrations.schema import metadata
from gts.migrations.upgrade import downgrade
from gts.orchestrator import events, jobs
from gts.registry.promotions import Promotions

HEAD, PREVIOUS = "0008", "0003"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new folder' / 'gts.db'}"
    return request.getfixturevalue("fresh_postgres_url")


def tables(url: str) -> set[str]:
    database = Database(url)
    try:
        return set(inspect(database.engine).get_table_names()) - {"alembic_version"}
    finally:
        database.close()


def test_an_empty_database_gets_the_schema_the_code_declares(url: str) -> None:
    upgrade(url)

    assert current(url) == HEAD
    database = Database(url)
    with database.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata()) == []
    database.close()


def test_upgrading_twice_changes_nothing(url: str) -> None:
    upgrade(url)
    upgrade(url)

    assert current(url) == HEAD


def test_a_database_of_the_previous_revision_keeps_its_rows(url: str) -> None:
    upgrade(url, PREVIOUS)
    database = Database(url)
    insert = text(
        "INSERT INTO jobs (id, name, owner, namespace, state, cancel_requested, spec, task_artifact, "
        "request_digest, fence, attempts, last_seq, created_at) VALUES "
        "('j1', 'tickets', 'ann', 'ann', 'queued', :no, '{\"seed\": 1}', 'a', 'd', 0, 0, 0, :at)"
    )
    with database.writing() as session:
        session.execute(insert, {"no": False, "at": datetime(2026, 1, 1, tzinfo=UTC)})
        events.append(session, "j1", datetime(2026, 1, 1, tzinfo=UTC), "state", {"state": "queued"})

    repository = text(
        "INSERT INTO repositories (id, namespace, name, private, card, created_at, updated_at) "
        "VALUES (1, 'ann', 'tickets', :no, '{}', :at, :at)"
    )
    with database.writing() as session:
        session.execute(repository, {"no": False, "at": datetime(2026, 1, 1, tzinfo=UTC)})

    upgrade(url)

    with database.reading() as session:
        kept = session.execute(text("SELECT kind, origin, name FROM repositories")).one()
        assert tuple(kept) == ("model", "ann/tickets", "tickets")
        job = jobs.get(session, "j1")
        assert [event.data for event in events.after(session, "j1")] == [{"state": "queued"}]
    database.close()
    assert (job.name, job.spec, job.state, job.error) == ("tickets", {"seed": 1}, "queued", None)
    assert (job.queued_at, job.served_seconds) == (job.created_at, 0.0)
    assert {"jobs", "reviews"} <= tables(url)


def test_going_back_behind_data_sets_keeps_models_and_no_token_that_was_limited(url: str) -> None:
    upgrade(url)
    database = Database(url)
    repository = text(
        "INSERT INTO repositories (id, kind, origin, namespace, name, private, card, created_at, updated_at) "
        "VALUES (:id, :kind, 'a/b', 'a', 'b', :no, '{}', :at, :at)"
    )
    commit = text(
        "INSERT INTO commits (id, oid, repository_id, seq, tree, message, author, created_at) "
        "VALUES (:id, :id, :id, 1, '', '', '', :at)"
    )
    token = text(
        "INSERT INTO tokens (id, owner, name, kind, sha256, scopes, repositories, created_at) "
        "VALUES (:id, 'a', '', '', :id, '', :only, :at)"
    )
    moment = {"no": False, "at": datetime(2026, 1, 1, tzinfo=UTC)}
    with database.writing() as session:
        for number, kind in enumerate(("model", "dataset"), 1):
            session.execute(repository, {**moment, "id": number, "kind": kind})
            session.execute(commit.bindparams(id=number, at=moment["at"]))
        for name, only in (("full", None), ("limited", "a/b")):
            session.execute(token, {**moment, "id": name, "only": only})

    downgrade(url, "0005")

    with database.reading() as session:
        counts = [session.scalar(text(f"SELECT count(*) FROM {t}")) for t in ("repositories", "commits")]
        assert counts == [1, 1]
        assert session.scalars(text("SELECT id FROM tokens")).all() == ["full"]
    database.close()


def test_an_alias_from_before_there_was_a_history_has_a_first_row(url: str) -> None:
    upgrade(url, "0006")
    database = Database(url)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    repository = (
        "INSERT INTO repositories (id, kind, origin, namespace, name, private, card, created_at, updated_at) "
        "VALUES (1, 'model', 'a/b', 'a', 'b', :no, '{}', :at, :at)"
    )
    commit = (
        "INSERT INTO commits (id, oid, repository_id, seq, tree, message, author, created_at) "
        "VALUES (1, 'c1', 1, 1, '', '', '', :at)"
    )
    ref = (
        "INSERT INTO refs (repository_id, name, kind, commit_id, updated_at) VALUES (1, :name, :kind, 1, :at)"
    )
    with database.writing() as session:
        session.execute(text(repository), {"no": False, "at": at})
        session.execute(text(commit), {"at": at})
        for name, kind in (("main", "branch"), ("live", "alias")):
            session.execute(text(ref), {"name": name, "kind": kind, "at": at})

    upgrade(url)

    found = Promotions(database).history("a", "b")
    database.close()
    assert [(row.kind, row.alias, row.old, row.new, row.at) for row in found] == [
        ("promote", "live", None, "c1", at)
    ]


def test_downgrade_to_nothing_and_up_again(url: str) -> None:
    upgrade(url)
    downgrade(url, "base")

    assert tables(url) == set()
    assert current(url) is None

    upgrade(url)
    assert current(url) == HEAD


def test_a_database_of_a_newer_release_is_refused_and_left_alone(url: str) -> None:
    upgrade(url)
    database = Database(url)
    with database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(Conflict, match=r"9999.*newer release"):
        upgrade(url)

    assert current(url) == "9999"
    database.close()


def test_processes_that_start_together_upgrade_once(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for started in [pool.submit(upgrade, url) for _ in range(4)]:
            started.result()

    assert current(url) == HEAD
