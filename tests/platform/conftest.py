import os
import shutil
import socket
import sys
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("GTS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GTS_HOME", str(tmp_path / "home"))


@pytest.fixture
def settings(tmp_path):
    from gts.platform.settings import load_settings

    return load_settings(
        {
            "data_dir": tmp_path / "data",
            "compute": "inline",
            "engine": "fake_engine:make",
            "allowed_hosts": "testserver",
        }
    )


@pytest.fixture
def services(settings, sqlite_template):
    from gts.core.database import Database
    from gts.platform.app import build_services

    settings.data_dir.mkdir(parents=True)
    shutil.copy(sqlite_template, settings.data_dir / "gts.db")
    database = Database(settings.database)
    services = build_services(settings, database)
    yield services
    services.students.close()
    services.traffic.close()
    services.knock.close()
    database.close()


@pytest.fixture
def app(services):
    from gts.platform.app import create_app

    return create_app(services)


@pytest.fixture
def token(services):
    secret, _ = services.tokens.create("test")
    return secret


@pytest.fixture
def anonymous(app):
    from fastapi.testclient import TestClient

    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


@pytest.fixture
def http(app, token):
    from fastapi.testclient import TestClient

    headers = {"Authorization": f"Bearer {token}"}
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False, headers=headers) as client:
        yield client


@pytest.fixture
def published(services, tmp_path):
    """The tiny student, published as ``local/tickets``."""
    from tiny_student import write_tiny_student

    folder = write_tiny_student(tmp_path / "student")
    return services.registry.publish("local", "tickets", folder, "first", author="local")


@pytest.fixture
def run_worker(services):
    """Runs the jobs that wait, in this process, with the fake engine."""
    from fake_engine import make

    from gts.orchestrator.compute.inline import InlineCompute
    from gts.orchestrator.worker import Worker

    worker = Worker(
        services.database,
        services.store,
        InlineCompute(services.store, {}),
        make(services.registry, services.database),
    )

    def run():
        while worker.run_once():
            pass

    return run


@pytest.fixture
def task():
    """A task as JSON."""
    texts = {
        "billing": ["refund me", "I paid twice"],
        "delivery": ["where is my parcel", "the parcel is late"],
    }
    rows = [{"text": text, "label": label} for label, found in texts.items() for text in found]
    return {"name": "tickets", "examples": rows, "unlabeled": ["a refund please", "no parcel came"]}


@pytest.fixture(scope="session")
def row_students(tiny_encoder, tmp_path_factory):
    """Folders of real students of every type but classification, each with labelled rows that it gets right."""
    from tiny_rows import make_row_students

    return make_row_students(tmp_path_factory.mktemp("row-students"), tiny_encoder)


@pytest.fixture
def live(app, services):
    """The application behind a real socket: its URL."""
    import uvicorn

    from gts.platform.supervisor import _uvicorn_config

    server = uvicorn.Server(_uvicorn_config(app, services.settings))
    # asyncio switches Nagle's delay off only where it sees that the socket is TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # whoever comes before the server is ready waits
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def publish_rows(services, row_students):
    """Publishes a student of some type; returns its name and some rows of its task."""

    def call(name):
        folder, rows = row_students[name]
        services.registry.publish("local", name, folder, "first", author="local")
        labels = {"relations", "events", "label", "summary"} | (set() if name == "given" else {"entities"})
        return f"local/{name}", [{key: row[key] for key in row if key not in labels} for row in rows]

    return call
