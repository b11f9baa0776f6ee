"""Submitting, listing, following and cancelling jobs over REST."""

import gzip
import json
import threading

import pytest


def submit(http, task, **headers):
    return http.post("/api/v1/jobs", json=task, headers=headers)


def test_a_task_as_json_becomes_a_job_and_then_a_model(http, task, run_worker):
    answer = submit(http, task)
    assert answer.status_code == 202
    job = answer.json()
    assert (job["name"], job["state"], job["model"]) == ("tickets", "queued", None)
    assert http.get(f"/api/v1/jobs/{job['id']}/report").status_code == 404
    run_worker()
    done = http.get(f"/api/v1/jobs/{job['id']}").json()
    assert (done["state"], done["model"]) == ("succeeded", "local/tickets")
    assert http.get(f"/api/v1/jobs/{job['id']}/report").json()["tier"] == "static"
    model = http.get("/api/v1/models/local/tickets").json()
    assert model["commit"] == done["commit"] and model["report"]["name"] == "tickets"


def test_a_dry_run_says_what_was_understood_and_starts_nothing(http, task):
    answer = http.post("/api/v1/jobs?dry_run=true", json=task)
    assert answer.status_code == 200
    seen = answer.json()
    assert seen["counts"] == {"gold": 4, "pool": 2, "test": 0}
    assert [(label["name"], label["gold"]) for label in seen["labels"]] == [("billing", 2), ("delivery", 2)]
    assert http.get("/api/v1/jobs").json() == {"jobs": [], "next_cursor": None}


def test_files_are_taken_as_a_form(http, task):
    lines = "".join(f"{row['text']},{row['label']}\n" for row in task["examples"])
    files = [
        ("task", ("task.yaml", "name: tickets\nbudget: {seconds: 60}\n")),
        ("examples", ("labelled.csv.gz", gzip.compress(f"text,label\n{lines}".encode()))),
        ("unlabeled", ("pool.txt", "a refund please\n")),
        ("unlabeled", ("pool.txt", "no parcel came\n")),
    ]
    answer = http.post("/api/v1/jobs?dry_run=true", files=files)
    assert answer.status_code == 200, answer.text
    assert answer.json()["counts"] == {"gold": 4, "pool": 2, "test": 0}


def test_fields_of_a_form_do_without_a_task_file(http, task):
    data = {
        "name": "tickets",
        "examples": "\n".join(json.dumps(row) for row in task["examples"]),
        "language": "",
    }
    answer = http.post("/api/v1/jobs?dry_run=true", data=data, files={"unlabeled": ("", b"")})
    assert answer.status_code == 200, answer.text


def test_an_error_in_a_file_names_it_and_the_line(http):
    files = {"examples": ("my labels.csv", "text,label\na,x\n,x\nb,y\nc,y\n")}
    answer = http.post("/api/v1/jobs", data={"name": "t"}, files=files)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["details"]["file"] == "my_labels.csv" and error["details"]["line"] == 3
    assert error["mend"]


