"""What is found in the labels of a task is shown by `gts check`, REST, the pages and the report, and never blocks."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from test_pages import (
    REPORT,
    form,
    open_site,
    page,
    publish,
    write_student,
)

from gts.platform.cli import run
from gts.platform.cli.progress import print_report
from gts.tasks.diagnosis.finding import KINDS

ROWS = [
    {"text": "I want my money back", "label": "refund"},
    {"text": "<b>pay</b> me back the \x1b[31mfee", "label": "refund"},
    {"text": "the sum was never returned", "label": "refunds"},
    {"text": "give the charge back", "label": "refunds"},
]
FINDING = {
    "kind": "names",
    "subject": ["a", "b"],
    "message": "they are easily taken for each other",
    "mend": "make them one",
    "examples": [{"row": 7, "text": "where is it?", "labels": ["a"]}],
}


@pytest.fixture
def gts(capfd):
    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def task_file(tmp_path):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    path = tmp_path / "task.yaml"
    path.write_text("name: money\nexamples: rows.jsonl\n")
    return path


@pytest.fixture
def site(tmp_path):
    yield from open_site(tmp_path / "site")


def test_check_says_what_was_understood_and_what_was_found(gts, task_file):
    code, out, err = gts("check", task_file)
    assert code == 0 and err == ""
    assert "money: single-label classification, language en; 4 examples" in out
    assert "names: the names 'refund' and 'refunds' are easily taken for each other" in out
    assert "few: " in out and "    row 1 (refund): I want my money back" in out
    assert "\x1b" not in out


def test_check_gives_programs_the_preview_that_the_server_gives(gts, task_file, http):
    code, out, _ = gts("check", task_file, "--json")
    found = json.loads(out)
    assert code == 0 and [finding["kind"] for finding in found["findings"]] == ["few", "names"]
    answer = http.post("/api/v1/jobs?dry_run=true", json={"name": "money", "examples": ROWS})
    assert answer.status_code == 200 and answer.json()["findings"] == found["findings"]


def test_what_cannot_be_used_ends_with_2_and_says_where(gts, task_file):
    (task_file.parent / "rows.jsonl").write_text('{"text": "a", "label": "x"}\n{"text": "", "label": "y"}\n')
    code, _, err = gts("check", task_file)
    assert code == 2 and "rows.jsonl, line 2" in err
    code, out, _ = gts("check", task_file.parent / "absent.yaml", "--json")
    assert code == 2 and json.loads(out)["error"]["message"]
    task_file.write_text("name: money\nexamples: rows.jsonl\nteachers: [nobody]\n")
    (task_file.parent / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    code, _, err = gts("check", task_file)
    assert code == 2 and "nobody" in err


def test_check_needs_no_server_packages(task_file):
    program = (
        "import sys\nfrom gts.platform.cli import run\n"
        f"code = run(['check', {str(task_file)!r}, '--json'])\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'scipy', 'fastapi', 'sqlalchemy', 'ray'}\n"
        "print(code, sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "0 []"


def test_the_page_shows_findings_before_anything_starts(site):
    client = site.client()
    rows = "".join(json.dumps(row) + "\n" for row in ROWS)
    there = client.post("/new", files=form(name="money", examples=rows)).headers["location"]
    html = page(client, there)
    assert "Worth a look before you start" in html and "None of it stops the job." in html
    assert "<strong>Names alike.</strong>" in html and "<strong>Few examples.</strong>" in html
    assert "<summary>2 examples" in html and "row 1" in html and "Start the job" in html
    client.headers["accept-language"] = "zh-CN"
    chinese = page(client, there)
    assert "启动前值得留意" in chinese and "名称相近" in chinese and "第 1 条" in chinese
    assert client.post(there, data={"key": "0" * 32}).status_code == 303


def test_a_page_without_findings_says_nothing_of_them(site):
    said = {
        "glad": "lovely fine sunny great superb splendid",
        "sad": "broken awful rotten gloomy dreadful dire",
    }
    rows = "".join(
        json.dumps({"text": f"it was {word}", "label": label}) + "\n"
        for label in said
        for word in said[label].split()
    )
    client = site.client()
    there = client.post("/new", files=form(name="plain", examples=rows)).headers["location"]
    assert "Worth a look" not in page(client, there)


def test_the_page_of_a_job_shows_those_of_its_report(site, tmp_path):
    site.submit()
    recorder = site.claim()
    job_id = recorder._job.id
    assert "Found in the labels" in page(site.client(), f"/jobs/{job_id}"), "of its data, while it runs"
    model = publish(site, write_student(tmp_path / "student"), job_id)
    recorder.finish({**REPORT, "findings": [FINDING]}, model)
    html = page(site.client(), f"/jobs/{job_id}")
    assert "They are easily taken for each other." in html and "where is it?" in html and "row 7" in html


def test_a_report_from_before_has_none(site, tmp_path):
    site.submit()
    recorder = site.claim()
    recorder.finish(REPORT, publish(site, write_student(tmp_path / "student"), recorder._job.id))
    assert "Found in the labels" not in page(site.client(), f"/jobs/{recorder._job.id}")


def test_the_command_line_tells_those_of_a_report(capsys):
    measured = {"metric": "accuracy", "value": 0.9, "low": 0.8, "high": 0.95}
    report = {"name": "t", "tier": "static", "metric": "accuracy", "seconds": 1.0, "findings": [FINDING]}
    print_report({**report, "estimate": measured, "seed_only": measured})
    out = capsys.readouterr().out
    assert "names: they are easily taken for each other\n  make them one\n    row 7 (a): where is it?" in out


def test_every_kind_has_a_title_and_is_explained():
    from pathlib import Path

    from gts.platform.pages.words import FINDINGS

    documented = (Path(__file__).parents[2] / "docs" / "task-types.md").read_text("utf-8")
    assert tuple(FINDINGS) == KINDS
    assert [kind for kind in KINDS if f"`{kind}`" not in documented] == []
