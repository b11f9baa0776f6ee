from __future__ import annotations

import logging
import queue as threads_queue
import time
from collections.abc import Iterator

import pytest
import redis

from gts.orchestrator.celery_app import KNOCK_TASK, QUEUE
from gts.orchestrator.knock import CeleryKnock, NoKnock, open_knock

PATIENCE_S = 20


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        yield client
        client.flushall()


@pytest.fixture
def heard(redis_url: str, server: redis.Redis) -> Iterator[threads_queue.Queue[str]]:
    ids: threads_queue.Queue[str] = threads_queue.Queue()
    knock = CeleryKnock(redis_url)
    knock.listen(ids.put)
    yield ids
    knock.close()
    knock.close()


def test_a_knock_is_heard(redis_url: str, heard: threads_queue.Queue[str]) -> None:
    knock = open_knock(redis_url)
    assert isinstance(knock, CeleryKnock)

    knock.knock("one")
    knock.knock("two")

    assert {heard.get(timeout=PATIENCE_S), heard.get(timeout=PATIENCE_S)} == {"one", "two"}
    knock.close()


def test_without_a_broker_nothing_is_sent() -> None:
    knock = open_knock(None)

    assert isinstance(knock, NoKnock)
    knock.listen(print)
    knock.knock("one")
    knock.close()


def test_a_message_carries_the_job_id_as_json_and_nothing_else(redis_url: str, server: redis.Redis) -> None:
    knock = CeleryKnock(redis_url)
    knock.knock("one")
    knock.close()

    (raw,) = server.lrange(QUEUE, 0, -1)
    assert b'"content-type": "application/json"' in raw
    assert b"secret" not in raw
    assert KNOCK_TASK.encode() in raw


def test_other_messages_are_passed_over(
    redis_url: str, server: redis.Redis, heard: threads_queue.Queue[str]
) -> None:
    knock = CeleryKnock(redis_url)
    knock._app.send_task("something.else", args=["evil"], queue=QUEUE)
    knock._app.send_task(KNOCK_TASK, args=["pickled"], queue=QUEUE, serializer="pickle")
    knock._app.send_task(KNOCK_TASK, args=[], queue=QUEUE)
    knock.knock("good")

    assert heard.get(timeout=PATIENCE_S) == "good"
    assert heard.empty()
    knock.close()


def test_a_broker_that_is_down_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    knock = CeleryKnock("redis://127.0.0.1:1/0")
    with caplog.at_level(logging.WARNING):
        knock.knock("one")
    knock.close()

    assert "workers will find it by polling" in caplog.text


def test_the_listener_comes_back_after_the_broker_drops_it(
    redis_url: str, server: redis.Redis, heard: threads_queue.Queue[str]
) -> None:
    knock = CeleryKnock(redis_url)
    knock.knock("before")
    assert heard.get(timeout=PATIENCE_S) == "before"

    server.client_kill_filter(_type="normal", skipme=True)
    server.flushall()

    deadline = time.monotonic() + PATIENCE_S
    while heard.empty() and time.monotonic() < deadline:
        knock.knock("after")
        time.sleep(0.2)
    assert heard.get_nowait() == "after"
    knock.close()