def test_paths_of_the_server_are_not_read(http, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("text,label\na,x\nb,x\nc,y\nd,y\n")
    answer = http.post("/api/v1/jobs", json={"name": "t", "examples": str(secret)})
    assert answer.status_code == 422
    files = {"task": ("task.yaml", f"name: t\nexamples: {secret}\n")}
    assert http.post("/api/v1/jobs", files=files).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[1]",
        b"{",
        b'{"name": NaN}',
        b"[" * 100_000,
        b"\xff",
        b'{"name": "t", "examples": [{"text": "\\ud800"}]}',
    ],
)
def test_bodies_that_are_no_task_are_refused(http, body):
    answer = http.post("/api/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] in ("invalid_input", "invalid_data")


def test_json_sent_as_plain_text_is_refused(http, task):
    answer = http.post("/api/v1/jobs", content=json.dumps(task), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422


def test_a_name_with_html_is_refused_and_not_echoed_as_html(http, task):
    answer = submit(http, {**task, "name": "<script>alert(1)</script>"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_label_that_looks_like_a_path_stays_a_label(http, task, run_worker, services):
    rows = [{**row, "label": "../../x" if row["label"] == "billing" else "b"} for row in task["examples"]]
    answer = submit(http, {**task, "examples": rows})
    assert answer.status_code == 202
    run_worker()
    assert http.get(f"/api/v1/jobs/{answer.json()['id']}").json()["state"] == "succeeded"
    inside = services.settings.data_dir.resolve()
    assert not (inside.parent / "x").exists() and not (inside.parent.parent / "x").exists()


def test_two_submits_at_once_with_one_key_give_one_job(http, task):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(submit(http, task, **{"Idempotency-Key": "k1"})))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in found} == {202}
    assert len({answer.json()["id"] for answer in found}) == 1
    assert len(http.get("/api/v1/jobs").json()["jobs"]) == 1
    other = submit(http, {**task, "seed": 1}, **{"Idempotency-Key": "k1"})
    assert other.status_code == 409 and other.json()["error"]["code"] == "conflict"


def test_jobs_come_page_by_page(http, task):
    made = [submit(http, {**task, "seed": seed}).json()["id"] for seed in range(5)]
    first = http.get("/api/v1/jobs?limit=3").json()
    rest = http.get(f"/api/v1/jobs?limit=3&cursor={first['next_cursor']}").json()
    assert {job["id"] for job in first["jobs"] + rest["jobs"]} == set(made)
    assert rest["next_cursor"] is None
    assert http.get("/api/v1/jobs?state=running").json()["jobs"] == []
    assert http.get("/api/v1/jobs?limit=0").status_code == 422
    assert http.get("/api/v1/jobs?cursor=%00").status_code == 422


@pytest.mark.parametrize("job_id", ["0" * 32, "x", "..%2f..%2fetc", "%00"])
def test_unknown_jobs_are_not_found(http, job_id):
    assert http.get(f"/api/v1/jobs/{job_id}").status_code == 404


def test_jobs_of_others_are_not_found(http, task, services, anonymous):
    job_id = submit(http, task).json()["id"]
    other, _ = services.tokens.create("other", owner="other")
    headers = {"Authorization": f"Bearer {other}"}
    for method, path in (("GET", ""), ("GET", "/report"), ("GET", "/events"), ("POST", "/cancel")):
        assert anonymous.request(method, f"/api/v1/jobs/{job_id}{path}", headers=headers).status_code == 404
    assert anonymous.get("/api/v1/jobs", headers=headers).json()["jobs"] == []


def test_a_waiting_job_is_cancelled_at_once(http, task):
    job_id = submit(http, task).json()["id"]
    assert http.post(f"/api/v1/jobs/{job_id}/cancel").json()["state"] == "cancelled"
    assert http.post(f"/api/v1/jobs/{job_id}/cancel").json()["state"] == "cancelled"


def test_a_finished_job_cannot_be_cancelled(http, task, run_worker):
    job_id = submit(http, task).json()["id"]
    run_worker()
    assert http.post(f"/api/v1/jobs/{job_id}/cancel").status_code == 409


def test_a_failed_job_says_why(http, task, run_worker):
    job_id = submit(http, {**task, "name": "broken"}).json()["id"]
    run_worker()
    job = http.get(f"/api/v1/jobs/{job_id}").json()
    assert job["state"] == "failed"
    assert (job["error"]["code"], job["error"]["mend"]) == ("stage_failed", "mend it")


def events_of(text):
    blocks = [block for block in text.split("\n\n") if "data:" in block]
    return [
        json.loads(line[5:]) for block in blocks for line in block.split("\n") if line.startswith("data:")
    ]


def test_the_stream_tells_everything_and_ends_with_the_job(http, task, run_worker):
    job_id = submit(http, task).json()["id"]
    run_worker()
    answer = http.get(f"/api/v1/jobs/{job_id}/events", headers={"Accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer.text)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["data"] == {"state": "queued"} and events[-1]["data"]["state"] == "succeeded"
    again = http.get(f"/api/v1/jobs/{job_id}/events", headers={"Last-Event-ID": "3"})
    assert events_of(again.text) == events[3:]
    page = http.get(f"/api/v1/jobs/{job_id}/events?after=3").json()
    assert page["events"] == events[3:]
    assert (page["state"], page["next_after"]) == ("succeeded", events[-1]["seq"])
    assert http.get(f"/api/v1/jobs/{job_id}/events", headers={"Last-Event-ID": "x"}).status_code == 422


def test_nothing_of_a_refused_submission_remains(http, task, services):
    files = {"examples": ("a.csv", "text,label\na,x\n"), "unlabeled": ("p.txt", "b\n" * 10_000)}
    assert http.post("/api/v1/jobs", data={"name": "t"}, files=files).status_code == 422
    assert list((services.store.root / "tmp").iterdir()) == []
    assert list((services.store.root / "files").iterdir()) == []
