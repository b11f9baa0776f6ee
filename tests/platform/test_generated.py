"""Generated texts over REST, client, command line and page: found, filtered, vetoed, edited; attempts to get in."""

import hashlib
import json
import re
import shutil

import pytest
from fake_engine import judged, write_judged
from fastapi.testclient import TestClient
from sqlalchemy import update
from test_client import Bridge

from gts.core.errors import InvalidInput, NotFound, StorageError
from gts.orchestrator import jobs, reviews
from gts.orchestrator.tables import JobRow
from gts.platform.cli import run
from gts.platform.client import Client
from gts.platform.generated import JudgedFile, Wanted, find_text, read_page, read_texts

HOSTILE = "<script>alert(1)</script>"


def id_of(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.fixture
def make_job(http, task, run_worker, services):
    """Runs a job with the fake engine; changes its report, and gives its generators other texts."""

    def make(rows=None, name="tickets", **changed):
        job_id = http.post("/api/v1/jobs", json={**task, "name": name}).json()["id"]
        run_worker()
        with services.database.writing() as session:
            report = jobs.get(session, job_id).report | changed
            if rows is not None:
                first = {**report["generators"][0], "artifact": write_judged(services.store, rows)}
                report["generators"] = [first, *report["generators"][1:]]
            session.execute(update(JobRow).where(JobRow.id == job_id).values(report=report))
        return job_id

    return make


def listed(http, job_id, query=""):
    answer = http.get(f"/api/v1/jobs/{job_id}/generated{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def texts_of(page):
    return [text["text"] for text in page["texts"]]


# Reading


@pytest.fixture
def write_rows(tmp_path):
    def write(rows, name="big"):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return JudgedFile(name, path)

    return write


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_pages_hold_each_wanted_text_once_in_order(write_rows, limit):
    rows = [judged(f"text {n}", f"label {n % 3}", "copy" if n % 2 else "") for n in range(23)]
    files = [write_rows(rows[:9]), write_rows([], "silent"), write_rows(rows[9:], "own")]
    for wanted in (Wanted(), Wanted(label="label 1"), Wanted(kept=False), Wanted("own", "label 2", True)):
        expected = [text.text for _, text in read_texts(files) if wanted.fits(text)]
        seen, cursor = [], 0
        while cursor is not None:
            page = read_page(files, wanted, cursor, limit)
            assert len(page.texts) == limit or page.next_cursor is None
            seen += [text.text for text in page.texts]
            cursor = page.next_cursor
        assert seen == expected and expected
    assert {text.generator for _, text in read_texts(files)} == {"big", "own"}


def test_a_page_beyond_the_end_is_empty(write_rows):
    page = read_page([write_rows([judged("a")])], Wanted(), 10**15, 5)
    assert (page.texts, page.next_cursor) == ((), None)


def test_a_text_is_found_by_the_digest_of_what_it_says(write_rows):
    file = write_rows([judged("wo ist es? 📦"), judged("refund me")])
    assert find_text([file], id_of("wo ist es? 📦")).text == "wo ist es? 📦"
    with pytest.raises(NotFound):
        find_text([file], "0" * 16)


@pytest.mark.parametrize("line", ["{", "[]", "7", '{"text": 1}', '{"text": "a", "labels": 3}'])
def test_a_damaged_line_is_named(tmp_path, line):
    path = tmp_path / "judged.jsonl"
    path.write_text(json.dumps(judged("a")) + "\n" + line + "\n")
    with pytest.raises(StorageError, match="line 2 of the texts that big generated is damaged"):
        read_page([JudgedFile("big", path)], Wanted(), 0, 5)


def test_what_json_cannot_say_does_not_leave_the_file(make_job, http):
    rows = [judged("half \ud83d", scores={"good": 0.5, "bad": float("nan"), "worse": float("inf")})]
    (text,) = listed(http, make_job(rows))["texts"]
    assert text["scores"] == {"good": 0.5}
    assert text["text"].startswith("half ") and text["id"] == id_of(text["text"])


# REST


def test_texts_come_with_their_origin_and_the_filters_verdict(make_job, http):
    page = listed(http, make_job())
    assert len(page["texts"]) == 5 and page["next_cursor"] is None and page["missing"] == []
    assert page["texts"][1] == {
        "id": id_of("I paid for the parcel"),
        "text": "I paid for the parcel",
        "labels": ["billing"],
        "generator": "embedded",
        "seeds": ["refund me", "I paid twice"],
        "scores": {"value": 0.5},
        "kept": False,
        "kind": "teacher",
        "reason": "the filter teacher says so",
        "review": None,
    }


def test_texts_are_filtered_and_paged(make_job, http):
    job_id = make_job()
    delivery = ["where is the late parcel", "no parcel is late"]
    assert texts_of(listed(http, job_id, "?label=delivery")) == delivery
    assert texts_of(listed(http, job_id, "?kept=false")) == ["I paid for the parcel", "refund me"]
    assert texts_of(listed(http, job_id, "?generator=embedded&label=billing&kept=true")) == [
        "refund me twice"
    ]
    first = listed(http, job_id, "?kept=true&limit=2")
    rest = listed(http, job_id, f"?kept=true&limit=2&cursor={first['next_cursor']}")
    assert texts_of(first) + texts_of(rest) == ["refund me twice", *delivery]
    assert rest["next_cursor"] is None
    assert listed(http, job_id, f"?cursor={2**53 - 1}")["texts"] == []


@pytest.mark.parametrize(
    "query",
    [
        "cursor=-1",
        f"cursor={2**53}",
        "cursor=x",
        "limit=0",
        "limit=201",
        "kept=perhaps",
        "label=bill",
        "label=%00",
        "generator=big",
        "generator=..%2F..%2Fetc",
    ],
)
def test_filters_that_can_find_nothing_are_refused(make_job, http, query):
    answer = http.get(f"/api/v1/jobs/{make_job()}/generated?{query}")
    assert answer.status_code == 422 and answer.json()["error"]["mend"]


def test_a_veto_is_kept_replaced_and_taken_back(make_job, http, services):
    job_id, text = make_job(), "refund me twice"
    path = f"/api/v1/jobs/{job_id}/generated/{id_of(text)}"
    said = http.put(path, json={"verdict": "veto"})
    assert said.status_code == 200
    assert (said.json()["text"], said.json()["review"]["verdict"]) == (text, "veto")
    assert listed(http, job_id)["texts"][0]["review"] == said.json()["review"]
    said = http.put(path, json={"verdict": "edit", "text": "refund me once", "labels": ["delivery"]}).json()
    assert (said["text"], said["labels"]) == (text, ["billing"]), "what was generated stays visible"
    assert said["review"] | {"at": ""} == {
        "verdict": "edit",
        "text": "refund me once",
        "labels": ["delivery"],
        "by": "test",
        "at": "",
    }
    with services.database.reading() as session:
        (review,) = reviews.of(session, "local", "tickets")
    assert (review.text, review.new_text, review.labels) == (text, "refund me once", ("delivery",))
    assert http.delete(path).status_code == 204
    assert http.delete(path).status_code == 404
    assert listed(http, job_id)["texts"][0]["review"] is None


def test_what_an_edit_leaves_out_stays_as_it_was(make_job, http):
    path = f"/api/v1/jobs/{make_job()}/generated/{id_of('refund me twice')}"
    review = http.put(path, json={"verdict": "edit", "labels": ["delivery"]}).json()["review"]
    assert (review["text"], review["labels"]) == ("refund me twice", ["delivery"])
    review = http.put(path, json={"verdict": "edit", "text": "x"}).json()["review"]
    assert (review["text"], review["labels"]) == ("x", ["billing"])


def test_the_next_job_of_the_name_knows_what_was_said_and_other_models_do_not(make_job, http):
    first, text_id = make_job(), id_of("refund me twice")
    http.put(f"/api/v1/jobs/{first}/generated/{text_id}", json={"verdict": "veto"})
    assert listed(http, make_job())["texts"][0]["review"]["verdict"] == "veto"
    assert listed(http, make_job(name="other"))["texts"][0]["review"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"verdict": "keep"},
        {"verdict": "veto", "text": "x"},
        {"verdict": "edit", "text": " "},
        {"verdict": "edit", "text": "\u200b"},
        {"verdict": "edit", "text": "x", "labels": []},
        {"verdict": "edit", "text": "x", "labels": ["billing", "delivery"]},
        {"verdict": "edit", "text": "x", "labels": ["../../x"]},
        {"verdict": "edit", "text": 7},
        {"verdict": "edit", "text": "x", "by": "somebody else"},
    ],
)
def test_what_is_no_review_is_refused_and_leaves_nothing(make_job, http, body):
    job_id = make_job()
    answer = http.put(f"/api/v1/jobs/{job_id}/generated/{id_of('refund me twice')}", json=body)
    assert answer.status_code == 422 and answer.json()["error"]["mend"]
    assert listed(http, job_id)["texts"][0]["review"] is None


