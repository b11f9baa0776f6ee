"""Two revisions held against each other: flipped answers of all task types, chance, and whose rows are used."""

import json
import shutil

import numpy as np
import pytest
from test_versions import client, connect, gts  # noqa: F401 - fixtures
from tiny_student import write_tiny_student

from gts.core.errors import InvalidInput
from gts.orchestrator import jobs
from gts.orchestrator.taskstore import put_task
from gts.platform.versions_chance import chance
from gts.platform.versions_flips import Verdict, flipped, in_words, nearness, verdicts
from gts.student.layout import StudentManifest, TaskInfo, read_manifest, write_manifest
from gts.tasks.dataset import Example
from gts.tasks.taskfile import load_task_document

MODEL = "local/tickets"
URL = f"/api/v1/models/{MODEL}/compare"
ROWS = [
    {"text": "where is my parcel", "label": "delivery"},
    {"text": "the parcel is late", "label": "delivery"},
    {"text": "refund me", "label": "billing"},
    {"text": "refund the parcel", "label": "billing"},
]
MANIFEST = StudentManifest(task=TaskInfo(name="t"), labels=("a", "b"), tier="static")


def turned(folder, name="tickets", **options):
    """The tiny student with its labels the wrong way round."""
    from safetensors.numpy import load_file, save_file

    write_tiny_student(folder, name, **options)
    head = load_file(folder / "head.safetensors")
    head["head.0.weight"] = np.ascontiguousarray(head["head.0.weight"][::-1])
    save_file(head, folder / "head.safetensors")
    return folder


@pytest.fixture
def wrong(services, published, tmp_path):
    """A revision after the tiny student that says the opposite."""
    folder = turned(tmp_path / "turned")
    return services.registry.publish("local", "tickets", folder, "second", author="local")


def test_given_rows_show_what_flipped(http, published, wrong):
    body = {"from": wrong.oid, "to": published.oid, "rows": ROWS * 3}
    found = http.post(URL, json=body).json()
    assert (found["old"]["commit"], found["new"]["commit"]) == (wrong.oid, published.oid)
    assert found["new"]["bytes"] > 0 and found["new"]["tier"] == "static" and found["unasked"] is None
    asked = found["asked"]
    assert (asked["n"], asked["origin"], asked["metric"]) == (12, "given", "accuracy")
    assert asked["measures"]["accuracy"] == {"old": 0.25, "new": 1.0}
    assert (
        asked["measures"]["accuracy"] == {"old": 0.25, "new": 1.0}
        or asked["measures"]["accuracy"]["new"] > 0.7
    )
    assert asked["flipped"] == {"count": 9, "better": 9, "worse": 0, "other": 0}
    assert asked["chance"]["test"] == "mcnemar" and asked["chance"]["is_beyond"]
    assert asked["chance"]["p"] == pytest.approx(2 * 0.5**9)
    assert "more than chance (exact McNemar test" in asked["chance"]["sentence"]
    assert set(asked["per_label"]) == {"billing", "delivery"}
    example = asked["examples"][0]
    assert example["row"] == {"text": "where is my parcel"} and example["wanted"] == {"labels": ["delivery"]}
    assert (example["old"]["labels"], example["new"]["labels"]) == (["billing"], ["delivery"])
    by_f1 = http.post(URL, json={**body, "metric": "macro_f1"}).json()["asked"]["chance"]
    assert by_f1["test"] == "bootstrap" and by_f1["low"] > 0 and by_f1["is_beyond"]


def test_two_that_answer_alike_do_not_differ_by_chance(http, published, services, tmp_path):
    (tmp_path / "student" / "README.md").write_text("# the same")
    second = services.registry.publish("local", "tickets", tmp_path / "student", "second", author="local")
    asked = http.post(URL, json={"from": published.oid, "to": second.oid, "rows": ROWS}).json()["asked"]
    assert asked["flipped"]["count"] == 0 and asked["examples"] == []
    assert asked["chance"]["p"] == 1.0 and not asked["chance"]["is_beyond"]


