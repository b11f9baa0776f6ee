"""What was looked up is remembered until anything in the database changes, on both kinds of database."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from gts.core.errors import NotFound
from gts.platform.serving.remembering import Changes, Remembered
from gts.platform.tokens import TokenStore


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def changes(database):
    changes = Changes(database.url)
    yield changes
    changes.close()


def test_a_token_is_known_until_it_is_revoked(database, pool, changes):
    store, looked_up = TokenStore(database), []

    def verify(secret):
        looked_up.append(secret)
        return store.verify(secret)

    remembered = Remembered(verify, pool, changes, lambda token: token.active)
    secret, token = store.create("laptop")
    for _ in range(3):
        assert asyncio.run(remembered.get(secret)).id == token.id
    if database.url.startswith("sqlite"):
        assert len(looked_up) == 2  # noting its first use was a change
    store.revoke(token.id)
    with pytest.raises(Exception, match="not valid"):
        asyncio.run(remembered.get(secret))


def test_a_change_by_another_process_is_seen(sqlite_database):
    changes = Changes(sqlite_database.url)
    path = sqlite_database.url.removeprefix("sqlite:///")
    before = changes.count()
    assert before is not None and changes.count() == before
    code = f"import sqlite3; c = sqlite3.connect({path!r}); c.execute('create table x (y)'); c.commit()"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert changes.count() not in (None, before)
    changes.close()
    assert changes.count() is None


def test_a_database_that_is_away_is_not_made(tmp_path):
    changes = Changes(f"sqlite:///{tmp_path / 'none.db'}")
    assert changes.count() is None and not list(tmp_path.iterdir())
    assert Changes("postgresql+psycopg://nowhere/x").count() is None
    assert Changes("sqlite://").count() is None


def test_errors_are_not_remembered_and_answers_may_lapse(sqlite_database, pool):
    asked, there, valid = [], [False], [True]

    def call(key):
        asked.append(key)
        if not there[0]:
            raise NotFound("not yet")
        return key.upper()

    changes = Changes(sqlite_database.url)
    remembered = Remembered(call, pool, changes, lambda value: valid[0])
    with pytest.raises(NotFound):
        asyncio.run(remembered.get("a"))
    there[0] = True
    assert [asyncio.run(remembered.get("a")) for _ in range(3)] == ["A"] * 3 and asked == ["a", "a"]
    valid[0] = False
    asyncio.run(remembered.get("a"))
    assert asked == ["a", "a", "a"]
    changes.close()