@pytest.mark.parametrize(
    "text_id", ["0" * 16, "x", "A" * 16, "..%2f..%2fetc%2fpasswd", "%2e%2e", "%00", "0" * 4000]
)
def test_unknown_texts_are_not_found(make_job, http, text_id):
    path = f"/api/v1/jobs/{make_job()}/generated/{text_id}"
    assert http.put(path, json={"verdict": "veto"}).status_code == 404
    assert http.delete(path).status_code == 404


def test_texts_of_others_are_not_found_and_readers_change_nothing(make_job, services, anonymous):
    path = f"/api/v1/jobs/{make_job()}/generated"
    one = f"{path}/{id_of('refund me twice')}"
    calls = (("GET", path, {}), ("PUT", one, {"json": {"verdict": "veto"}}), ("DELETE", one, {}))
    other, _ = services.tokens.create("other", owner="other")
    reader, _ = services.tokens.create("reader", scopes=["read"])
    for token, statuses in ((other, (404, 404, 404)), (reader, (200, 403, 403)), ("no", (401, 401, 401))):
        headers = {"Authorization": f"Bearer {token}"}
        answers = [anonymous.request(method, at, headers=headers, **more) for method, at, more in calls]
        assert tuple(answer.status_code for answer in answers) == statuses
    with services.database.reading() as session:
        assert reviews.of(session, "local", "tickets") == ()


