"""Students of every task type over REST, by the Python client and by the Hub's inference client."""

from __future__ import annotations

import httpx
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from gts.core.errors import InvalidInput, NotFound
from gts.platform.client import Client
from gts.student.opening import open_student

NAMES = ("ner", "relation", "given", "event", "similarity", "graded", "summarization")


@pytest.fixture
def publish(services, row_students):
    """Publishes a student; returns its name and some rows of its task."""

    def call(name):
        folder, rows = row_students[name]
        services.registry.publish("local", name, folder, "first", author="local")
        labels = {"relations", "events", "label", "summary"} | (set() if name == "given" else {"entities"})
        return f"local/{name}", [{key: row[key] for key in row if key not in labels} for row in rows]

    return call


@pytest.fixture
def client(http, token):
    class Bridge(httpx.BaseTransport):
        def handle_request(self, request):
            headers = dict(request.headers)
            answer = http.request(request.method, str(request.url), content=request.read(), headers=headers)
            return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)

    with Client("http://testserver", token, transport=Bridge()) as client:
        yield client


@pytest.fixture
def inference(http, token):
    """The real client, its requests led to the application."""
    import httpx2
    from huggingface_hub.utils import set_client_factory

    class Bridge(httpx2.BaseTransport):
        def handle_request(self, request):
            headers = dict(request.headers)
            answer = http.request(request.method, str(request.url), content=request.read(), headers=headers)
            return httpx2.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)

    set_client_factory(lambda: httpx2.Client(transport=Bridge()))
    yield lambda model: InferenceClient(model=f"http://testserver/models/{model}", token=token)
    set_client_factory(httpx2.Client)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_answered_as_the_student_answers_them(http, publish, row_students, name):
    model, rows = publish(name)
    answer = http.post(f"/api/v1/models/{model}/predict", json={"rows": rows})
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"] == open_student(row_students[name][0]).answer(rows)


