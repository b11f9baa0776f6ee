"""The Open Inference Protocol, by plain requests and by Triton's own client."""

import json

import numpy as np
import pytest
import tritonclient.http as triton
from tiny_student import write_tiny_student

from gts.student.opening import open_student

TEXTS = ["my parcel is late", "refund me"]


def tensor(name, values, **changes):
    return {"name": name, "shape": [len(values)], "datatype": "BYTES", "data": values, **changes}


def body(texts=TEXTS, **more):
    return {"inputs": [tensor("text", texts)], **more}


@pytest.mark.parametrize("model", ["local/tickets", "local%2Ftickets"])
def test_a_model_by_quoted_name_and_by_two_parts(http, published, model):
    described = http.get(f"/v2/models/{model}").json()
    assert described == {
        "name": "local/tickets",
        "versions": [published.oid],
        "platform": "gts",
        "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {
                "name": "probabilities",
                "datatype": "FP32",
                "shape": [-1, 2],
                "parameters": {"labels": ["billing", "delivery"]},
            },
        ],
    }
    answer = http.get(f"/v2/models/{model}/ready").json()
    assert answer == {"name": "local/tickets", "version": published.oid, "ready": True}
    answer = http.post(f"/v2/models/{model}/infer", json=body(id="7")).json()
    assert (answer["model_name"], answer["model_version"]) == ("local/tickets", published.oid)
    assert answer["id"] == "7"
    label, probabilities = answer["outputs"]
    assert label == tensor("label", ["delivery", "billing"])
    assert probabilities["shape"] == [2, 2] and len(probabilities["data"]) == 4
    assert probabilities["data"][1] > 0.5 > probabilities["data"][3]


def test_versions_are_commits_branches_and_aliases(http, published, services, tmp_path):
    services.registry.alias("local", "tickets", "production/eu", published.oid)
    write_tiny_student(tmp_path / "next", multi_label=True)
    newer = services.registry.publish("local", "tickets", tmp_path / "next", "second", author="local")
    for version, commit in (
        (published.oid, published.oid),
        ("production%2Feu", published.oid),
        ("production/eu", published.oid),
        ("main", newer.oid),
    ):
        url = f"/v2/models/local/tickets/versions/{version}"
        assert http.get(url).json()["versions"] == [commit]
        assert http.get(f"{url}/ready").json()["version"] == commit
        assert http.post(f"{url}/infer", json=body()).json()["model_version"] == commit
    answer = http.post("/v2/models/local/tickets/infer", json=body(["hello"])).json()
    assert answer["outputs"][0] == tensor("labels", ['["billing", "delivery"]'])


