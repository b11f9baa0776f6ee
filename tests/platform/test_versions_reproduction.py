"""Students made again: the same bytes on the same machine, and what is said where they are others."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from test_versions import connect, gts  # noqa: F401 - fixtures

from gts.core import catalogue
from gts.core.artifacts import ArtifactStore
from gts.orchestrator import costs
from gts.orchestrator.costs import Sizes
from gts.orchestrator.produce import produce
from gts.platform.cli.asking import split_revision
from gts.student.layout import read_lineage
from gts.tasks.dataset import Example, TaskData
from gts.tasks.spec import TaskSpec

TOPICS = ("cooking", "football", "computing")
FEW_STEPS = (Sizes(folds=2, pool=40, fold_pool=30, tune_steps=4, refine_steps=3, more_pool=0),)


@pytest.fixture(scope="module")
def site(tiny_encoder, tmp_path_factory):
    """A site with a tiny encoder: its data folder, in which a student was made by every real stage."""
    root = tmp_path_factory.mktemp("site")
    entry = {
        "id": "tiny/encoder",
        "languages": ["en"],
        "parameters": 30_000,
        "hidden_size": 32,
        "licence": "mit",
        "path": str(tiny_encoder),
    }
    (root / "catalogue.json").write_text(json.dumps({"models": [entry]}), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GTS_CATALOGUE", str(root / "catalogue.json"))
        patch.setattr(costs, "LADDER", FEW_STEPS)
        catalogue.locate.cache_clear()
        catalogue.identity.cache_clear()
        yield root
    catalogue.locate.cache_clear()
    catalogue.identity.cache_clear()


@pytest.fixture(scope="module")
def student(site, topic_texts):
    spec = {
        "name": "topics",
        "labels": list(TOPICS),
        "multi_label": False,
        "language": "en",
        "budget": {"seconds": 5000},
        "goal": {"target": 0.01},
    }
    data = TaskData(
        TaskSpec.model_validate(spec),
        tuple(Example(text, (topic,)) for topic in TOPICS for text in topic_texts(topic, 8)),
        tuple(text for topic in TOPICS for text in topic_texts(topic, 20, seed=1)),
    )
    produce(data, site / "student", store_root=site / "data" / "artifacts")
    return site / "student"


@pytest.fixture
def again(site, gts, monkeypatch):  # noqa: F811
    """Runs ``gts reproduce`` over the site's data folder."""
    monkeypatch.setenv("GTS_CATALOGUE", str(site / "catalogue.json"))
    return lambda model, *options: gts("reproduce", model, "--data-dir", site / "data", *options)


def test_on_the_same_machine_it_is_the_same_to_the_byte(again, student, site):
    before = sorted((site / "data" / "artifacts" / "stages").iterdir())
    code, out, err = again(student, "--json")
    result = json.loads(out)
    assert code == 0, err
    assert result["same"] and result["largest_difference"] == 0.0 and result["surroundings"] == []
    assert {"model.safetensors", "gts.json", "tokenizer.json"} <= set(result["files"])
    assert result["equal_answers"] == {"equal": 24, "rows": 24} and result["first_different_stage"] is None
    assert "stage 1 of" in err
    assert sorted((site / "data" / "artifacts" / "stages").iterdir()) == before, (
        "nothing is left in the store"
    )


def test_published_it_is_found_by_name_and_revision(again, student, services, published):
    revision = services.registry.publish("local", "topics", student, "m", author="local")
    code, out, _ = again(f"local/topics@{revision.oid[:8]}")
    assert code == 0 and "the same to the byte" in out
    code, _, err = again("local/tickets")
    assert code == 1 and "local/tickets has no lineage.json" in err


