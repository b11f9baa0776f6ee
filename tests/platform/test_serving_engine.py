"""The engine: students loaded once and dropped when memory is short, questions answered together, aliases swapped under load."""

import asyncio
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import pytest
from tiny_student import write_tiny_student

from gts.core.errors import InvalidInput, NotFound, Overloaded, TooLarge, Unavailable
from gts.platform.serving.batching import Batcher, Question, take
from gts.platform.serving.calls import SharedCalls
from gts.platform.serving.local import LocalEngine
from gts.platform.serving.pace import Pace
from gts.platform.serving.shelf import Loaded, Shelf
from gts.student.shared import Memory

PARCEL = [{"text": "my parcel is late"}]


@pytest.fixture
def engine_with(services):
    """Makes engines with settings of their own."""
    made = []

    def make(**changes):
        made.append(LocalEngine(services.registry, services.settings.model_copy(update=changes)))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def ask(engine, rows=PARCEL, model="local/tickets", revision="main"):
    return asyncio.run(engine.predict(model, revision, rows))


def publish(services, tmp_path, name, **options):
    folder = write_tiny_student(tmp_path / f"{name}-{len(options)}", name, **options)
    return services.registry.publish("local", name, folder, "message", author="local")


class Slow:
    """A student that answers when it is let, and notes what it was asked at once."""

    def __init__(self):
        self.calls, self.let = [], threading.Event()

    memory = Memory(1)

    def answer(self, rows):
        self.calls.append([row["text"] for row in rows])
        if not self.let.wait(10):
            raise TimeoutError
        if any(row["text"] == "wrong" for row in rows):
            number = [row["text"] for row in rows].index("wrong")
            raise InvalidInput(f"rows[{number}] is wrong")
        return [{"said": row["text"]} for row in rows]


@pytest.fixture
def slow():
    return Slow()


@pytest.fixture
def batcher():
    told = []
    batcher = Batcher(1, lambda *batch: told.append(batch[1:3]))
    batcher.told = told
    yield batcher
    batcher.close()


def loaded(student, bound_s=1.0, commit="c"):
    return Loaded("local/slow", commit, student, Pace(bound_s))


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def rows(*texts):
    return [{"text": text} for text in texts]


def test_what_waits_is_answered_in_one_call(batcher, slow):
    one = loaded(slow)
    first = batcher.ask(one, rows("a"))
    until(lambda: slow.calls)  # nobody waits for company
    others = [batcher.ask(one, rows(text, text)) for text in "bcd"]
    assert batcher.waiting() == {"local/slow": 3}
    slow.let.set()
    assert first.result(5) == [{"said": "a"}]
    assert [future.result(5) for future in others] == [[{"said": text}] * 2 for text in "bcd"]
    assert slow.calls == [["a"], ["b", "b", "c", "c", "d", "d"]]
    assert batcher.told == [(1, 1), (3, 6)]


def test_a_call_takes_what_fits_and_one_question_at_least():
    queue = deque(Question((), weight) for weight in (500, 40, 40, 40))
    assert [len(take(queue, 100)) for _ in range(3)] == [1, 2, 1] and not queue


def test_the_room_of_a_call_follows_the_students_pace():
    pace = Pace(0.02)
    for _ in range(30):
        pace.took(2000, 0.01)
    assert pace.room == pytest.approx(4000, rel=0.01)
    pace.took(20, 0.001)  # a small call says little
    assert pace.room > 3000
    for _ in range(30):
        pace.took(2000, 0.1)
    assert pace.room == pytest.approx(400, rel=0.01)


def test_students_take_turns(batcher, slow):
    busy, other = loaded(slow, bound_s=1e-9), loaded(slow, commit="other")
    futures = [batcher.ask(busy, rows("a" * 300)) for _ in range(3)]
    until(lambda: slow.calls)
    futures.append(batcher.ask(other, rows("b")))
    slow.let.set()
    for future in futures:
        future.result(5)
    assert [call[0][0] for call in slow.calls] == ["a", "a", "b", "a"]


def test_a_fault_is_told_to_who_made_it(batcher, slow):
    one = loaded(slow)
    batcher.ask(one, rows("a"))
    until(lambda: slow.calls)
    good, bad = batcher.ask(one, rows("b")), batcher.ask(one, rows("c", "wrong"))
    slow.let.set()
    assert good.result(5) == [{"said": "b"}]
    with pytest.raises(InvalidInput, match=r"rows\[1\] is wrong"):
        bad.result(5)