@pytest.mark.parametrize(
    ("rows", "status", "says"),
    [
        ([{"text": "a"}], 422, "label"),
        ([{"text": "a", "label": "unknown"}], 422, "unknown"),
        ([], 422, "rows"),
        ([{"text": "a", "label": "billing"}] * 5001, 413, "5,000"),
        ([{"text": "x" * 100_001, "label": "billing"}], 413, "characters"),
    ],
)
def test_rows_that_cannot_be_asked_are_refused(http, published, wrong, rows, status, says):
    answer = http.post(URL, json={"from": published.oid, "to": wrong.oid, "rows": rows})
    assert answer.status_code == status and says in answer.json()["error"]["message"]


def test_revisions_that_answer_different_things_are_not_asked(http, published, services, tmp_path):
    other = services.registry.publish(
        "local", "tickets", write_tiny_student(tmp_path / "many", multi_label=True), "m", author="local"
    )
    params = {"from": published.oid, "to": other.oid}
    found = http.get(URL, params=params).json()
    assert found["asked"] is None and "several labels a text" in found["unasked"]
    refused = http.post(URL, json={**params, "rows": ROWS})
    assert refused.status_code == 422 and "different things" in refused.json()["error"]["message"]
    assert http.get(URL, params={"from": "nowhere"}).status_code == 404
    assert http.get(URL).status_code == 422


def of_job(services, task, folder, owner="local"):
    """A revision that a job of somebody has published."""
    data = load_task_document(task)
    with services.database.writing() as session:
        job = jobs.submit(
            session,
            owner=owner,
            namespace="local",
            name="tickets",
            spec=data.spec.model_dump(mode="json"),
            task_artifact=put_task(services.store, data),
        )
    return services.registry.publish("local", "tickets", folder, f"by {job.id}", owner, job_id=job.id)


def test_rows_of_the_job_are_for_its_owner(http, published, services, task, tmp_path):
    task["test"] = [
        {"text": "parcel parcel", "label": "delivery"},
        {"text": "a refund", "label": "billing"},
        {"text": "I paid for it twice", "label": "billing"},
    ]
    mine = of_job(services, task, turned(tmp_path / "one"))
    asked = http.get(URL, params={"from": published.oid, "to": mine.oid}).json()["asked"]
    assert (asked["origin"], asked["n"], asked["notes"]) == ("test", 3, [])
    assert asked["flipped"]["worse"] == 2
    (tmp_path / "one" / "README.md").write_text("# of another")
    theirs = of_job(services, {**task, "name": "others"}, tmp_path / "one", owner="eve")
    found = http.get(URL, params={"from": published.oid, "to": theirs.oid}).json()
    assert found["asked"] is None and "not of yours" in found["unasked"]
    assert "parcel parcel" not in json.dumps(found)


def test_a_token_that_is_limited_to_a_model_sees_no_rows_of_jobs(
    anonymous, published, services, task, tmp_path
):
    mine = of_job(services, task, turned(tmp_path / "one"))
    params = {"from": published.oid, "to": mine.oid}
    for only, sees in ((None, True), (frozenset({MODEL}), False)):
        secret, _ = services.tokens.create("t", repositories=only)
        found = anonymous.get(URL, params=params, headers={"Authorization": f"Bearer {secret}"}).json()
        assert (found["asked"] is not None) is sees and ("where is my parcel" in json.dumps(found)) is sees


def test_rows_that_one_has_learnt_from_are_left_out_or_said_to_be(http, published, services, task, tmp_path):
    first = of_job(services, task, turned(tmp_path / "one"))
    asked = http.get(URL, params={"from": published.oid, "to": first.oid}).json()["asked"]
    assert (asked["origin"], asked["n"]) == ("gold", 4) and "have learnt from these rows" in asked["notes"][0]
    tested = {**task, "test": [{"text": "refund me", "label": "billing"}, {"text": "no", "label": "billing"}]}
    tested["examples"] = [row for row in task["examples"] if row["text"] != "refund me"] + [
        {"text": "my money", "label": "billing"}
    ]
    (tmp_path / "one" / "README.md").write_text("# again")
    second = of_job(services, tested, tmp_path / "one")
    asked = http.get(URL, params={"from": first.oid, "to": second.oid}).json()["asked"]
    assert (asked["origin"], asked["n"]) == ("test", 1)
    assert asked["notes"] == ["1 test rows that one of the two has learnt from are left out"]


