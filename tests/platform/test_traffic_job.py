"""A real job, made, asked and improved: its student holds a reference, and goes on with what it was asked."""

from __future__ import annotations

import random

import pytest

from gts.orchestrator import jobs
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.engine import job_runner
from gts.orchestrator.stages import STAGES
from gts.orchestrator.taskstore import get_task
from gts.orchestrator.worker import Worker

COOKING = ["soup", "bread", "salt", "oven", "butter", "onion", "garlic", "sugar", "flour", "boil"]
FOOTBALL = ["goal", "striker", "coach", "match", "referee", "penalty", "league", "stadium", "cup", "team"]
URL = "/api/v1/models/local/twins"


def pairs(count, seed):
    rng = random.Random(seed)
    made = []
    for number in range(count):
        one, other = rng.sample((COOKING, FOOTBALL), 2)
        texts = [" ".join(rng.sample(words, 3)) for words in (one, one if number % 2 else other)]
        made.append({"text_a": texts[0], "text_b": texts[1], "label": number % 2})
    return made


def unlabelled(rows):
    return [{key: row[key] for key in ("text_a", "text_b")} for row in rows]


@pytest.fixture
def work(services, monkeypatch, tmp_path):
    """Runs the jobs that wait with the real stages, without any encoder."""
    (tmp_path / "catalogue.json").write_text('{"models": []}')
    monkeypatch.setenv("GTS_CATALOGUE", str(tmp_path / "catalogue.json"))
    compute = InlineCompute(services.store, STAGES)
    worker = Worker(
        services.database, services.store, compute, job_runner(services.registry, services.database)
    )
    return worker.run_once


def test_a_real_job_learns_from_what_its_model_is_asked(http, services, work):
    task = {"name": "twins", "type": "similarity", "language": "xx", "student": {"tier": "static"}}
    task |= {"examples": pairs(24, 1), "unlabeled": unlabelled(pairs(40, 2)), "budget": {"seconds": 20}}
    job_id = http.post("/api/v1/jobs", json=task).json()["id"]
    assert work()
    done = http.get(f"/api/v1/jobs/{job_id}").json()
    assert done["state"] == "succeeded", done["error"]
    reference = http.get("/local/twins/resolve/main/gts.json").json()["reference"]
    assert reference["rows"] == 40 and reference["learnt"] and list(reference["histograms"]) == ["length"]

    http.put(f"{URL}/traffic/logging", json={"share": 1})
    asked = unlabelled(pairs(130, 3))
    assert http.post(f"{URL}/predict", json={"rows": asked}).status_code == 200
    assert services.traffic.flush()
    assert http.get(f"{URL}/traffic").json()["verdict"] == "same"

    found = http.post(f"{URL}/improve", json={"rows": 60, "questions": 4}).json()
    assert (found["job"]["id"], found["added"], found["unsure"]) == (job_id, 60, 30)
    assert work()
    job = http.get(f"/api/v1/jobs/{job_id}").json()
    assert (job["state"], job["error"]) == ("waiting", None), "it asks about what it is least sure of"
    questions = http.get(f"/api/v1/jobs/{job_id}/questions").json()["questions"]
    assert 1 <= len(questions) <= 4
    report = http.get(f"/api/v1/jobs/{job_id}/report").json()
    assert report["counts"]["pool"] == 100 and report["counts"]["gold"] == 24
    with services.database.reading() as session:
        grown = get_task(services.store, jobs.get(session, job_id).task_artifact)
    texts = {(row["text_a"], row["text_b"]) for row in asked}
    assert all((row.text_a, row.text_b) in texts for row in grown.pool[40:]) and grown.picked == 30
    revisions = services.registry.history("local", "twins")
    assert all(revision.job_id == job_id for revision in revisions)
