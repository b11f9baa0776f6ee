"""The Python client against the application: what the command line does, as methods."""

import httpx
import pytest

from gts.core.errors import Conflict, DataError, GTSError, InvalidInput, NotFound, StorageError, Unauthorized
from gts.platform.client import Client
from gts.platform.datafiles import read_labelled, read_texts
from gts.platform.remote import ServerUnreachable, error_of, subclasses
from gts.tasks.source import FileSource
from gts.tasks.taskfile import load_task_document


class Bridge(httpx.BaseTransport):
    """Leads requests to the application under test; ``breaks`` says after how many bytes answers break."""

    def __init__(self, http):
        self.http, self.breaks = http, []

    def handle_request(self, request):
        answer = self.http.request(
            request.method,
            str(request.url),
            content=request.read(),
            headers={**request.headers, "authorization": request.headers.get("authorization", "")},
        )
        content, broken = answer.content, None
        if self.breaks and (limit := self.breaks.pop(0)) is not None:
            content, broken = content[:limit], True
        headers = {key: value for key, value in answer.headers.items() if key != "content-length"}
        return httpx.Response(answer.status_code, headers=headers, stream=Body(content, broken))


class Body(httpx.SyncByteStream):
    def __init__(self, content, broken):
        self.content, self.broken = content, broken

    def __iter__(self):
        yield self.content
        if self.broken:
            raise httpx.ReadError("the connection broke")


@pytest.fixture
def bridge(http):
    return Bridge(http)