SPOILT = {
    "similarity": {"slope": -1.0},
    "summarization": {"sentences": 2.0, "characters": 400.0},
    **dict.fromkeys(("ner", "relation", "event"), dict.fromkeys(("entity", "relation", "trigger"), 1.1)),
}


def spoilt(folder, target):
    """A row student that decides otherwise than the one it is a copy of."""
    shutil.copytree(folder, target)
    manifest = read_manifest(target)
    decision = {**manifest.decision, **SPOILT[manifest.task.type]}
    write_manifest(target, manifest.model_copy(update={"decision": decision}))
    return target


@pytest.mark.parametrize(
    "kind", ["ner", "relation", "given", "event", "similarity", "graded", "summarization"]
)
def test_every_task_type_is_compared(http, services, row_students, tmp_path, kind):
    folder, rows = row_students[kind]
    first = services.registry.publish("local", "rows", folder, "first", author="local")
    url = "/api/v1/models/local/rows/compare"
    shutil.copytree(folder, tmp_path / "same")
    (tmp_path / "same" / "README.md").write_text("# the same")
    second = services.registry.publish("local", "rows", tmp_path / "same", "second", author="local")
    answer = http.post(url, json={"from": first.oid, "to": second.oid, "rows": rows})
    assert answer.status_code == 200, answer.text
    asked = answer.json()["asked"]
    assert asked["n"] == len(rows) and asked["flipped"]["count"] == 0
    assert not asked["chance"]["is_beyond"] and asked["chance"]["sentence"]
    assert asked["chance"]["old"] == pytest.approx(asked["measures"][asked["metric"]]["old"])
    for metric in asked["measures"]:
        by_it = http.post(
            url, json={"from": first.oid, "to": second.oid, "rows": rows, "metric": metric}
        ).json()
        chanced = by_it["asked"]["chance"]
        assert chanced["old"] == pytest.approx(by_it["asked"]["measures"][metric]["old"]), metric
    third = services.registry.publish(
        "local", "rows", spoilt(folder, tmp_path / "bad"), "third", author="local"
    )
    asked = http.post(url, json={"from": first.oid, "to": third.oid, "rows": rows}).json()["asked"]
    assert asked["flipped"]["count"] == asked["flipped"]["worse"] > 0
    example = asked["examples"][0]
    assert {"wanted", "old", "new", "row", "verdict"} == set(example)
    assert in_words(example["old"]) != in_words(example["new"])
    assert in_words(example["wanted"])


def test_flips_by_task_type():
    def manifest(**changed):
        return MANIFEST.model_copy(update=changed)

    pairs = manifest(task=TaskInfo(name="t", type="similarity"))
    graded = manifest(task=TaskInfo(name="t", type="similarity"), scale=(0.0, 5.0))
    ner, event = (manifest(task=TaskInfo(name="t", type=kind)) for kind in ("ner", "event"))
    ada = {"start": 0, "end": 3, "type": "person", "text": "Ada", "score": 0.9}
    meal = {"type": "meal", "trigger": {"start": 0, "end": 4}, "arguments": []}
    cases = [
        (MANIFEST, {"labels": ["a", "b"]}, {"labels": ["b", "a"]}, False),
        (MANIFEST, {"labels": ["a"]}, {"labels": []}, True),
        (pairs, {"score": 0.51, "alike": True}, {"score": 0.49, "alike": False}, True),
        (pairs, {"score": 0.51, "alike": True}, {"score": 0.99, "alike": True}, False),
        (graded, {"score": 2.0}, {"score": 2.25}, False),
        (graded, {"score": 2.0}, {"score": 2.3}, True),
        (ner, {"entities": [ada]}, {"entities": [{**ada, "score": 0.2}]}, False),
        (ner, {"entities": [ada]}, {"entities": [{**ada, "type": "place"}]}, True),
        (ner, {"entities": [ada]}, {"entities": []}, True),
        (event, {"events": [meal]}, {"events": [meal, meal]}, False),
        (event, {"events": [meal]}, {"events": [{**meal, "type": "trip"}]}, True),
    ]
    for student, old, new, expected in cases:
        assert flipped(student, [old], [new]).tolist() == [expected], (old, new)