def test_jobs_without_a_report_or_generated_texts_say_so(make_job, http, task):
    waiting = http.post("/api/v1/jobs", json={**task, "seed": 3}).json()["id"]
    answer = http.get(f"/api/v1/jobs/{waiting}/generated")
    assert answer.status_code == 404 and "it is queued" in answer.json()["error"]["message"]
    assert listed(http, make_job(generators=[], generation_note="there is enough text"))["texts"] == []
    silent = {"name": "big", "used": False, "reason": "it did not answer", "accepted": 0, "rejected": {}}
    assert listed(http, make_job(generators=[{**silent, "artifact": None}]))["texts"] == []


def test_texts_that_are_gone_are_said_to_be_gone(make_job, http, services):
    job_id = make_job()
    text_id = id_of("refund me twice")
    path = f"/api/v1/jobs/{job_id}/generated"
    assert http.put(f"{path}/{text_id}", json={"verdict": "veto"}).status_code == 200
    report = http.get(f"/api/v1/jobs/{job_id}/report").json()
    shutil.rmtree(services.store.path(report["generators"][0]["artifact"]))
    for answer in (http.get(path), http.put(f"{path}/{text_id}", json={"verdict": "veto"})):
        assert answer.status_code == 404
        assert "the texts that embedded generated for this job are not kept any more" in answer.text
        assert "run the job again" in answer.json()["error"]["mend"]
    assert http.delete(f"{path}/{text_id}").status_code == 204, "taking back needs no text"


