"""The command line: quick to start, JSON for programs, errors with what to do, files streamed."""

import json
import subprocess
import sys

import pytest
from scripted_server import chat, serving
from tiny_causal import write_tiny_causal
from tiny_student import write_tiny_student

from gts.platform.cli import run
from gts.platform.cli.output import print_table
from gts.platform.cli.progress import Progress, print_report

HEAVY = (
    "torch",
    "transformers",
    "ray",
    "fastapi",
    "sqlalchemy",
    "celery",
    "pyarrow",
    "sklearn",
    "huggingface_hub",
)


@pytest.fixture
def gts(capfd):
    """Runs a command in this process; returns exit code, standard output, standard error."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def student(tmp_path):
    return write_tiny_student(tmp_path / "student")


def last_json(out):
    return json.loads(out.strip().splitlines()[-1])


def test_help_imports_nothing_heavy():
    program = (
        "import sys\nfrom gts.platform.cli import run\ncode = run(['--help'])\n"
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.strip() == "0 []"
    for command in (
        "up",
        "submit",
        "jobs",
        "job",
        "cancel",
        "models",
        "alias",
        "promote",
        "rollback",
        "retire",
        "history",
        "compare",
        "lineage",
        "reproduce",
        "pull",
        "predict",
        "evaluate",
        "doctor",
    ):
        assert command in done.stdout


def test_predicting_with_a_folder_needs_no_server_packages(student):
    program = (
        "import sys\nfrom gts.platform.cli import run\n"
        f"code = run(['predict', {str(student)!r}, 'my parcel', '--json'])\n"
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.strip() == "0 []"
    assert last_json(done.stdout)["predictions"][0]["labels"] == ["delivery"]


def test_texts_are_predicted_for_people_and_programs(gts, student):
    code, out, _ = gts("predict", student, "my parcel", "a refund")
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()] == ["delivery", "billing"]
    code, out, _ = gts("predict", student, "my parcel", "--json")
    assert last_json(out)["predictions"][0]["scores"][0]["label"] == "delivery"


def test_a_file_is_predicted_line_by_line(gts, student, tmp_path):
    texts = [f"parcel {number}" if number % 2 else f"refund {number}" for number in range(600)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    output = tmp_path / "out.jsonl"
    code, out, _ = gts("predict", student, "--input", tmp_path / "in.jsonl", "--output", output, "--json")
    assert code == 0 and last_json(out) == {"n": 600, "output": str(output)}
    found = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["text"] for row in found] == texts
    assert [row["labels"] for row in found[:2]] == [["billing"], ["delivery"]]


def test_no_file_is_lost_by_predicting(gts, student, tmp_path):
    texts, before = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    texts.write_text('{"text": "a parcel"}\n')
    code, _, err = gts("predict", student, "--input", texts, "--output", texts)
    assert code == 2 and "--output" in err and texts.read_text() == '{"text": "a parcel"}\n'
    before.write_text("of an earlier run\n")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    for wrong in ("nowhere.jsonl", "binary"):
        assert gts("predict", student, "--input", tmp_path / wrong, "--output", before)[0] != 0
        assert before.read_text() == "of an earlier run\n"


def test_a_student_is_evaluated(gts, student, tmp_path):
    (tmp_path / "test.csv").write_text(
        "text,label\nmy parcel,delivery\nrefund,billing\nparcel,billing\nparcel 2,delivery\n"
    )
    code, out, _ = gts("evaluate", student, tmp_path / "test.csv", "--json")
    result = last_json(out)
    assert code == 0
    assert (result["metric"], result["accuracy"], result["n"]) == ("accuracy", 0.75, 4)
    assert 0 < result["macro_f1"] < 1
    code, out, _ = gts("evaluate", student, tmp_path / "test.csv")
    assert "accuracy 0.7500" in out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["predict"], 2),
        (["nonsense"], 2),
        (["predict", "no-such-folder", "text"], 1),
        (["jobs"], 1),
        (["jobs", "--limit", "0"], 2),
        (["submit", "no-such.yaml"], 1),
        (["up", "--port", "99999"], 2),
        (["up", "--host", "0.0.0.0"], 1),
        (["produce", "no-such.yaml", "-o", "out"], 2),
    ],
)
def test_errors_say_what_to_do_and_show_no_traceback(gts, arguments, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found, out, err = gts(*arguments)
    assert (found, out) == (code, "")
    assert "error:" in err and "Traceback" not in err
    found, out, err = gts(*arguments, "--json")
    assert found == code
    assert set(last_json(out)["error"]) == {"code", "message", "mend", "details"}
    assert last_json(out)["error"]["mend"]


def test_wrong_data_is_the_users_error(gts, student, tmp_path):
    (tmp_path / "test.csv").write_text("text,label\nmy parcel,deliveri\n")
    code, _, err = gts("evaluate", student, tmp_path / "test.csv")
    assert code == 2 and "did you mean 'delivery'" in err


def test_control_characters_do_not_reach_the_terminal(gts, student):
    _, out, _ = gts("predict", student, "parcel \x1b[31m red")
    assert "\x1b" not in out


def test_tokens_are_made_listed_and_revoked(gts):
    code, out, _ = gts("token", "new", "ci", "--scope", "read", "--days", "1", "--json")
    made = last_json(out)
    assert code == 0 and made["token"].startswith("gts_") and made["scopes"] == ["read"]
    code, out, _ = gts("token", "list", "--json")
    assert made["token"] not in out
    assert [(token["id"], token["active"]) for token in last_json(out)["tokens"]] == [(made["id"], True)]
    assert gts("token", "revoke", made["id"])[0] == 0
    assert not last_json(gts("token", "list", "--json")[1])["tokens"][0]["active"]
    assert gts("token", "new", "x", "--scope", "all")[0] == 2
    limited = gts("token", "new", "y", "--repo", "ann/a", "--repo", "datasets/ann/b", "--json")[1]
    assert last_json(limited)["repositories"] == ["ann/a", "datasets/ann/b"]
    assert last_json(gts("token", "list", "--json")[1])["tokens"][0]["repositories"] == [
        "ann/a",
        "datasets/ann/b",
    ]
    assert gts("token", "new", "z", "--repo", "ann")[0] == 2
    assert gts("token", "revoke", "unknown")[0] == 1


def test_doctor_asks_every_language_model(gts, tmp_path, monkeypatch):
    with serving(lambda body, count: chat("Hello!")) as server:
        (tmp_path / "models.yaml").write_text(
            f"models:\n  - {{name: big, kind: openai, model: m, base_url: '{server.url}', key_env: BIG_KEY}}\n"
            "  - {name: gone, kind: openai, model: m, base_url: 'http://127.0.0.1:1/v1', timeout_s: 1}\n"
        )
        monkeypatch.setenv("GTS_MODELS", str(tmp_path / "models.yaml"))
        monkeypatch.setenv("BIG_KEY", "very-secret")
        _, out, _ = gts("doctor", "--json")

    checks = {check["name"]: check for check in last_json(out)["checks"]}
    assert checks["model big"]["ok"]
    assert "no log-probabilities; keeps to no JSON schema" in checks["model big"]["found"]
    assert not checks["model gone"]["ok"]
    assert "model 'gone' at http://127.0.0.1:1/v1 cannot be reached" in checks["model gone"]["found"]
    assert "very-secret" not in out


def test_doctor_goes_on_after_an_entry_that_is_wrong(gts, tmp_path, monkeypatch):
    (tmp_path / "weights").mkdir()
    for file in ("config.json", "model.safetensors"):
        (tmp_path / "weights" / file).write_bytes(b"\0\1{")
    (tmp_path / "key").write_text("sk-hush\nsecond line")
    with serving(lambda body, count: chat("Hello!")) as server:
        rows = (
            f"{{name: keyed, kind: openai, model: m, base_url: '{server.url}', key_file: key}}",
            "{name: damaged, kind: transformers, model: weights}",
            "{name: away, kind: transformers, model: weights, device: 'cuda:97'}",
            "{name: typo, kind: transformers, model: weights, device: gpu}",
            "{name: far, kind: openai, model: m, base_url: 'http://ann:hush@h:99999/v1'}",
            "{name: search, kind: transformers, model: weights, search: {simulation: 8}}",
            "{name: tune, kind: transformers, model: weights, tune: {steps: -1}}",
            f"{{name: good, kind: openai, model: m, base_url: '{server.url}'}}",
        )
        (tmp_path / "models.yaml").write_text("models:\n" + "".join(f"  - {row}\n" for row in rows))
        monkeypatch.setenv("GTS_MODELS", str(tmp_path / "models.yaml"))
        code, out, _ = gts("doctor", "--json")

    checks = {check["name"]: check for check in last_json(out)["checks"] if "model" in check["name"]}
    found = {
        "model keyed": "is not one line of plain characters",
        "model damaged": "cannot be loaded from the folder",
        "model away": "wants device 'cuda:97'; this machine has",
        "model 4": "device is 'gpu'; expected auto",
        "model 5": "base_url is no address",
        "model search": "search has no option 'simulation'",
        "model tune": "steps is -1; expected 1 to 100000",
    }
    assert code == 0 or not all(check["ok"] for check in checks.values())
    for name, words in found.items():
        assert not checks[name]["ok"]
        assert words in checks[name]["found"]
        assert checks[name]["mend"]
    assert checks["model good"]["ok"]
    assert "hush" not in out


def test_doctor_names_files_and_folders_of_the_environment(gts, tmp_path, monkeypatch):
    monkeypatch.setenv("GTS_PROMPTS", str(tmp_path / "nowhere"))
    found = last_json(gts("doctor", "--json")[1])
    checks = {check["name"]: check for check in found["checks"]}
    assert not checks["prompts"]["ok"]
    assert str(tmp_path / "nowhere") in checks["prompts"]["found"]
    settings = {row["variable"]: row["value"] for row in found["settings"]}
    assert settings["GTS_PROMPTS"] == str(tmp_path / "nowhere")
    assert {"GTS_MODELS", "GTS_CATALOGUE"} <= set(settings)


def test_bad_options_are_refused_before_a_job_starts(gts, tmp_path, monkeypatch):
    (tmp_path / "models.yaml").write_text(
        "models: [{name: own, kind: transformers, model: m, tune: {learning_rate: 7}}]"
    )
    monkeypatch.setenv("GTS_MODELS", str(tmp_path / "models.yaml"))
    (tmp_path / "task.yaml").write_text("name: t\ngenerators: [own]\nexamples: examples.csv\n")
    (tmp_path / "examples.csv").write_text("text,label\nmy parcel,a\na parcel,a\na refund,b\nrefund me,b\n")
    code, _, err = gts("produce", tmp_path / "task.yaml", "-o", tmp_path / "out")
    assert code == 2
    assert "model 'own': tune: learning_rate is 7" in err


def test_a_local_model_is_asked_what_it_believes(gts, tmp_path, monkeypatch):
    assert gts("probe", "a", "can treat", "b")[0] == 2
    write_tiny_causal(tmp_path / "weights")
    (tmp_path / "models.yaml").write_text(
        "models:\n  - {name: far, kind: openai, model: m, base_url: 'http://127.0.0.1:1/v1'}\n"
        "  - {name: own, kind: transformers, model: weights}\n"
    )
    monkeypatch.setenv("GTS_MODELS", str(tmp_path / "models.yaml"))

    code, out, _ = gts("probe", "zanamivir", "can treat", "influenza", "--json")
    found = last_json(out)

    assert (code, found["model"]) == (0, "own")
    assert [row["statement"] for row in found["statements"]] == [
        "zanamivir can treat influenza.",
        "zanamivir cannot treat influenza.",
    ]
    assert sum(row["probability"] for row in found["statements"]) == pytest.approx(1)
    assert "perplexity" in gts("probe", "zanamivir", "can treat", "influenza")[1]
    assert gts("probe", "a", "is", "b", "--model", "far")[0] == 2
    code, _, err = gts("probe", "a", "is", "b", "--model", "ownn")
    assert code == 2
    assert "did you mean 'own'?" in err
    for empty in (("", "is", "b"), ("a", " ", "b"), ("a", "is", "")):
        code, _, err = gts("probe", *empty)
        assert code == 2
        assert "is empty" in err


def test_doctor_looks_at_everything(gts):
    code, out, _ = gts("doctor", "--json")
    found = last_json(out)
    names = {check["name"] for check in found["checks"]}
    assert code == 0
    assert names == {
        "python",
        "platform",
        "train",
        "llm",
        "encoder",
        "blobs",
        "cores",
        "memory",
        "disk",
        "ray",
        "database",
        "server",
    }
    assert all(check["ok"] or check["mend"] for check in found["checks"])
    assert gts("doctor")[0] == 0


def test_the_version(gts):
    assert gts("version", "--json")[1].startswith('{"version"')


JOB = ("0123456789abcdef" * 2, "support-tickets", "succeeded", "2026-11-21 08:12:04", "local/support-tickets")


@pytest.mark.parametrize(
    ("columns", "name", "shown"),
    [
        (200, "support-tickets", 5),
        (80, "support-tickets", 3),
        (80, "tickets", 4),
        (80, "客服工单" * 12, 3),  # too wide for the terminal even so: whole all the same
    ],
)
def test_cells_of_a_list_stay_whole_and_less_important_columns_go_first(
    monkeypatch, capsys, columns, name, shown
):
    monkeypatch.setenv("COLUMNS", str(columns))
    row = (JOB[0], name, *JOB[2:])
    print_table(("id", "name", "state", "created", "model"), [row, row], "none", spare=2)
    heading, _, *lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert len(heading.split()) == shown
    assert len(lines) == 2
    for line in lines:
        assert [cell for cell in row if cell in line] == list(row[:shown])


def test_the_report_says_what_language_models_took(capfd):
    measured = {"metric": "accuracy", "value": 0.8, "low": 0.7, "high": 0.9}
    model = {
        "name": "big",
        "calls": 1200,
        "cached": 3,
        "tokens": 45_678,
        "money": 0.25,
        "faults": {"empty": 7},
    }
    report = {"name": "t", "tier": "mini", "estimate": measured, "seed_only": measured, "seconds": 1.0}
    print_report({**report, "models": [model]})
    out = capfd.readouterr().out
    for said in ("big", "1,200", "45,678", "0.25", "empty 7", "known before: answers that were kept"):
        assert said in out


def test_the_report_says_what_was_decided_what_came_of_it_and_what_went_wrong(capfd):
    measured = {"metric": "accuracy", "value": 0.8, "low": 0.7, "high": 0.9}
    nothing = {"calls": 0, "cached": 0, "tokens": 0, "money": 0.0, "paid": 0.0, "faults": {}}
    untried = {"used": False, "accepted": 0, "rejected": {}, "artifact": None}
    print_report(
        {
            "name": "t",
            "tier": "mini",
            "estimate": measured,
            "seed_only": measured,
            "seconds": 1.0,
            "teachers": [{"name": "big", "value": None, "used": False, "reason": "left out: it is gone"}],
            "generators": [{"name": "small", **untried, "reason": "not tried: the target was met"}],
            "models": [{"name": "big", **nothing, "problem": "it is gone"}],
            "decisions": [
                {"action": "examine big", "reason": "see", "outcome": "it is left out: it is gone"}
            ],
        }
    )
    out = capfd.readouterr().out
    assert "- examine big: see -> it is left out: it is gone" in out
    assert "teacher big: left out: it is gone" in out
    assert "generator small: not tried: the target was met" in out
    assert "left out" in next(line for line in out.splitlines() if line.strip().startswith("big"))


def test_outcomes_are_shown_while_a_job_runs(capfd):
    with Progress() as progress:
        progress.show({"kind": "outcome", "data": {"number": 1, "outcome": {"outcome": "it is left out"}}})
    assert "outcome: it is left out" in capfd.readouterr().err