def test_a_row_where_nothing_was_wanted_and_nothing_found_is_right():
    from gts.tasks.rows import MarkedRow
    from gts.tasks.structures import Span, Structure

    ner = MANIFEST.model_copy(update={"task": TaskInfo(name="t", type="ner")})
    rows = [MarkedRow("no", Structure()), MarkedRow("Ada", Structure((Span(0, 3, "person"),)))]
    assert nearness(ner, rows, [{"entities": []}, {"entities": []}]).tolist() == [1.0, 0.0]


def test_verdicts_say_which_is_nearer():
    near = [np.array(values) for values in ([0.5, 0.5, 0.5, 0.5], [0.9, 0.1, 0.5, 0.9])]
    found = verdicts(np.array([True, True, True, False]), *near)
    assert found == [Verdict.BETTER, Verdict.WORSE, Verdict.OTHER, None]


def examples(gained, lost, both):
    """Labelled texts and two students' answers, of which so many became right and wrong."""
    rows = [Example("x", ("a",))] * (gained + lost + both)
    right, wrong = {"labels": ["a"]}, {"labels": ["b"]}
    old = [wrong] * gained + [right] * lost + [right] * both
    new = [right] * gained + [wrong] * lost + [right] * both
    return rows, old, new


@pytest.mark.parametrize(
    ("gained", "lost", "p", "is_beyond"),
    [(6, 0, 0.03125, True), (5, 0, 0.0625, False), (9, 2, 0.0654, False)],
)
def test_the_exact_test_counts_rows_on_which_one_alone_is_right(gained, lost, p, is_beyond):
    found = chance(MANIFEST, MANIFEST.labels, *examples(gained, lost, 30), "accuracy")
    assert (found.gained, found.lost, found.is_beyond) == (gained, lost, is_beyond)
    assert found.p == pytest.approx(p, abs=1e-4)
    assert ("no more than chance" in found.sentence) is not is_beyond


def test_one_row_is_too_few_for_a_measure_without_an_exact_test():
    found = chance(MANIFEST, MANIFEST.labels, *examples(1, 0, 0), "macro_f1")
    assert (found.test, found.is_beyond) == ("none", False) and "too few" in found.sentence


def test_client_and_command(client, gts, published, wrong, tmp_path):  # noqa: F811
    found = client.compare(MODEL, published.oid, "main", rows=ROWS)
    assert found["asked"]["flipped"]["worse"] > 0
    with pytest.raises(InvalidInput):
        client.compare(MODEL, published.oid, "main", rows=[{"text": "a"}])
    (tmp_path / "test.csv").write_text(
        "text,label\n" + "".join(f"{r['text']},{r['label']}\n" for r in ROWS * 3)
    )
    code, out, _ = gts("compare", MODEL, published.oid, wrong.oid, "--data", tmp_path / "test.csv")
    assert code == 0
    assert "accuracy fell from" in out and "9 for the worse" in out and "where is my parcel" in out
    code, out, _ = gts("compare", MODEL, published.oid, wrong.oid)
    assert code == 0 and "no labelled rows were given" in out
    code, out, _ = gts("compare", MODEL, published.oid, wrong.oid, "--data", tmp_path / "test.csv", "--json")
    assert code == 0 and json.loads(out)["asked"]["n"] == 12