@pytest.mark.parametrize("artifact", ["f" * 64, "../../../etc", "", 7, "\0"])
def test_one_generators_missing_texts_do_not_hide_the_others(make_job, http, services, artifact):
    entry = {"name": "embedded", "used": True, "accepted": 1, "rejected": {}}
    own = {**entry, "name": "own", "artifact": write_judged(services.store, [judged("a text")])}
    page = listed(http, make_job(generators=[{**entry, "artifact": artifact}, own]))
    assert [(text["text"], text["generator"]) for text in page["texts"]] == [("a text", "own")]
    assert page["missing"] == (["embedded"] if artifact else [])


# Client and command line


def test_the_client_reads_all_pages_and_reviews(make_job, http, token):
    rows = [judged(f"text {n}", kind="copy" if n % 2 else "") for n in range(250)]
    job_id = make_job(rows)
    with Client("http://testserver", token, transport=Bridge(http)) as client:
        assert [text["text"] for text in client.generated(job_id)] == [f"text {n}" for n in range(250)]
        assert len(list(client.generated(job_id, kept=False, label="billing", generator="embedded"))) == 125
        assert [text["text"] for text in client.generated(job_id, limit=2)] == ["text 0", "text 1"]
        with pytest.raises(InvalidInput, match="no label"):
            next(client.generated(job_id, label="x"))
        text_id = id_of("text 3")
        assert client.review(job_id, text_id, "veto")["review"]["verdict"] == "veto"
        edited = client.review(job_id, text_id, "edit", text="text three", labels=["delivery"])["review"]
        assert (edited["text"], edited["labels"]) == ("text three", ["delivery"])
        client.take_back(job_id, text_id)
        with pytest.raises(NotFound):
            client.take_back(job_id, text_id)
        with pytest.raises(NotFound):
            client.review(job_id, "../../x", "veto")


