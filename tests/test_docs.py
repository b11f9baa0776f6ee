"""What the documents say exists: commands, options, targets, settings, routes, paths, imports; the quick ones are run."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from gts.core.llm.entries import read_entries
from gts.platform.cli import app, run

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / name
    for name in (
        "README.md",
        "CHANGELOG.md",
        "docs/architecture.md",
        "docs/language-models.md",
        "docs/registry.md",
        "docs/versions.md",
        "docs/storage.md",
        "docs/serving.md",
        "docs/monitoring.md",
        "examples/support-tickets/README.md",
    )
]
README = (ROOT / "README.md").read_text("utf-8")
# Variables that no field of the settings stands for.
OTHER_VARIABLES = {
    "GTS_URL",
    "GTS_CATALOGUE",
    "GTS_MODELS",
    "GTS_PROMPTS",
    "GTS_DEBUG",
    "GTS_FROM_TOKEN",
    "GTS_LLAMA_PYTHON",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def command_lines() -> list[list[str]]:
    """Every command in the README's shell blocks, as its words."""
    lines, pending = [], ""
    for line in "".join(blocks("sh")).replace("\\\n", " ").splitlines():
        pending += line + "\n"
        try:
            words = shlex.split(pending, comments=True)
        except ValueError:  # a quotation goes on in the next line
            continue
        pending = ""
        if words:
            lines.append(words)
    assert not pending
    return lines


def mentions(pattern: str) -> list[str]:
    """What a pattern finds in the code spans and blocks of all documents."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        fenced = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
        for code in (*fenced, *spans):
            found += re.findall(pattern, code)
    return found


def commands_of_gts():
    return typer.main.get_command(app).commands


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = mentions(r"(?:^|\s)make ([a-z]+)")
    assert {"demo", "up", "setup", "test", "check"} <= set(named) <= targets


def test_every_gts_command_exists():
    named = set(mentions(r"(?:^|[\s/])gts ([a-z]+)"))
    assert {"produce", "predict", "submit", "evaluate", "pull", "doctor"} <= named <= set(commands_of_gts())


def test_every_option_exists():
    checked = 0
    for words in command_lines():
        if Path(words[0]).name != "gts":
            continue
        command = commands_of_gts()[words[1]]
        for sub in words[2:]:
            command = getattr(command, "commands", {}).get(sub, command)
        known = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        assert {word for word in words if word.startswith("-")} <= known, words
        checked += 1
    assert checked >= 9


def test_every_setting_exists():
    from gts.platform.settings import fields

    known = {variable for _, variable, _ in fields()} | OTHER_VARIABLES
    named = set(mentions(r"\bGTS_[A-Z_]+\b"))
    assert {"GTS_DATABASE_URL", "GTS_REDIS_URL", "GTS_RAY_ADDRESS"} <= named <= known


def test_every_path_exists():
    missing = []
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        links = re.findall(r"\]\(([^)#\s]+)\)", text)
        missing += [
            f"{document.name}: {link}"
            for link in links
            if not link.startswith("http") and not (document.parent / link).exists()
        ]
    inputs = [word for words in command_lines() for word in words if word.startswith("examples/")]
    missing += [path for path in inputs if not (ROOT / path).exists()]
    assert inputs and not missing


def test_every_route_exists():
    from gts.platform.routes import decisions, jobs, metrics, models, oip, predict, system, traffic, versions

    rooms = (decisions, jobs, metrics, models, oip, predict, system, traffic, versions)
    routes = {route.path for room in rooms for route in room.router.routes}
    routes |= {route.path for route in oip.public_router.routes}
    routes |= {f"/api/v1{path}" for path in routes} | {"/api/v1/openapi.json"}
    paths = r"(/(?:api/v1|models|v1|v2)/[\w/.{}-]+|/metrics)"
    named = set(mentions(rf"(?:127\.0\.0\.1:8750|GET |POST |^){paths}"))
    assert {"/api/v1/health", "/api/v1/jobs", "/v2/health/ready", "/v1/systemone", "/metrics"} <= named
    shapes = {re.sub(r"/local/[\w-]+", "/{namespace}/{name}", path) for path in named}
    assert {shape.replace("/versions/main", "/versions/{version:path}") for shape in shapes} <= routes


def test_the_task_in_the_readme_is_a_task():
    from gts.tasks.document import check_keys, parse_document, spec_of

    block, _ = blocks("yaml")
    document = parse_document(block)
    check_keys(document)
    assert spec_of(document).labels == {
        "billing": "charges and refunds",
        "delivery": "where is my parcel",
    }
    assert yaml.safe_load(block)["examples"] == "labelled.csv"


def test_the_models_in_the_readme_are_models(tmp_path):
    (tmp_path / "models.yaml").write_text(blocks("yaml")[1])
    assert [entry.name for entry in read_entries(tmp_path / "models.yaml")] == ["big", "own"]


def test_the_bodies_sent_with_curl_are_understood():
    from gts.platform.model_schemas import PredictBody
    from gts.tasks.taskfile import load_task_document

    bodies = [json.loads(words[words.index("-d") + 1]) for words in command_lines() if words[0] == "curl"]
    task, texts = bodies
    assert load_task_document(task).labels == ("glad", "sad")
    assert PredictBody.model_validate(texts).texts


@pytest.mark.parametrize("block", blocks("python"))
def test_python_in_the_readme_imports_what_exists(block):
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom) and node.module.startswith(("gts.", "huggingface_hub")):
            module = importlib.import_module(node.module)
            assert all(hasattr(module, alias.name) for alias in node.names)


def test_doctor_runs_as_the_readme_says(monkeypatch, tmp_path, capsys):
    assert ["gts", "doctor"] in command_lines()
    monkeypatch.setenv("GTS_HOME", str(tmp_path))
    assert run(["doctor"]) == 0
    assert "encoder" in capsys.readouterr().out
