"""Predictions over REST and through the Hub's inference client."""

import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from tiny_student import write_tiny_student

TEXTS = ["my parcel is late", "refund me"]


def test_typed_predictions(http, published):
    answer = http.post("/api/v1/models/local/tickets/predict", json={"texts": TEXTS}).json()
    assert (answer["model"], answer["commit"]) == ("local/tickets", published.oid)
    assert [found["labels"] for found in answer["predictions"]] == [["delivery"], ["billing"]]
    scores = answer["predictions"][0]["scores"]
    assert scores[0]["score"] > scores[1]["score"]
    assert sum(item["score"] for item in scores) == pytest.approx(1, abs=1e-6)


def test_revisions_are_predicted_with(http, published, services, tmp_path):
    services.registry.alias("local", "tickets", "production", published.oid)
    write_tiny_student(tmp_path / "next", multi_label=True)
    newer = services.registry.publish("local", "tickets", tmp_path / "next", "second", author="local")
    url = "/api/v1/models/local/tickets/predict"
    assert http.post(url, json={"texts": TEXTS, "revision": "production"}).json()["commit"] == published.oid
    newest = http.post(url, json={"texts": ["hello there"]}).json()
    assert newest["commit"] == newer.oid
    assert newest["predictions"][0]["labels"] == ["billing", "delivery"]  # each at one half, its threshold
    assert http.post(url, json={"texts": TEXTS, "revision": "nope"}).status_code == 404


def test_a_model_that_is_no_student_says_so(http, published, services, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    commit = services.registry.publish("local", "plain", tmp_path, "first", author="local").oid
    answer = http.post("/api/v1/models/local/plain/predict", json={"texts": TEXTS})
    assert answer.status_code == 422
    assert f"local/plain holds no gts.json at {commit[:10]}" in answer.json()["error"]["message"]


def test_what_is_wrong_with_a_student_is_told_under_its_name(http, published, services, tmp_path):
    folder = write_tiny_student(tmp_path / "next")
    (folder / "head.safetensors").unlink()
    commit = services.registry.publish("local", "tickets", folder, "second", author="local").oid
    error = http.post("/api/v1/models/local/tickets/predict", json={"texts": TEXTS}).json()["error"]
    assert f"local/tickets@{commit[:10]}" in error["message"]
    assert str(services.settings.data_dir) not in str(error), "where files lie is nobody's business"


def test_models_are_listed(http, published):
    page = http.get("/api/v1/models").json()
    assert [model["id"] for model in page["models"]] == ["local/tickets"] and page["next_cursor"] is None
    assert http.get("/api/v1/models?search=nothing").json()["models"] == []
    model = http.get("/api/v1/models/local/tickets").json()
    assert {file["path"] for file in model["files"]} >= {"config.json", "model.safetensors", "gts.json"}
    assert model["refs"] == {"main": published.oid}


@pytest.fixture
def inference(http, monkeypatch, token):
    """The real client, its requests led to the application."""
    import httpx2 as httpx  # what this release of the Hub's client sends requests with
    from huggingface_hub.utils import set_client_factory

    class Bridge(httpx.BaseTransport):
        def handle_request(self, request):
            answer = http.request(
                request.method, str(request.url), content=request.read(), headers=dict(request.headers)
            )
            return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)

    set_client_factory(lambda: httpx.Client(transport=Bridge()))
    yield lambda path: InferenceClient(model=f"http://testserver{path}", token=token)
    set_client_factory(httpx.Client)


def test_the_hubs_inference_client(inference, published):
    found = inference("/models/local/tickets").text_classification(TEXTS[0])
    assert [item.label for item in found] == ["delivery", "billing"]
    assert (
        len(inference(f"/models/local/tickets@{published.oid}").text_classification(TEXTS[0], top_k=1)) == 1
    )


def test_the_hubs_inference_client_reads_our_errors(inference, published):
    with pytest.raises(HfHubHTTPError, match="local/nothing") as caught:
        inference("/models/local/nothing").text_classification("a")
    assert caught.value.response.status_code == 404


def test_errors_of_the_task_endpoint_have_the_hubs_shape(http, anonymous, published):
    url = "/models/local/tickets"
    answers = [
        (anonymous.post(url, json={"inputs": "a"}), 401),
        (http.post(url, json={"inputs": 3}), 422),
        (http.post(url, json={"inputs": []}), 422),
        (http.post(url, json={"inputs": "a", "parameters": {"top_k": 0}}), 422),
        (http.post(url, json={"inputs": "a", "parameters": {"function_to_apply": "sigmoid"}}), 422),
        (http.post("/models/local/none", json={"inputs": "a"}), 404),
    ]
    for answer, status in answers:
        assert answer.status_code == status
        assert set(answer.json()) == {"error"} and isinstance(answer.json()["error"], str)