def test_who_has_gone_is_not_answered(batcher, slow):
    one = loaded(slow)
    batcher.ask(one, rows("a"))
    until(lambda: slow.calls)
    gone, here = batcher.ask(one, rows("gone")), batcher.ask(one, rows("here"))
    assert gone.cancel()
    slow.let.set()
    here.result(5)
    assert slow.calls == [["a"], ["here"]]


def test_a_batcher_that_ends_gives_up_who_waits(slow):
    batcher = Batcher(1, lambda *batch: None)
    first = batcher.ask(loaded(slow), rows("a"))
    until(lambda: slow.calls)
    second = batcher.ask(loaded(slow), rows("b"))
    batcher.close()
    with pytest.raises(Unavailable):
        second.result(5)
    with pytest.raises(Unavailable):
        batcher.ask(loaded(slow), rows("c"))
    slow.let.set()
    assert first.result(5)


def test_the_least_used_student_goes_first():
    class Student:
        def __init__(self, own, shared):
            self.memory = Memory(own, shared)

    gone = []
    shelf = Shelf(100, lambda loaded: gone.append(loaded.commit))
    students = {name: loaded(Student(20, {"table": 30}), commit=name) for name in "abcd"}
    for name in "abc":
        shelf.put(students[name])
    assert shelf.bytes == 90 and shelf.loaded() == {"local/slow": 3}  # the table counts once
    assert shelf.get("a") is students["a"]
    shelf.put(students["d"])
    assert gone == ["b"] and shelf.get("b") is None
    students["d"].student.memory = Memory(40, {"table": 30})  # it has grown
    shelf.look_at(students["d"])
    assert gone == ["b", "c"] and shelf.bytes == 90
    shelf.put(loaded(Student(500, {}), commit="huge"))
    assert (
        shelf.loaded() == {"local/slow": 1} and shelf.bytes == 500
    )  # what is in use stays, whatever it takes


def test_an_answer_is_never_older_than_its_question():
    value, begun, let = ["old"], threading.Event(), threading.Event()

    def call(key):
        seen = value[0]
        begun.set()
        assert let.wait(10)
        return seen

    with ThreadPoolExecutor(2) as pool:
        calls = SharedCalls(call, pool)
        first = calls.ask("key")
        begun.wait(10)
        value[0] = "new"
        later = [calls.ask("key") for _ in range(3)]
        let.set()
        assert first.result(5) == "old"
        assert {future.result(5) for future in later} == {"new"}


def test_callers_that_share_a_call_share_its_error():
    with ThreadPoolExecutor(1) as pool:
        calls = SharedCalls(lambda key: 1 / key, pool)
        for future in [calls.ask(0) for _ in range(3)]:
            with pytest.raises(ZeroDivisionError):
                future.result(5)
        assert calls.ask(2).result(5) == 0.5


def test_a_student_is_loaded_once(services, published, engine_with):
    engine = engine_with()

    async def crowd():
        return await asyncio.gather(*(engine.predict("local/tickets", "main", PARCEL) for _ in range(20)))

    found = asyncio.run(crowd())
    assert all(served.commit == published.oid for served, _ in found)
    assert all(answers[0]["labels"] == ["delivery"] for _, answers in found)
    assert b'gts_student_load_seconds_count{model="local/tickets"} 1.0' in engine.metrics.text()
    with pytest.raises(NotFound):
        ask(engine, model="local/none")


def test_students_within_the_bound_stay_and_others_come_back(services, published, engine_with, tmp_path):
    publish(services, tmp_path, "other")
    engine = engine_with(max_students_bytes=1)
    for _ in range(2):
        for model in ("local/tickets", "local/other"):
            assert ask(engine, model=model)[1][0]["labels"] == ["delivery"]
    text = engine.metrics.text()
    assert b'gts_student_load_seconds_count{model="local/other"} 2.0' in text
    assert b'gts_students_loaded{model="local/other"} 1.0' in text
    assert b'gts_students_dropped_total{model="local/tickets"} 2.0' in text


