"""What a request may bring, and what happens when it brings more or less."""

import dataclasses
import itertools

import pytest
from fastapi.testclient import TestClient

from gts.platform import uploads
from gts.platform.app import create_app
from gts.platform.uploads import safe_name


@pytest.fixture
def small(services, token):
    """A client of a server with small limits."""
    settings = services.settings.model_copy(update={"max_upload_bytes": 200_000, "max_body_bytes": 10_000})
    app = create_app(dataclasses.replace(services, settings=settings))
    headers = {"Authorization": f"Bearer {token}"}
    with TestClient(app, raise_server_exceptions=False, headers=headers) as client:
        yield client


def form_parts(field, content):
    head = f'--edge\r\nContent-Disposition: form-data; name="{field}"; filename="a.csv"\r\n\r\n'.encode()
    return [head, content, b"\r\n--edge--\r\n"]


FORM = {"Content-Type": "multipart/form-data; boundary=edge"}


def nothing_remains(services):
    return not list((services.store.root / "tmp").iterdir())


def test_a_declared_gigabyte_is_refused_before_it_is_read(small):
    def never():
        pytest.fail("the body was read")
        yield b""

    answer = small.post("/api/v1/jobs", content=never(), headers={**FORM, "Content-Length": str(1 << 30)})
    assert answer.status_code == 413
    assert answer.json()["error"]["details"]["limit_bytes"] == 200_000


def test_an_upload_without_a_length_is_counted(small, services):
    endless = itertools.chain(form_parts("examples", b"")[:1], itertools.repeat(b"x" * 10_000, 10_000))
    answer = small.post("/api/v1/jobs", content=endless, headers=FORM)
    assert answer.status_code == 413
    assert nothing_remains(services)


def test_a_json_body_without_a_length_is_counted(small):
    body = itertools.repeat(b" " * 10_000, 10_000)
    for path in ("/api/v1/jobs", "/api/v1/models/a/b/predict"):
        answer = small.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413, path
        body = itertools.repeat(b" " * 10_000, 10_000)


def test_a_form_that_ends_early_is_refused_and_leaves_nothing(http, services):
    whole = b"".join(form_parts("examples", b"text,label\n" + b"a,x\n" * 50))
    for length in range(0, len(whole) - 4, 23):
        answer = http.post("/api/v1/jobs", content=whole[:length], headers=FORM)
        assert answer.status_code == 400, (length, answer.text)
        assert answer.json()["error"]["code"] == "truncated_upload"
    assert nothing_remains(services)
    assert http.get("/api/v1/jobs").json()["jobs"] == []


def test_pasted_texts_are_bounded_together(http, services, monkeypatch):
    monkeypatch.setattr(uploads, "_MAX_TEXT_BYTES", 1000)
    fields = [(f"f{number}", (None, "x" * 300)) for number in range(5)]

    answer = http.post("/api/v1/jobs", files=fields)

    assert answer.status_code == 413
    assert "1,000 bytes together" in answer.json()["error"]["message"]
    assert nothing_remains(services)


def test_only_where_tasks_are_handed_in_may_a_form_be_large(small):
    body = b"".join(form_parts("token", b"x" * 20_000))
    assert small.post("/login", content=body, headers=FORM).status_code == 413
    assert small.post("/api/v1/jobs", content=body, headers=FORM).status_code == 422


@pytest.mark.parametrize(
    "body", [b"no form", b"--edge\r\n\r\n\r\n--edge--\r\n", b"--edge\r\nX: y\r\n\r\nz\r\n--edge--"]
)
def test_what_is_no_form_is_refused(http, body):
    assert http.post("/api/v1/jobs", content=body, headers=FORM).status_code in (400, 422)


def test_a_form_without_boundary_or_with_too_many_parts_is_refused(http):
    assert (
        http.post("/api/v1/jobs", content=b"x", headers={"Content-Type": "multipart/form-data"}).status_code
        == 422
    )
    many = [(f"f{number}", (None, "x")) for number in range(100)]
    assert http.post("/api/v1/jobs", files=many).status_code == 413


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\pool.txt", "pool.txt"),
        ("..", "file"),
        ("", "file"),
        ("a b\0c\n.csv", "a_b_c_.csv"),
        ("übung.jsonl.gz", "übung.jsonl.gz"),
        ("x" * 300 + ".csv", "x" * 96 + ".csv"),
    ],
)
def test_file_names_are_made_harmless(given, kept):
    assert safe_name(given, "file") == kept


def test_texts_to_predict_are_bounded(services, token, published):
    settings = services.settings.model_copy(update={"max_texts": 3, "max_text_chars": 10})
    students = type(services.students)(services.registry, settings)
    app = create_app(dataclasses.replace(services, settings=settings, students=students))
    with TestClient(app, headers={"Authorization": f"Bearer {token}"}) as client:
        url = "/api/v1/models/local/tickets/predict"
        assert client.post(url, json={"texts": ["a"] * 3}).status_code == 200
        assert client.post(url, json={"texts": ["a"] * 4}).status_code == 413
        assert client.post(url, json={"texts": ["a" * 11]}).status_code == 413
        assert client.post(url, json={"texts": []}).status_code == 422
        half = client.post(
            url, content=b'{"texts": ["\\ud800"]}', headers={"Content-Type": "application/json"}
        )
        assert half.status_code == 422
    students.close()