def test_what_differs_is_said(again, student, tmp_path):
    other = shutil.copytree(student, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    name = min(weights)
    weights[name] = weights[name] + np.float32(0.25)
    save_file(weights, other / "model.safetensors")
    lineage = read_lineage(other)
    lineage["environment"]["packages"]["torch"] = "1.0.0"
    lineage["environment"]["python"] = "3.9.1"
    lineage["base_model"]["identity"] = "of other files"
    (other / "lineage.json").write_text(json.dumps(lineage))
    code, out, _ = again(other)
    assert code == 1
    assert "not the same: model.safetensors differ" in out and "further apart than 0.25" in out
    assert "24 labelled rows" in out
    assert "torch" in out and "1.0.0 then" in out and "3.9.1 then" in out
    assert "the files of the base model tiny/encoder are others here" in out


def test_a_stage_that_goes_another_way_is_named(again, student, tmp_path):
    other = shutil.copytree(student, tmp_path / "other")
    lineage = read_lineage(other)
    for call in lineage["calls"]:
        if call["name"] == "teach" and call["params"]["fold"] == 0:
            call["params"]["tune_steps"] += 1
    (other / "lineage.json").write_text(json.dumps(lineage))
    code, out, _ = again(other, "--json")
    assert (code, json.loads(out)["first_different_stage"]) == (1 - json.loads(out)["same"], "teach")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda calls: calls.clear(), "does not hold what is needed"),
        (lambda calls: calls[0].update(version=99), "version 99 was asked for"),
        (lambda calls: calls[0].update(name="rm -rf"), "asked for"),
        (lambda calls: calls[0]["inputs"].update(task="../../etc"), "does not hold the data"),
        (lambda calls: calls[0]["inputs"].update(task="0" * 64), "does not hold the data"),
        (lambda calls: calls[0].update(params=3), "does not hold what is needed"),
        (lambda calls: calls[-1].update(artifact="0" * 64), "does not hold what is needed"),
    ],
)
def test_a_record_that_cannot_be_followed_is_refused_before_any_work(again, student, tmp_path, change, says):
    other = shutil.copytree(student, tmp_path / "other")
    lineage = read_lineage(other)
    change(lineage["calls"])
    (other / "lineage.json").write_text(json.dumps(lineage))
    code, out, err = again(other)
    assert code in (1, 2) and out == "" and says in err and "stage 1" not in err


@pytest.mark.parametrize("content", ["[]", "no json", '{"format": 1, "calls": [3], "package": "x"}'])
def test_a_damaged_record_is_said_to_be_damaged(again, student, tmp_path, content):
    other = shutil.copytree(student, tmp_path / "other")
    (other / "lineage.json").write_text(content)
    code, _, err = again(other)
    assert code in (1, 2) and "lineage.json" in err


def test_a_base_model_that_is_missing_is_named(again, student, site, monkeypatch, tmp_path):
    entry = json.loads((site / "catalogue.json").read_text())["models"][0]
    (tmp_path / "none.json").write_text(json.dumps({"models": [{**entry, "path": "/nowhere"}]}))
    monkeypatch.setenv("GTS_CATALOGUE", str(tmp_path / "none.json"))
    catalogue.locate.cache_clear()
    catalogue.identity.cache_clear()
    code, _, err = again(student)
    catalogue.locate.cache_clear()
    catalogue.identity.cache_clear()
    assert code == 1 and "tiny/encoder" in err and "not on this machine" in err


def test_without_a_store_it_says_which_folder_is_wanted(gts, student, tmp_path):  # noqa: F811
    code, _, err = gts("reproduce", student, "--data-dir", tmp_path / "none")
    assert code == 2 and "--data-dir" in err
    assert not (tmp_path / "none").exists()


def test_two_revisions_are_one_too_many():
    assert split_revision("a/b@v1", None) == ("a/b", "v1")
    for model, revision in (("a/b@v1", "v2"), ("nothing", None), ("a/b/c", None)):
        with pytest.raises(Exception, match=r"revisions|neither"):
            split_revision(model, revision)


def test_what_is_published_of_a_lineage_holds_no_text_and_no_address(student, site):
    lineage = read_lineage(student)
    assert lineage["data"]["gold"] == 24 and lineage["data"]["pool"] == 60
    assert lineage["base_model"]["licence"] == "mit" and lineage["teachers"]
    assert {call["name"] for call in lineage["calls"]} >= {"teach", "distil", "package"}
    written = (student / "lineage.json").read_text()
    assert str(site) not in written
    store = ArtifactStore(site / "data" / "artifacts")
    gold = (store.path(lineage["calls"][-1]["inputs"]["task"]) / "gold.jsonl").read_text()
    assert not any(json.loads(row)["text"] in written for row in gold.splitlines())
