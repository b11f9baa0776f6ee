"""The OpenAPI document of one model describes what it really takes and says."""

import jsonschema
import pytest


def schema_of(part):
    return part["content"]["application/json"]


def described(http, model):
    document = http.get(f"/api/v1/models/{model}/openapi.json").json()
    operation = document["paths"][f"/api/v1/models/{model}/predict"]["post"]
    return document, operation["requestBody"], operation["responses"]


def check(http, model, rows):
    document, request, responses = described(http, model)
    assert document["openapi"].startswith("3.1") and document["servers"] == [{"url": "http://testserver"}]
    asked, told = schema_of(request), schema_of(responses["200"])
    for part in (asked, told):
        jsonschema.validate(part["example"], part["schema"])
    jsonschema.validate({"rows": rows}, asked["schema"])
    answer = http.post(f"/api/v1/models/{model}/predict", json={"rows": rows})
    jsonschema.validate(answer.json(), told["schema"])
    # The example can be sent as it is, and a wrong request has the shape that is described for errors.
    assert http.post(f"/api/v1/models/{model}/predict", json=asked["example"]).status_code == 200
    wrong = http.post(f"/api/v1/models/{model}/predict", json={"rows": [{}]}).json()
    jsonschema.validate(wrong, schema_of(responses["default"])["schema"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"rows": [{}]}, asked["schema"])
    return told["schema"]


def test_a_classifier_lists_its_labels(http, published):
    schema = check(http, "local/tickets", [{"text": "a parcel"}])
    prediction = schema["properties"]["predictions"]["items"]
    assert prediction["properties"]["labels"]["items"]["enum"] == ["billing", "delivery"]


@pytest.mark.parametrize(
    "name", ["ner", "relation", "given", "event", "similarity", "graded", "summarization"]
)
def test_every_task_type_is_described(http, publish_rows, name):
    check(http, *publish_rows(name))


def test_who_may_not_ask_is_told_nothing(http, anonymous, published):
    assert anonymous.get("/api/v1/models/local/tickets/openapi.json").status_code == 401
    assert http.get("/api/v1/models/local/none/openapi.json").status_code == 404
    by_alias = http.get(f"/api/v1/models/local/tickets/openapi.json?revision={published.oid[:10]}").json()
    assert by_alias["info"]["version"] == published.oid[:12]
