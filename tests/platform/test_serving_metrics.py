"""What Prometheus reads, as its own library reads it."""

from prometheus_client.parser import text_string_to_metric_families as parsed

from gts.platform.tokens import Scope


def numbers(answer):
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))): sample.value
        for family in parsed(answer.text)
        for sample in family.samples
    }


def test_requests_errors_batches_and_students_are_counted(http, published):
    url = "/api/v1/models/local/tickets/predict"
    for body in ({"texts": ["a parcel", "b"]}, {"texts": ["c"]}, {"rows": [{}]}):
        http.post(url, json=body)
    http.post("/api/v1/models/local/none/predict", json={"texts": ["a"]})
    found, model = numbers(http.get("/metrics")), "model=local/tickets"
    assert found["gts_predict_requests_total", model, "outcome=ok"] == 2
    assert found["gts_predict_requests_total", model, "outcome=invalid_input"] == 1
    assert (
        found["gts_predict_requests_total", "model=", "outcome=not_found"] == 1
    )  # no label for what is not there
    assert found["gts_predict_rows_total", model] == 3
    assert found["gts_predict_seconds_count", model] == 2
    assert found["gts_batch_requests_sum", model] == 2 and found["gts_batch_rows_sum", model] == 3
    assert found["gts_students_loaded", model] == 1
    assert found["gts_student_load_seconds_count", model] == 1
    assert 0 < found["gts_students_bytes",] < found["gts_students_limit_bytes",]
    assert found["gts_predict_in_flight",] == 0 and found["process_resident_memory_bytes",] > 0


def test_a_token_that_may_read_is_needed(anonymous, services):
    assert anonymous.get("/metrics").status_code == 401
    for scope, status in ((Scope.READ, 200), (Scope.INFER, 403)):
        secret, _ = services.tokens.create("scraper", scopes=frozenset({scope}))
        assert anonymous.get("/metrics", headers={"Authorization": f"Bearer {secret}"}).status_code == status