def test_too_many_requests_at_once_are_refused(engine_with, published):
    engine = engine_with(max_predictions=2)

    async def crowd():
        calls = [engine.predict("local/tickets", "main", [{"text": "a"}]) for _ in range(5)]
        return await asyncio.gather(*calls, return_exceptions=True)

    found = asyncio.run(crowd())
    assert sum(isinstance(item, Overloaded) for item in found) == 3
    assert ask(engine)[1][0]["scores"]


def test_one_model_leaves_room_for_others(engine_with, services, published, tmp_path):
    services.registry.publish(
        "local", "quick", write_tiny_student(tmp_path / "quick"), "first", author="local"
    )
    engine = engine_with(max_predictions=4)

    async def crowd():
        async with AsyncExitStack() as stack:
            for _ in range(3):
                await stack.enter_async_context(engine.stream("local/tickets", "main"))
            with pytest.raises(Overloaded, match="3 of them by local/tickets"):
                await engine.predict("local/tickets", "main", [{"text": "a"}])
            return (await engine.predict("local/quick", "main", [{"text": "a"}]))[0].model

    assert asyncio.run(crowd()) == "local/quick"


def test_what_is_quickly_said_is_said_at_once(engine_with, published):
    engine = engine_with()
    for _ in range(20):
        ask(engine)
    engine._batcher.close()  # nothing is handed to threads any more
    assert ask(engine)[1][0]["labels"] == ["delivery"]
    with pytest.raises(InvalidInput, match=r"rows\[1\]"):
        ask(engine, [*PARCEL, {}])
    with pytest.raises(Unavailable):
        ask(engine, rows("parcel " * 10_000))


def test_a_large_request_is_answered_in_parts_and_in_order(engine_with, published):
    engine = engine_with(max_batch_ms=1)
    texts = ["parcel " * (number % 7) + "refund" * (number % 2) for number in range(600)]
    _, answers = ask(engine, rows(*texts))
    assert [answer["labels"] for answer in answers] == [
        answer["labels"] for text in texts for answer in ask(engine, rows(text))[1]
    ][:600]
    assert b"gts_batch_rows_count" in engine.metrics.text()


def test_a_fault_in_a_large_request_counts_its_rows(engine_with, published):
    engine = engine_with(max_batch_ms=1)
    asked = [*rows(*["a parcel" * 20] * 300), {"txt": "x"}, *rows("b")]
    with pytest.raises(InvalidInput, match=r"rows\[300\]"):
        ask(engine, asked)


def test_limits_are_checked_before_a_student_is_loaded(engine_with, published):
    engine = engine_with(max_texts=2)
    with pytest.raises(TooLarge):
        ask(engine, rows("a", "b", "c"))
    with pytest.raises(InvalidInput, match="surrogate"):
        ask(engine, rows("\ud83d"))
    with pytest.raises(TooLarge):
        ask(engine, lambda manifest: rows("a", "b", "c"))


def test_an_alias_is_swapped_under_load(services, published, engine_with, tmp_path):
    """No request fails, each answer is that of the commit it names, and what is asked after a swap sees it."""
    newer = publish(services, tmp_path, "tickets", multi_label=True)
    engine = engine_with()
    said = {published.oid: ["billing"], newer.oid: ["billing", "delivery"]}  # of a text that tells nothing
    registry = services.registry
    registry.alias("local", "tickets", "production", published.oid)

    async def clients():
        swapped, done, wrong = {"to": published.oid}, [0], []

        async def client():
            while not finished.is_set():
                at_least = swapped["to"]
                served, answers = await engine.predict("local/tickets", "production", rows("hello there"))
                done[0] += 1
                if answers[0]["labels"] != said[served.commit]:
                    wrong.append(served.commit)
                if swapped["to"] == at_least and swapped["stable"] and served.commit != at_least:
                    wrong.append("stale")

        finished = asyncio.Event()
        swapped["stable"] = True
        running = [asyncio.create_task(client()) for _ in range(8)]
        for number in range(12):
            target = (newer if number % 2 == 0 else published).oid
            swapped["stable"] = False
            await asyncio.to_thread(registry.alias, "local", "tickets", "production", target)
            served, _ = await engine.predict("local/tickets", "production", rows("hello there"))
            assert served.commit == target
            swapped["to"], swapped["stable"] = target, True
            seen = done[0]
            while done[0] < seen + 20:
                await asyncio.sleep(0.001)
        finished.set()
        await asyncio.gather(*running)
        return done[0], wrong

    done, wrong = asyncio.run(clients())
    assert done > 200 and wrong == []
