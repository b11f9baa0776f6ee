"""Changing, cancelling, continuing and finishing jobs: over REST, by client and command line, and on the page."""

from __future__ import annotations

import json
from html import unescape

import pytest
from test_client import Bridge
from test_pages import CHROMIUM, REPORT, call, open_site, publish, server, write_student  # noqa: F401

from gts.core.errors import Conflict, InvalidInput
from gts.platform.cli import run
from gts.platform.client import Client


def submit(http, task, name="tickets", **fields):
    return http.post("/api/v1/jobs", json={**task, "name": name, **fields}).json()["id"]


def show(http, job_id):
    return http.get(f"/api/v1/jobs/{job_id}").json()


@pytest.fixture
def waiting(http, task, run_worker):
    """The id of a job that has published a student and waits for answers."""
    job_id = submit(http, task, "asking")
    run_worker()
    return job_id


@pytest.fixture
def client(http, token):
    with Client("http://testserver", token, transport=Bridge(http)) as client:
        yield client


@pytest.fixture
def gts(http, token, monkeypatch, capfd):
    """Runs a command against the application under test."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    def connect(url, given, data_dir):
        return Client("http://testserver", token, transport=Bridge(http))

    for module in ("jobs", "steering"):
        monkeypatch.setattr(f"gts.platform.cli.{module}.connect", connect)
    return call


@pytest.fixture
def browser(http):
    http.headers["accept"] = "text/html"
    return http


# REST


def test_a_job_shows_its_limits_and_takes_others(http, task):
    job_id = submit(http, task, budget={"seconds": 60, "questions": 5})
    assert show(http, job_id)["budget"] == {"seconds": 60, "tokens": None, "money": None, "questions": 5}
    changes = {"budget": {"seconds": None, "money": 0.5}, "goal": {"target": 0.9}}
    changed = http.patch(f"/api/v1/jobs/{job_id}", json=changes)
    assert changed.status_code == 200
    assert changed.json()["budget"] == {"seconds": None, "tokens": None, "money": 0.5, "questions": 5}
    assert changed.json()["goal"] == {"metric": None, "target": 0.9}
    event = http.get(f"/api/v1/jobs/{job_id}/events?after=1").json()["events"][0]
    assert (event["kind"], event["data"]["by"], event["data"]["goal"]) == (
        "changed",
        "test",
        {"target": 0.9},
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "nothing was given"),
        ({"budget": {"secnds": 3}}, "did you mean 'seconds'?"),
        ({"budget": {"seconds": "soon"}}, "budget.seconds is 'soon'"),
        ({"budget": 3}, "body.budget"),
        ({"tier": "mini"}, "body.tier"),
    ],
)
def test_changes_that_do_not_fit_are_refused_in_words(http, task, body, said):
    answer = http.patch(f"/api/v1/jobs/{submit(http, task)}", json=body)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert said in f"{error['message']}. {error['mend']}"


def test_a_finished_job_is_continued_under_its_id(http, task, run_worker):
    job_id = submit(http, task)
    run_worker()
    first = show(http, job_id)
    assert http.patch(f"/api/v1/jobs/{job_id}", json={"budget": {"seconds": 9}}).status_code == 409
    answer = http.post(f"/api/v1/jobs/{job_id}/continue", json={"budget": {"seconds": 600}})
    assert answer.status_code == 202
    job = answer.json()
    assert (job["id"], job["state"], job["commit"]) == (job_id, "queued", first["commit"])
    assert job["budget"]["seconds"] == 600 and job["finished_at"] is None
    twice = http.post(f"/api/v1/jobs/{job_id}/continue")
    assert twice.status_code == 409 and "change its budget" in twice.json()["error"]["mend"]
    assert http.get(f"/api/v1/jobs/{job_id}/report").status_code == 200, "of the student that is there"
    run_worker()
    assert show(http, job_id)["state"] == "succeeded"
    events = http.get(f"/api/v1/jobs/{job_id}/events?after=0").json()["events"]
    states = [event["data"]["state"] for event in events if event["kind"] == "state"]
    assert states == ["queued", "running", "succeeded", "queued", "running", "succeeded"]


def test_a_waiting_job_goes_on_or_is_good_enough(http, task, run_worker, waiting):
    job = show(http, waiting)
    assert (job["state"], job["model"], job["finished_at"]) == ("waiting", "local/asking", None)
    assert http.post(f"/api/v1/jobs/{waiting}/continue").status_code == 202
    run_worker()
    assert show(http, waiting)["state"] == "succeeded"
    other = submit(http, task, "asking-more")
    run_worker()
    done = http.post(f"/api/v1/jobs/{other}/finish").json()
    assert (done["state"], done["model"]) == ("succeeded", "local/asking-more")
    assert http.post(f"/api/v1/jobs/{submit(http, task)}/finish").status_code == 409


def test_the_stream_of_a_waiting_job_ends(http, waiting):
    answer = http.get(f"/api/v1/jobs/{waiting}/events", headers={"Accept": "text/event-stream"})
    assert '"state":"waiting"' in answer.text.strip().splitlines()[-1]


def test_nobody_steers_the_jobs_of_others(http, services, anonymous, waiting):
    other, _ = services.tokens.create("other", owner="other")
    headers = {"Authorization": f"Bearer {other}"}
    for method, path in (("PATCH", ""), ("POST", "/continue"), ("POST", "/finish"), ("POST", "/cancel")):
        answer = anonymous.request(
            method, f"/api/v1/jobs/{waiting}{path}", headers=headers, json={"budget": {"seconds": 1}}
        )
        assert answer.status_code == 404
    assert show(http, waiting)["state"] == "waiting"


# Client and command line


def test_the_client_waits_no_longer_than_the_job_moves(client, waiting, run_worker):
    assert client.wait(waiting)["state"] == "waiting"
    with pytest.raises(Conflict, match="waits for a person"):
        client.change(waiting, budget={"seconds": 5})
    assert client.continue_job(waiting, goal={"target": 0.9})["goal"]["target"] == 0.9
    assert client.change(waiting, goal={"target": None})["goal"]["target"] is None
    with pytest.raises(InvalidInput):
        client.change(waiting)
    run_worker()
    assert client.wait(waiting)["state"] == "succeeded"
    assert client.continue_job(waiting)["state"] == "queued"


def test_a_waiting_job_is_finished_by_the_client(client, waiting):
    assert client.finish(waiting)["state"] == "succeeded"


def test_commands_tell_who_waits_for_whom(gts, waiting):
    said = f"a first student is published; 2 questions wait for you: gts answer {waiting}"
    code, out, _ = gts("job", waiting, "--follow")
    assert code == 0 and out.strip().endswith(said)
    _, out, _ = gts("job", waiting)
    assert "waiting" in out and said in out and "90 % interval" in out
    _, out, _ = gts("job", waiting, "--follow", "--json")
    assert json.loads(out)["state"] == "waiting"


def test_commands_change_continue_and_finish(gts, http, task, run_worker, waiting):
    code, out, _ = gts("continue", waiting, "--seconds", 600, "--target", 0.95, "--questions", 20)
    assert code == 0 and "is in the queue again" in out
    assert "seconds 600, questions 20" in out and "target 0.95" in out
    code, out, _ = gts("change", waiting, "--seconds", "none", "--json")
    assert code == 0 and json.loads(out)["budget"]["seconds"] is None
    code, _, err = gts("change", waiting, "--money", "much")
    assert code == 2 and "budget.money is 'much'" in err
    assert gts("change", waiting)[0] == 2
    code, _, err = gts("continue", waiting)
    assert code == 1 and "is in the queue" in err
    run_worker()
    code, _, err = gts("finish", submit(http, task))
    assert code == 1 and "only one that waits for a person" in err
    other = submit(http, task, "asking-more")
    run_worker()
    code, out, _ = gts("finish", other)
    assert code == 0 and "has succeeded; its model is local/asking-more" in out
    assert gts("cancel", other)[0] == 1


def test_a_cancelled_job_says_how_to_go_on(gts, http, task):
    job_id = submit(http, task)
    code, out, _ = gts("cancel", job_id)
    assert code == 0 and "is cancelled" in out
    code, _, err = gts("job", job_id, "--follow")
    assert code == 1 and f"gts continue {job_id}" in err


# The page


def test_the_page_of_a_waiting_job_offers_what_can_be_done(browser, waiting, run_worker):
    html = browser.get(f"/jobs/{waiting}").text
    assert (
        "Waiting for you" in html
        and "A first student is published" in html
        and "2 questions" in (browser.get("/").text)
    )
    assert "data-events" not in html and "Open the model" in html
    assert browser.post(f"/jobs/{waiting}/continue").headers["location"] == f"/jobs/{waiting}"
    html = browser.get(f"/jobs/{waiting}").text
    assert "Waiting for a worker" in html and "data-events" in html and "Result" in html
    run_worker()
    assert "Go on with these limits" in browser.get(f"/jobs/{waiting}").text


def test_the_page_finishes_a_waiting_job(browser, waiting):
    for _ in range(2):
        assert browser.post(f"/jobs/{waiting}/finish").headers["location"] == f"/jobs/{waiting}"
    assert "Done" in browser.get(f"/jobs/{waiting}").text


def test_the_page_changes_the_limits_of_a_job_on_its_way(browser, task):
    job_id = submit(browser, task, budget={"seconds": 60})
    html = browser.get(f"/jobs/{job_id}?limits=1").text
    assert "<details open>" in html and 'name="seconds" value="60"' in html and "http-equiv" not in html
    sent = {"seconds": "90", "questions": "4", "target": "0.9", "tokens": "", "money": ""}
    answer = browser.post(f"/jobs/{job_id}/limits", data=sent)
    assert answer.headers["location"] == f"/jobs/{job_id}"
    job = show(browser, job_id)
    assert (job["budget"]["seconds"], job["budget"]["questions"], job["goal"]["target"]) == (90, 4, 0.9)
    browser.post(f"/jobs/{job_id}/limits", data={**sent, "seconds": ""})
    assert show(browser, job_id)["budget"]["seconds"] is None, "an empty field takes a limit away"


def test_a_limit_that_does_not_fit_is_shown_again_with_what_was_typed(browser, task):
    job_id = submit(browser, task, budget={"seconds": 60})
    answer = browser.post(f"/jobs/{job_id}/limits", data={"seconds": "soon"})
    assert answer.status_code == 422
    html = unescape(answer.text)
    assert 'value="soon"' in html and "expected: a valid number" in html and "<details open>" in html
    assert show(browser, job_id)["budget"]["seconds"] == 60


def test_the_page_continues_a_finished_job_with_more(browser, task, run_worker):
    job_id = submit(browser, task)
    run_worker()
    late = browser.post(f"/jobs/{job_id}/limits", data={"seconds": "600"})
    assert late.status_code == 409 and "has succeeded" in late.text, (
        "a change that comes too late spends nothing"
    )
    browser.post(f"/jobs/{job_id}/limits", data={"seconds": "600", "go_on": "1"})
    job = show(browser, job_id)
    assert (job["state"], job["budget"]["seconds"]) == ("queued", 600)


@pytest.fixture
def site(tmp_path):
    yield from open_site(tmp_path / "home")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")
def test_limits_are_changed_in_a_real_browser_while_the_job_goes_on(site, server, tmp_path):  # noqa: F811
    from playwright.sync_api import expect, sync_playwright

    options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    options += ["--disable-background-networking", "--disable-component-update"]
    job, recorder = site.submit(), site.claim()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        tab = browser.new_page(viewport={"width": 900, "height": 900})
        tab.goto(f"{server}/jobs/{job.id}?token={site.token}")
        tab.get_by_text("Limits", exact=True).press("Enter")
        tab.get_by_label("Seconds").fill("600")
        recorder.stage_started(call("distil"), "static", 9.0)
        expect(tab.get_by_text("Distil static").first).to_be_visible()
        expect(tab.get_by_label("Seconds")).to_have_value("600")
        tab.get_by_label("Questions").fill("12")
        tab.get_by_role("button", name="Change the limits").click()
        expect(tab.get_by_role("button", name="Cancel")).to_be_visible()
        assert recorder.wishes().budget.model_dump(exclude_none=True) == {"seconds": 600, "questions": 12}

        model = publish(site, write_student(tmp_path / "student"), job.id)
        recorder.wait({**REPORT, "questions": {"open": 3}}, model)
        expect(tab.get_by_text("A first student is published")).to_be_visible()
        assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        tab.get_by_text("Limits", exact=True).click()
        tab.get_by_label("Target").fill("0.99")
        tab.get_by_role("button", name="Go on with these limits").click()
        expect(tab.get_by_text("Waiting for a worker")).to_be_visible()
        second = site.claim()
        assert (second.wishes(), second._job.id, second._job.spec["goal"]["target"]) == (None, job.id, 0.99)
        second.wait({**REPORT, "questions": {"open": 3}}, model)
        tab.get_by_role("button", name="Good enough").click()
        expect(tab.get_by_role("status")).to_contain_text("Done")
        browser.close()
