"""Plans: on the command line, over REST and on a page; nothing is started by one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from gts.platform.cli import run

ROWS = [
    ("the card was lost", "card"),
    ("my card is gone", "card"),
    ("where is my parcel", "parcel"),
    ("no parcel yet", "parcel"),
]


@pytest.fixture
def task_file(tmp_path: Path) -> Path:
    lines = (json.dumps({"text": text, "label": label}) + "\n" for text, label in ROWS)
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    path = tmp_path / "task.yaml"
    path.write_text("name: mail\nlanguage: zh\nexamples: rows.jsonl\n")
    return path


def test_the_command_shows_steps_costs_and_the_curve(
    task_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(task_file), "--data-dir", str(tmp_path / "home")]) == 0
    said = capsys.readouterr().out

    assert "distil static" in said and "package static" in said
    assert "fixed:" in said and "%" in said and "#" in said


def test_the_command_gives_json_and_takes_another_strategy(
    task_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "plan",
        str(task_file),
        "--strategy",
        "seed-only",
        "--json",
        "--data-dir",
        str(tmp_path / "home"),
    ]
    assert run(arguments) == 0
    found = json.loads(capsys.readouterr().out)

    assert found["strategy"] == "seed-only"
    assert [step["action"] for step in found["steps"]] == ["teach", "seed-only static", "package static"]
    assert found["profile"]["gold"] == 4


def test_an_unknown_strategy_is_refused_with_those_there_are(
    task_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(task_file), "--strategy", "magic", "--data-dir", str(tmp_path / "home")]) == 2

    assert "greedy" in capsys.readouterr().err


BODY = {
    "name": "mail",
    "language": "zh",
    "examples": [{"text": text, "label": label} for text, label in ROWS],
}


def test_a_plan_over_rest_starts_nothing(http: TestClient) -> None:
    answer = http.post("/api/v1/plans", json=BODY)

    assert answer.status_code == 200, answer.text
    assert [step["action"] for step in answer.json()["steps"]][-1] == "package static"
    assert http.get("/api/v1/jobs").json()["jobs"] == []


def test_a_plan_is_guarded_and_its_errors_have_the_one_shape(http: TestClient, anonymous: TestClient) -> None:
    assert anonymous.post("/api/v1/plans", json=BODY).status_code == 401

    answer = http.post("/api/v1/plans", json={**BODY, "student": {"tier": "mini"}})
    assert answer.status_code == 501
    assert set(answer.json()["error"]) == {"code", "message", "mend", "details"}
    assert "encoder" in answer.json()["error"]["message"]
    assert http.post("/api/v1/plans", json={"name": "x"}).status_code == 422


def test_the_page_of_a_draft_shows_its_plan(http: TestClient) -> None:
    rows = "\n".join(json.dumps(row) for row in BODY["examples"])
    fields = {"name": "mail", "language": "zh", "examples": rows, "unlabeled": "", "test": "", "seconds": ""}
    answer = http.post("/new", files={name: (None, value) for name, value in fields.items()})
    assert answer.status_code == 303, answer.text
    draft = answer.headers["location"]
    assert f'href="{draft}/plan"' in http.get(draft).text

    page = http.get(f"{draft}/plan").text
    assert "distil static" in page and "<svg" in page and "Nothing has started yet" in page