@pytest.fixture
def gts(http, token, monkeypatch, capfd):
    """Runs a command against the application under test."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    def connect(url, given, data_dir):
        return Client("http://testserver", token, transport=Bridge(http))

    monkeypatch.setattr("gts.platform.cli.generated.connect", connect)
    return call


def test_commands_list_veto_edit_and_undo(make_job, gts):
    job_id = make_job()
    code, out, _ = gts("generated", job_id)
    assert code == 0 and "refund me twice" in out and id_of("refund me") in out and "dropped:" in out
    _, out, _ = gts("generated", job_id, "--dropped", "--limit", 1, "--json")
    answer = json.loads(out)
    assert [text["kind"] for text in answer["texts"]] == ["teacher"] and answer["more"]
    text_id = id_of("refund me twice")
    assert "will not be trained on" in gts("review", job_id, text_id, "--veto")[1]
    assert "vetoed" in gts("generated", job_id, "--kept")[1]
    code, out, _ = gts("review", job_id, text_id, "--text", "refund", "--label", "delivery", "--json")
    assert json.loads(out)["review"]["labels"] == ["delivery"]
    assert "edited" in gts("generated", job_id, "--label", "billing")[1]
    assert "as it was generated" in gts("review", job_id, text_id, "--undo")[1]
    assert gts("review", job_id, text_id, "--undo")[0] == 1


@pytest.mark.parametrize("options", [[], ["--veto", "--undo"], ["--veto", "--text", "x"], ["--text", " "]])
def test_the_review_command_wants_one_thing_said(make_job, gts, options):
    code, out, err = gts("review", make_job(), id_of("refund me"), *options)
    assert (code, out) == (2, "") and "error:" in err


def test_control_characters_of_generated_texts_do_not_reach_the_terminal(make_job, gts):
    _, out, _ = gts("generated", make_job([judged("red \x1b[31m text")]))
    assert "red" in out and "\x1b" not in out


# Page


@pytest.fixture
def browser(app, token):
    """A browser without scripts, signed in."""
    with TestClient(app, base_url="http://testserver", follow_redirects=False) as client:
        client.headers.update({"accept": "text/html", "origin": "http://testserver"})
        client.cookies.set("gts_token_0", token)
        yield client


def show(browser, path, status=200):
    answer = browser.get(path)
    assert answer.status_code == status, answer.text[:500]
    assert not re.search(r"<script(?! src=)|<[^>]+\s(style|on[a-z]+)=", answer.text)
    assert "alert(1)</script>" not in answer.text
    return answer.text


def test_the_page_shows_texts_and_leads_from_the_job(make_job, browser):
    job_id = make_job()
    path = f"/jobs/{job_id}/generated"
    assert f'href="{path}"' in show(browser, f"/jobs/{job_id}")
    html = show(browser, path)
    for said in (
        "refund me twice",
        "The filter copy says so.",
        "I paid twice",
        "value 0.5",
        "3 kept, 2 dropped",
    ):
        assert said in html
    html = show(browser, f"{path}?label=delivery&kept=&generator=")
    assert "no parcel is late" in html and "refund me twice" not in html
    assert "No text fits." in show(browser, f"{path}?label=delivery&kept=false")
    assert "no label" in show(browser, f"{path}?label=x", 422)
    assert "There are no more texts." in show(browser, f"{path}?cursor=9999999")
    show(browser, f"{path}?cursor={10**30}", 422)


def test_pages_follow_each_other_within_the_filter(make_job, browser):
    job_id = make_job([judged(f"text {n};", kind="copy" if n % 2 else "") for n in range(70)])
    html, seen = show(browser, f"/jobs/{job_id}/generated?kept=true"), []
    while True:
        seen += re.findall(r"text \d+;", html.split('class="list texts"')[1])
        more = re.search(r'href="(/jobs/[0-9a-f]+/generated\?[^"]+)">More texts', html)
        if not more:
            break
        html = show(browser, more[1].replace("&amp;", "&"))
        assert "From the beginning" in html
    assert list(dict.fromkeys(seen)) == [f"text {n};" for n in range(0, 70, 2)]


def test_buttons_veto_edit_and_undo_lead_back_to_the_same_view(make_job, browser):
    job_id, text_id = make_job(), id_of("refund me twice")
    path = f"/jobs/{job_id}/generated"
    html = show(browser, f"{path}?label=billing")
    assert f'action="{path}/{text_id}?label=billing"' in html
    answer = browser.post(f"{path}/{text_id}?label=billing", data={"verdict": "veto"})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{path}?label=billing#t-{text_id}"
    assert "<del>refund me twice</del>" in show(browser, path)
    html = show(browser, f"{path}?edit={text_id}")
    assert "refund me twice</textarea>" in html and '<option value="billing" selected>' in html
    sent = {"verdict": "edit", "text": "line one\r\nline two", "labels": "delivery"}
    assert browser.post(f"{path}/{text_id}", data=sent).status_code == 303
    html = show(browser, path)
    assert "line one\nline two" in html and "edited" in html
    assert "line two</textarea>" in show(browser, f"{path}?edit={text_id}"), "an edit can be edited"
    browser.post(f"{path}/{text_id}", data={"verdict": "undo"})
    assert "line one" not in show(browser, path)


def test_a_faulty_edit_is_shown_again_with_what_was_typed(make_job, browser):
    job_id, text_id = make_job(), id_of("refund me twice")
    path = f"/jobs/{job_id}/generated/{text_id}"
    for sent, says in (
        ({"text": "\u200b", "labels": "delivery"}, "The new text is empty."),
        ({"text": f"{HOSTILE} typed", "labels": HOSTILE}, "is no label of this task"),
        ({"text": "typed"}, "exactly one"),
    ):
        answer = browser.post(path, data={"verdict": "edit", **sent})
        assert answer.status_code == 422
        assert says in answer.text and 'aria-invalid="true"' in answer.text
        assert "alert(1)</script>" not in answer.text
    assert "typed</textarea>" in answer.text
    assert browser.post(path, data={"verdict": "praise"}).status_code == 422


def test_several_labels_are_boxes_and_none_is_a_choice(make_job, browser, services):
    job_id, text_id = make_job(multi_label=True), id_of("refund me twice")
    path = f"/jobs/{job_id}/generated"
    html = show(browser, f"{path}?edit={text_id}")
    assert html.count('type="checkbox"') == 2 and 'value="billing" checked' in html
    for labels in (["billing", "delivery"], []):
        sent = {"verdict": "edit", "text": "a", "labels": labels}
        assert browser.post(f"{path}/{text_id}", data=sent).status_code == 303
        with services.database.reading() as session:
            (review,) = reviews.of(session, "local", "tickets")
        assert review.labels == tuple(labels)


def test_what_a_person_dropped_is_not_put_on_the_filters(make_job, browser, http, gts):
    row = judged("send it again", "billing", "veto") | {"reason": "a person vetoed it"}
    job_id = make_job([row], labels=["billing", "delivery"])
    http.put(f"/api/v1/jobs/{job_id}/generated/{id_of('send it again')}", json={"verdict": "veto"})

    html = show(browser, f"/jobs/{job_id}/generated")

    assert "A person vetoed it" in html
    assert "Dropped by the filters" not in html
    http.delete(f"/api/v1/jobs/{job_id}/generated/{id_of('send it again')}")
    _, out, _ = gts("generated", job_id)
    assert "a person vetoed it" in " ".join(out.split())
    assert "dropped:" not in out


def test_whatever_generators_and_people_say_stays_text(make_job, browser, http):
    row = judged(HOSTILE, HOSTILE, HOSTILE, seeds=[HOSTILE], scores={HOSTILE: 1.0}, generator=HOSTILE)
    job_id = make_job([row], labels=[HOSTILE, "b"], generation_note=HOSTILE)
    path = f"/jobs/{job_id}/generated"
    assert "&lt;script&gt;" in show(browser, f"{path}?edit={id_of(HOSTILE)}")
    sent = {"verdict": "edit", "text": f"</textarea>{HOSTILE}", "labels": HOSTILE}
    assert browser.post(f"{path}/{id_of(HOSTILE)}", data=sent).status_code == 303
    show(browser, path)
    assert "&lt;/textarea&gt;" in show(browser, f"{path}?edit={id_of(HOSTILE)}")
    show(browser, f"{path}?label=%3Cscript%3Ealert(1)%3C%2Fscript%3E")


def test_pages_say_that_texts_are_gone_or_never_were(make_job, browser, http, task):
    html = show(browser, f"/jobs/{make_job([])}/generated")
    assert "No texts were written." in html
    note = "there is enough unlabelled text"
    for path in ("", "/generated"):
        job_id = make_job(generators=[], generation_note=note)
        assert "There is enough unlabelled text." in show(browser, f"/jobs/{job_id}{path}")
    gone = {"name": "big", "used": True, "accepted": 9, "rejected": {}, "artifact": "f" * 64}
    html = show(browser, f"/jobs/{make_job(generators=[gone])}/generated", 404)
    assert "are not kept any more." in html and "Run it again" in html
    waiting = http.post("/api/v1/jobs", json={**task, "seed": 3}).json()["id"]
    assert "it is queued" in show(browser, f"/jobs/{waiting}/generated", 404)


def test_other_sites_and_other_people_cannot_review(make_job, browser, services):
    path = f"/jobs/{make_job()}/generated"
    one = f"{path}/{id_of('refund me twice')}"
    for wrong in ("%2e%2e", "0" * 16, "..%2f..%2fetc", "x"):
        for verdict in ("veto", "edit", "undo"):
            assert browser.post(f"{path}/{wrong}", data={"verdict": verdict}).status_code == 404
    evil = browser.post(one, data={"verdict": "veto"}, headers={"origin": "https://evil.example"})
    assert evil.status_code == 403
    browser.cookies.set("gts_token_0", services.tokens.create("x", owner="somebody-else")[0])
    assert browser.post(one, data={"verdict": "veto"}).status_code == 404
    show(browser, path, 404)
    with services.database.reading() as session:
        assert reviews.of(session, "local", "tickets") == ()