def test_texts_are_rows_of_one_text(http, publish):
    model, rows = publish("ner")
    url, texts = f"/api/v1/models/{model}/predict", [row["text"] for row in rows]
    by_text = http.post(url, json={"texts": texts}).json()["predictions"]
    assert by_text == http.post(url, json={"rows": rows}).json()["predictions"]


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("similarity", {"texts": ["soup"]}, 'rows[0] has no "text_a"'),
        ("similarity", {"rows": [{"text_a": "a", "text_b": "b"}, {"text_a": "a", "text_b": 3}]}, "rows[1]"),
        ("given", {"texts": ["goal very match"]}, 'rows[0] has no "entities"'),
        ("given", {"rows": [{"text": "goal", "entities": [{"start": 2, "end": 9}]}]}, "rows[0].entities[0]"),
        ("ner", {"rows": [{"txt": "soup"}]}, 'rows[0] has no "text"'),
        ("summarization", {"rows": [{}]}, 'rows[0] has no "text"'),
        ("ner", {"texts": ["soup"], "rows": [{"text": "soup"}]}, "either texts or rows"),
        ("ner", {}, "either texts or rows"),
        ("ner", {"rows": []}, "rows"),
    ],
)
def test_rows_of_another_form_are_refused_by_name(http, publish, name, body, said):
    model, _ = publish(name)
    answer = http.post(f"/api/v1/models/{model}/predict", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["error"]["message"]
    assert answer.json()["error"]["mend"]


def test_rows_over_a_limit_are_refused(http, publish, services):
    model, _ = publish("similarity")
    url = f"/api/v1/models/{model}/predict"
    long = "a" * (services.settings.max_text_chars + 1)
    assert http.post(url, json={"rows": [{"text_a": "a", "text_b": long}]}).status_code == 413
    many = [{"text_a": "a", "text_b": "b"}] * (services.settings.max_texts + 1)
    assert http.post(url, json={"rows": many}).status_code == 413
    settings = services.settings
    each = settings.max_text_chars // 2
    together = [{"text_a": "a" * each, "text_b": "b" * each}] * (
        settings.max_request_chars // settings.max_text_chars + 1
    )
    answer = http.post(url, json={"rows": together})
    assert answer.status_code == 413
    assert "together" in answer.json()["error"]["message"]
    body = b'{"rows": [' + b"{}," * (settings.max_predict_bytes // 3) + b"{}]}"
    assert http.post(url, content=body, headers={"Content-Type": "application/json"}).status_code == 413


@pytest.mark.parametrize("name", NAMES)
def test_the_python_client_asks_about_rows(client, publish, row_students, name):
    model, rows = publish(name)
    assert client.predict(model, rows) == open_student(row_students[name][0]).answer(rows)


def test_the_python_client_takes_texts_and_rows_and_tells_what_is_neither(client, publish):
    model, rows = publish("ner")
    text = rows[0]["text"]
    one, other = client.predict(model, [text, {"text": text}], revision="main")
    assert one == other == client.predict(model, [text])[0]
    for wrong in (text, {"text": text}):
        with pytest.raises(InvalidInput, match="a list of them was expected"):
            client.predict(model, wrong)
    with pytest.raises(InvalidInput, match="a row is int"):
        client.predict(model, [text, 3])
    with pytest.raises(InvalidInput, match="namespace/name"):
        client.predict("ner", [text])
    with pytest.raises(NotFound):
        client.predict("local/none", rows)


def test_the_python_client_pulls_some_files_of_a_model(client, publish, tmp_path):
    model, _ = publish("ner")
    client.pull(model, tmp_path / "some", only=["gts.json"])
    assert [path.name for path in (tmp_path / "some").iterdir()] == ["gts.json"]
    client.pull(model, tmp_path / "some")
    assert open_student(tmp_path / "some").manifest.task.type == "ner"


def test_the_hubs_client_finds_entities(inference, publish):
    model, _ = publish("ner")
    found = inference(model).token_classification("😀 soup today")
    (soup,) = [entity for entity in found if entity.word == "soup"]
    assert (soup.entity_group, soup.start, soup.end) == ("dish", 2, 6) and soup.score > 0.5
    assert inference(model).token_classification("please not again") == []


def test_the_hubs_client_compares_sentences(inference, publish):
    model, _ = publish("similarity")
    others = ["bread soup when", "goal match when", "salt bread please"]
    one, other, third = inference(model).sentence_similarity("soup salt not", other_sentences=others)
    assert min(one, third) > 0.5 > other


def test_the_hubs_client_summarises(inference, publish):
    model, _ = publish("summarization")
    text = "Please boil it again. The coach kick goal. The soup was very good today."
    assert inference(model).summarization(text).summary_text == "The coach kick goal."
    with pytest.raises(HfHubHTTPError, match="this is a summarization model"):
        inference(model).sentence_similarity("soup", other_sentences=["bread"])


def test_relations_and_events_come_as_their_own_json(http, publish):
    for name, key in (("relation", "relations"), ("event", "events")):
        model, rows = publish(name)
        texts = [row["text"] for row in rows]
        typed = http.post(f"/api/v1/models/{model}/predict", json={"rows": rows}).json()["predictions"]
        assert http.post(f"/models/{model}", json={"inputs": texts}).json() == typed
        single = http.post(f"/api/v1/models/{model}/predict", json={"texts": texts[:1]}).json()["predictions"]
        assert http.post(f"/models/{model}", json={"inputs": texts[0]}).json() == single[0]
        assert any(row[key] for row in typed)


def test_hub_requests_of_another_form_are_refused_in_the_hubs_shape(http, publish):
    similarity, ner = publish("similarity")[0], publish("ner")[0]
    nested = {"source_sentence": "soup", "sentences": ["bread"]}
    for model, inputs, said in (
        (similarity, "soup", "source_sentence"),
        (similarity, {"source_sentence": "soup", "sentences": []}, "inputs"),
        (ner, nested, "this is a ner model"),
        (ner, [], "no text"),
    ):
        answer = http.post(f"/models/{model}", json={"inputs": inputs})
        assert answer.status_code == 422 and said in answer.json()["error"]