def test_outputs_that_are_wanted(http, published):
    url = "/v2/models/local/tickets/infer"
    answer = http.post(url, json=body(outputs=[{"name": "label", "parameters": {}}])).json()
    assert [output["name"] for output in answer["outputs"]] == ["label"]
    refused = http.post(url, json=body(outputs=[{"name": "logits"}]))
    assert refused.status_code == 400 and "label, probabilities" in refused.json()["error"]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([tensor("texts", ["a"])], "takes text"),
        ([tensor("text", ["a"]), tensor("text", ["b"])], "takes text"),
        ([tensor("text", [1.5], datatype="FP32")], "BYTES was expected"),
        ([tensor("text", ["a"], shape=[2])], "the shape"),
        ([tensor("text", [3])], "something else than texts"),
        ([tensor("text", [])], "something else than texts"),
        ([], "inputs"),
        ("a", "inputs"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(http, published, inputs, said):
    answer = http.post("/v2/models/local/tickets/infer", json={"inputs": inputs})
    assert answer.status_code == 400 and set(answer.json()) == {"error"}
    assert said in answer.json()["error"]


def test_nested_data_is_read_row_by_row(http, published):
    nested = tensor("text", [[text] for text in TEXTS], shape=[2, 1])
    answer = http.post("/v2/models/local/tickets/infer", json={"inputs": [nested]}).json()
    assert answer["outputs"][0]["data"] == ["delivery", "billing"]


@pytest.mark.parametrize("kind", [None, "application/octet-stream", "application/x-www-form-urlencoded"])
def test_a_body_is_json_whatever_it_is_called(http, published, kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = http.post("/v2/models/local/tickets/infer", content=json.dumps(body()), headers=headers)
    assert answer.json()["outputs"][0]["data"] == ["delivery", "billing"]


def test_pages_of_other_sites_cannot_ask(anonymous, token, published):
    anonymous.get(f"/?token={token}")
    url, content = "/v2/models/local/tickets/infer", json.dumps(body())
    assert anonymous.post(url, content=content, headers={"Origin": "https://evil.example"}).status_code == 403
    assert anonymous.post(url, content=content, headers={"Origin": "http://testserver"}).status_code == 200


def test_other_refusals_keep_their_status(http, anonymous, services, published):
    url = "/v2/models/local/tickets/infer"
    many = body(["a"] * (services.settings.max_texts + 1))
    answers = [
        (anonymous.post(url, json=body()), 401),
        (http.post("/v2/models/local/none/infer", json=body()), 404),
        (http.get("/v2/models/local/none"), 404),
        (http.get("/v2/models/local/tickets/versions/none/ready"), 404),
        (http.post(url, json=many), 413),
        (http.post(url, json=body(), headers={"Inference-Header-Content-Length": "7"}), 400),
        (http.post(url, content=b"\x80"), 400),
    ]
    for answer, status in answers:
        assert answer.status_code == status and set(answer.json()) == {"error"}, answer.text


def test_health_needs_no_token(anonymous):
    assert anonymous.get("/v2").json()["name"] == "gts"
    assert anonymous.get("/v2/health/live").json() == {"live": True}
    assert anonymous.get("/v2/health/ready").json() == {"ready": True}


@pytest.mark.parametrize(
    "name", ["ner", "relation", "given", "event", "similarity", "graded", "summarization"]
)
def test_every_task_type_speaks_tensors(http, publish_rows, row_students, name):
    model, rows = publish_rows(name)
    names = [tensor["name"] for tensor in http.get(f"/v2/models/{model}").json()["inputs"]]
    inputs = [
        tensor(key, [row[key] if isinstance(row[key], str) else json.dumps(row[key]) for row in rows])
        for key in names
    ]
    answer = http.post(f"/v2/models/{model}/infer", json={"inputs": inputs})
    assert answer.status_code == 200, answer.text
    outputs = {output["name"]: output for output in answer.json()["outputs"]}
    expected = open_student(row_students[name][0]).answer(rows)
    assert set(outputs) == set(expected[0])
    for key, output in outputs.items():
        assert output["shape"] == [len(rows)]
        plain = output["datatype"] in ("FP32", "BOOL") or key == "summary"
        assert [one if plain else json.loads(one) for one in output["data"]] == [row[key] for row in expected]


def test_tritons_client(live, token, published):
    client = triton.InferenceServerClient(live.removeprefix("http://"))
    headers = {"Authorization": f"Bearer {token}"}
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("local/tickets", headers=headers)
    assert client.get_model_metadata("local/tickets", "main", headers=headers)["versions"] == [published.oid]
    texts = triton.InferInput("text", [2, 1], "BYTES")
    texts.set_data_from_numpy(np.array([[text] for text in TEXTS], object), binary_data=False)
    found = client.infer("local/tickets", [texts], model_version=published.oid, headers=headers)
    assert found.as_numpy("label").tolist() == ["delivery", "billing"]
    assert found.as_numpy("probabilities").shape == (2, 2)
    binary = triton.InferInput("text", [2, 1], "BYTES")
    binary.set_data_from_numpy(np.array([[text] for text in TEXTS], object))
    with pytest.raises(triton.InferenceServerException, match="binary_data=False"):
        client.infer("local/tickets", [binary], headers=dict(headers))
    with pytest.raises(triton.InferenceServerException, match="local/none"):
        client.infer("local/none", [texts], headers=headers)
    client.close()
