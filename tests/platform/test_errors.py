"""Every error of the API has one JSON shape: ``{"error": {code, message, mend, details}}``."""

import json
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError


def check_shape(answer, status):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message", "mend", "details"}
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/jobs/unknown", 404),
        ("GET", "/api/v1/models/no/model", 404),
        ("DELETE", "/api/v1/jobs", 405),
        ("PUT", "/api/v1/health", 405),
        ("GET", "/api/v1/jobs?limit=many", 422),
        ("POST", "/api/v1/models/no/model/predict", 422),
    ],
)
def test_errors_of_routes(http, method, path, status):
    check_shape(http.request(method, path), status)


def test_errors_without_a_token(anonymous):
    answer = anonymous.get("/api/v1/jobs")
    check_shape(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_unexpected_errors_tell_nothing_of_the_inside(http, services, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("secret inside")

    monkeypatch.setattr(type(services.registry), "list", broken)
    answer = http.get("/api/v1/models")
    check_shape(answer, 500)
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [("database is locked", 503, "unavailable"), ("database or disk is full", 507, "storage")],
)
def test_a_database_that_fails_is_said_plainly(http, services, monkeypatch, said, status, code):
    def fails(*args, **kwargs):
        raise OperationalError("select", {}, sqlite3.OperationalError(said))

    monkeypatch.setattr(type(services.registry), "list", fails)
    answer = http.get("/api/v1/models")
    check_shape(answer, status)
    assert answer.json()["error"]["code"] == code
    assert ("retry-after" in answer.headers) == (status == 503)


def test_every_described_route_describes_its_errors(app):
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            if not path.startswith("/api/v1/") or path in ("/api/v1/health", "/api/v1/version"):
                continue
            assert operation.get("summary") and operation.get("description"), (method, path)
            assert "401" in operation["responses"], (method, path)


def test_the_description_says_how_to_send_the_token(app):
    document = app.openapi()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert document["paths"]["/api/v1/jobs"]["post"]["security"] == [{"token": []}]
    assert "security" not in document["paths"]["/api/v1/health"]["get"]


def test_people_get_pages_and_programs_json(http, anonymous):
    page = http.get("/nothing", headers={"Accept": "text/html"})
    assert page.status_code == 404 and page.headers["content-type"].startswith("text/html")
    check_shape(http.get("/nothing"), 404)
    asked = anonymous.get("/", headers={"Accept": "text/html"})
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2F")


EARLY_REFUSALS = [
    ({"Host": "evil.example"}, 403),
    ({"Origin": "https://evil.example"}, 403),
    ({"Content-Length": str(1 << 40), "Content-Type": "multipart/form-data; boundary=edge"}, 413),
]


@pytest.mark.parametrize(("headers", "status"), EARLY_REFUSALS)
def test_what_is_refused_early_is_a_page_for_people_and_json_for_programs(anonymous, headers, status):
    page = anonymous.post("/new", headers={"Accept": "text/html", **headers}, content=b"")
    assert page.status_code == status and page.headers["content-type"].startswith("text/html")
    assert "What to do" in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    check_shape(anonymous.post("/new", headers=headers, content=b""), status)
    check_shape(
        anonymous.post("/api/v1/jobs", headers={"Accept": "text/html", **headers}, content=b""), status
    )


def test_health_fails_for_load_balancers_while_the_database_is_away(anonymous, services, monkeypatch):
    def away():
        raise OperationalError("select 1", {}, Exception("no connection"))

    monkeypatch.setattr(services.database, "reading", away)
    answer = anonymous.get("/api/v1/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "degraded")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"\ud800": 1}, "unknown key"),
        ({"budget": {"seconds": float("inf")}}, "budget.seconds"),
        ({"student": {"max_latency_ms": float("inf")}}, "max_latency_ms"),
    ],
)
def test_what_no_file_could_hold_is_refused_in_words(http, task, change, says):
    content = json.dumps({**task, **change}).replace("Infinity", "1e999")
    answer = http.post("/api/v1/jobs", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert says in answer.text


def test_half_a_character_in_a_description_is_replaced(http, task):
    body = {**task, "labels": {"billing": "money \ud83d", "delivery": ""}}
    sent = {"content": json.dumps(body), "headers": {"Content-Type": "application/json"}}
    assert http.post("/api/v1/jobs", **sent).status_code == 202
