"""Where a revision comes from: what was written down, what older revisions tell, and what strangers may have put there."""

import json

import pytest
from test_versions import client, connect, gts  # noqa: F401 - fixtures
from tiny_student import write_tiny_student

from gts.orchestrator.lineage import leading_to
from gts.platform.versions_lineage import lineage_of
from gts.student.layout import read_manifest, write_manifest

URL = "/api/v1/models/local/tickets/lineage"
LINEAGE = {
    "format": 1,
    "task": {"name": "tickets", "type": "classification", "language": "en", "seed": 3},
    "data": {"gold": 40, "answered": 8, "pool": 220, "generated": 12, "test": 0},
    "base_model": {"id": "acme/encoder", "licence": "mit", "identity": "ab" * 32},
    "language_models": [
        {
            "name": "big",
            "model": "acme/big-8b",
            "licence": "apache-2.0",
            "identity": "cd" * 8,
            "roles": ["teacher"],
        }
    ],
    "teachers": [{"name": "encoder", "weight": 0.6}, {"name": "big (likelihood)", "weight": 0.4}],
    "generators": [{"name": "embedded", "accepted": 12, "artifact": "ef" * 32}],
    "environment": {"python": "3.11.7", "machine": "0" * 16, "cores": 2, "packages": {"torch": "2.9.0"}},
    "package": "12" * 32,
    "calls": [
        {"name": "package", "version": 2, "params": {}, "inputs": {"task": "34" * 32}, "artifact": "12" * 32}
    ],
}


def with_lineage(services, folder, lineage):
    write_tiny_student(folder)
    (folder / "lineage.json").write_text(lineage if isinstance(lineage, str) else json.dumps(lineage))
    return services.registry.publish("local", "tickets", folder, "m", author="ann")


def test_it_tells_data_models_and_licences(http, services, published, tmp_path):
    revision = with_lineage(services, tmp_path / "next", LINEAGE)
    told = http.get(URL).json()
    assert (told["commit"], told["parent"], told["author"]) == (revision.oid, published.oid, "ann")
    assert told["reproducible"] and told["environment"] == LINEAGE["environment"]
    assert told["task"] == {**LINEAGE["task"], "artifact": "34" * 32}
    nodes = {node["id"]: node for node in told["nodes"]}
    assert (nodes["gold"]["rows"], nodes["answered"]["rows"], nodes["pool"]["rows"]) == (40, 8, 220)
    assert "test" not in nodes
    assert (nodes["base_model"]["name"], nodes["base_model"]["licence"]) == ("acme/encoder", "mit")
    assert nodes["language_model big"]["name"] == "big (acme/big-8b)"
    assert nodes["language_model big"]["licence"] == "apache-2.0"
    assert nodes["teacher encoder"]["share"] == 0.6
    assert (nodes["generator embedded"]["rows"], nodes["generator embedded"]["artifact"]) == (12, "ef" * 32)
    assert (nodes["student"]["name"], nodes["student"]["licence"]) == ("static", "apache-2.0")
    edges = {(edge["from"], edge["to"]) for edge in told["edges"]}
    assert {
        ("gold", "teacher encoder"),
        ("language_model big", "teacher big (likelihood)"),
        ("teacher encoder", "student"),
        ("generator embedded", "student"),
        ("pool", "student"),
        ("base_model", "student"),
        ("parent", "student"),
    } <= edges
    assert {end for edge in edges for end in edge} <= set(nodes)


def test_an_older_revision_tells_what_it_knows(http, services, published, tmp_path):
    folder = write_tiny_student(tmp_path / "older")
    manifest = read_manifest(folder)
    counts = {"gold": 30, "pool": 9, "generated": 0, "test": 5}
    changed = {"base_model": "acme/encoder", "licence": "mit", "metrics": {"counts": counts}}
    write_manifest(folder, manifest.model_copy(update=changed))
    services.registry.publish("local", "tickets", folder, "m", author="ann")
    told = http.get(URL).json()
    assert not told["reproducible"] and told["environment"] is None
    nodes = {node["id"]: node for node in told["nodes"]}
    assert nodes["gold"]["rows"] == 30 and nodes["test"]["rows"] == 5
    assert nodes["base_model"]["licence"] == "mit"
    assert {"from": "gold", "to": "student"} in told["edges"]
    first = http.get(URL, params={"revision": published.oid}).json()
    assert [node["kind"] for node in first["nodes"]] == ["student"] and first["edges"] == []
    assert http.get(URL, params={"revision": "nowhere"}).status_code == 404


@pytest.mark.parametrize(
    "strange",
    [
        "[]",
        "no json",
        json.dumps({key: 3 for key in LINEAGE}),
        json.dumps({key: [3, None, "x"] for key in LINEAGE}),
        json.dumps({key: {"name": ["x"], "gold": "many", "packages": 3} for key in LINEAGE}),
        json.dumps({**LINEAGE, "teachers": [{"name": 3, "weight": "x"}], "environment": {"python": {}}}),
    ],
)
def test_what_a_stranger_published_breaks_nothing(http, services, tmp_path, strange):
    with_lineage(services, tmp_path / "strange", strange)
    answer = http.get(URL)
    assert answer.status_code == 200, answer.text
    assert answer.json()["nodes"][-1]["id"] == "student"
    assert http.get("/models/local/tickets", headers={"Accept": "text/html"}).status_code == 200


def test_something_that_is_no_student_has_a_lineage_too(http, services, tmp_path):
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "README.md").write_text("# data only")
    services.registry.publish("local", "tickets", tmp_path / "plain", "m", author="ann")
    assert [node["kind"] for node in http.get(URL).json()["nodes"]] == ["student"]


def test_client_and_command(client, gts, services, published, tmp_path):  # noqa: F811
    revision = with_lineage(services, tmp_path / "next", LINEAGE)
    assert client.lineage("local/tickets")["commit"] == revision.oid
    code, out, _ = gts("lineage", f"local/tickets@{revision.oid[:8]}")
    assert code == 0
    assert "base model acme/encoder, licence mit" in out
    assert "    language model big (acme/big-8b), licence apache-2.0" in out
    assert "given labels, 40 rows" in out and "torch 2.9.0" in out
    code, out, _ = gts("lineage", "local/tickets", "--revision", published.oid)
    assert code == 0 and "not written down how to make it again" in out
    code, out, _ = gts("lineage", "local/tickets", "--json")
    assert code == 0 and json.loads(out)["reproducible"]


def test_only_what_led_to_the_student_is_kept():
    calls = [
        {"name": "teach", "inputs": {"task": "t"}, "artifact": "1"},
        {"name": "distil", "inputs": {"teach": "1"}, "artifact": "2"},
        {"name": "distil", "inputs": {"teach": "1"}, "artifact": "3"},
        {"name": "package", "inputs": {"student": "3"}, "artifact": "4"},
        {"name": "evaluate", "inputs": {"package": "4"}, "artifact": "5"},
    ]
    assert [call["artifact"] for call in leading_to(calls, "4")] == ["1", "3", "4"]


def test_a_lineage_says_which_language_model_taught(services, published, tmp_path):
    lineage = {**LINEAGE, "teachers": [{"name": "big", "weight": 1.0}], "generators": []}
    with_lineage(services, tmp_path / "next", lineage)
    found = lineage_of(services, "local", "tickets")
    assert ("language_model big", "teacher big") in found.edges