@pytest.fixture
def client(bridge, token, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with Client("http://testserver", token, transport=bridge) as client:
        yield client


@pytest.fixture
def task_file(tmp_path, task):
    folder = tmp_path / "task"
    folder.mkdir()
    rows = "".join(f"{row['text']},{row['label']}\n" for row in task["examples"])
    (folder / "labelled.csv").write_text(f"text,label\n{rows}")
    (folder / "pool.txt").write_text("\n".join(task["unlabeled"]))
    (folder / "task.yaml").write_text("name: tickets\nexamples: labelled.csv\nunlabeled: [pool.txt]\n")
    return folder / "task.yaml"


def test_a_task_file_a_mapping_and_checked_data_give_the_same_preview(client, task, task_file):
    seen = [
        client.submit(given, dry_run=True)
        for given in (task_file, str(task_file), task, load_task_document(task))
    ]
    assert all(
        preview["labels"] == seen[0]["labels"] and preview["counts"] == seen[0]["counts"] for preview in seen
    )


def test_a_job_from_submission_to_prediction(client, task_file, run_worker, tmp_path):
    job = client.submit(task_file, idempotency_key="once")
    assert client.submit(task_file, idempotency_key="once")["id"] == job["id"]
    run_worker()
    events = []
    done = client.wait(job["id"], events.append)
    assert done["state"] == "succeeded" and done["model"] == "local/tickets"
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert client.report(job["id"])["tier"] == "static"
    assert [found["id"] for found in client.jobs()] == [job["id"]]
    assert [found["id"] for found in client.models()] == ["local/tickets"]
    assert client.predict("local/tickets", ["my parcel"])[0]["labels"] == ["delivery"]
    with pytest.raises(Conflict):
        client.cancel(job["id"])


def test_jobs_are_listed_over_pages(client, task):
    made = {client.submit({**task, "seed": seed})["id"] for seed in range(60)}
    assert {job["id"] for job in client.jobs()} == made
    assert len(list(client.jobs(limit=7))) == 7


def test_a_broken_stream_is_taken_up_again(client, bridge, task, run_worker):
    job = client.submit(task)
    run_worker()
    bridge.breaks = [250, 90, 300]
    events = list(client.events(job["id"]))
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["data"]["state"] == "succeeded"


def test_errors_arrive_as_they_were_raised(client, bridge, task):
    with pytest.raises(NotFound, match="no job"):
        client.job("x")
    with pytest.raises(DataError) as caught:
        client.submit({**task, "examples": [{"text": "a", "label": "b"}]})
    assert caught.value.mend
    with pytest.raises(Unauthorized):
        Client("http://testserver", "wrong", transport=bridge).jobs().__next__()
    with pytest.raises(InvalidInput, match="namespace/name"):
        client.predict("tickets", ["a"])
    strange = error_of(httpx.Response(502, text="<html>proxy</html>"))
    assert "502" in strange.message


def test_a_task_file_that_names_a_missing_file_says_where_it_was_looked_for(client, task_file):
    task_file.write_text("name: t\nexamples: gone.csv\n")
    with pytest.raises(InvalidInput, match=r"gone\.csv") as caught:
        client.submit(task_file)
    assert str(task_file.parent / "gone.csv") in caught.value.mend


def test_models_are_listed_over_pages(client, published, services, tmp_path, monkeypatch):
    for index in range(3):
        services.registry.publish("local", f"more-{index}", tmp_path / "student", "m", author="local")
    pages = services.registry.list
    monkeypatch.setattr(services.registry, "list", lambda **asked: pages(**{**asked, "limit": 2}))
    assert len({model["id"] for model in client.models()}) == 4


def test_an_alias_is_set_moved_and_removed(client, published, services, tmp_path):
    assert client.set_alias("local/tickets", "production") == published.oid
    (tmp_path / "student" / "README.md").write_text("another revision")
    second = services.registry.publish("local", "tickets", tmp_path / "student", "second", author="local")
    assert client.model("local/tickets", revision="production")["commit"] == published.oid
    assert client.set_alias("local/tickets", "production", revision="main") == second.oid
    assert client.model("local/tickets", revision="production")["commit"] == second.oid
    client.remove_alias("local/tickets", "production")
    with pytest.raises(NotFound):
        client.model("local/tickets", revision="production")
    with pytest.raises(NotFound, match="alias"):
        client.remove_alias("local/tickets", "main")
    with pytest.raises(NotFound):
        client.set_alias("local/tickets", "production", revision="nowhere")
    with pytest.raises(Conflict):
        client.set_alias("local/tickets", "main", revision=published.oid)


def test_a_model_is_pulled_whole_and_checked(client, bridge, published, tmp_path):
    folder = client.pull("local/tickets", tmp_path / "pulled")
    names = {path.name for path in folder.iterdir()}
    assert "model.safetensors" in names and not any(name.endswith(".part") for name in names)
    (folder / "gts.json").write_text("damaged")
    client.pull("local/tickets", folder, revision=published.oid)
    assert (folder / "gts.json").read_text() != "damaged"
    with pytest.raises(NotFound):
        client.pull("local/tickets", tmp_path / "none", revision="nope")
    assert not (tmp_path / "none").exists()


def test_a_download_that_breaks_goes_on_where_it_stopped(client, bridge, published, tmp_path):
    bridge.breaks = [None, 10, 20, None]
    folder = client.pull("local/tickets", tmp_path / "pulled")
    assert (folder / "model.safetensors").is_file()
    bridge.breaks = [None, *[0] * 50]
    with pytest.raises(ServerUnreachable):
        client.pull("local/tickets", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_flipped_bit_is_found(client, bridge, published, tmp_path, monkeypatch):
    plain = bridge.handle_request

    def flipping(request):
        response = plain(request)
        if "model.safetensors" in str(request.url):
            response.stream.content = response.stream.content[:-1] + b"?"
        return response

    monkeypatch.setattr(bridge, "handle_request", flipping)
    with pytest.raises(StorageError, match="damaged"):
        client.pull("local/tickets", tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()


def test_without_a_server_the_client_says_how_to_start_one(tmp_path):
    with pytest.raises(ServerUnreachable, match="no platform is running") as caught:
        Client(data_dir=tmp_path)
    assert "gts up" in caught.value.mend


def test_the_local_token_is_sent_to_the_local_server_only(tmp_path):
    (tmp_path / "server.json").write_text('{"url": "http://127.0.0.1:1", "token": "secret", "pid": 1}')
    assert Client(data_dir=tmp_path).token == "secret"
    assert Client("http://127.0.0.1:1", data_dir=tmp_path).token == "secret"
    assert Client("http://elsewhere.example", data_dir=tmp_path).token is None
    with pytest.raises(ServerUnreachable, match="no answer"):
        Client(data_dir=tmp_path).health()


def test_every_error_of_the_tree_survives_the_way(client):
    for kind in subclasses(GTSError):
        answer = httpx.Response(kind.status, json=kind("what", mend="how", line=3).as_json())
        found = error_of(answer)
        assert (type(found).code, found.message, found.mend, found.details) == (
            kind.code,
            "what",
            "how",
            {"line": 3},
        )


def test_files_of_texts_are_read_in_every_form(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    (tmp_path / "b.csv").write_text("id,review\n1,one\n2,two\n")
    (tmp_path / "c.txt").write_text("one\ntwo\n")
    for name in ("a.jsonl", "b.csv", "c.txt"):
        assert [row.text for row in read_texts(tmp_path / name)] == ["one", "two"]
    (tmp_path / "d.csv").write_text("text,label\none,x\ntwo,y\n")
    assert len(read_labelled(FileSource(tmp_path / "d.csv"), ("x", "y"), multi_label=False)) == 2
    with pytest.raises(DataError, match="unknown label"):
        read_labelled(FileSource(tmp_path / "d.csv"), ("x", "z"), multi_label=False)


def test_a_file_of_other_columns_is_named(tmp_path):
    (tmp_path / "d.jsonl").write_text('{"a": 1, "b": 2, "c": 3}\n')
    with pytest.raises(DataError, match=r"d\.jsonl, line 1: no label column .* 'a', 'b'"):
        read_labelled(FileSource(tmp_path / "d.jsonl"), ("x", "y"), multi_label=False)
