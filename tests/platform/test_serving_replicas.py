"""Two replicas under Ray Serve; one of them dies while both are asked."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import pytest

from gts.core.errors import InvalidInput
from gts.platform.serving.replicas import application
from gts.platform.settings import environment

PROGRAM = Path(__file__).parents[1] / "lab/replicas_main.py"
TEXTS = {"my parcel is late": ["delivery"], "refund me": ["billing"]}


class Cluster:
    def __init__(self, services, port, folder):
        variables = {**os.environ, **environment(services.settings), "RAY_SERVE_LOG_TO_STDERR": "0"}
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(port), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=variables,
            text=True,
        )

    def replicas(self):
        """Process ids of those that hold students."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture
def cluster(services):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="gts-rs-")  # short: Unix sockets lie in it
    cluster = Cluster(services, port, folder)
    with cluster.process:
        yield cluster
        cluster.process.stdin.close()
        try:
            cluster.process.wait(30)
        finally:
            cluster.process.kill()
    shutil.rmtree(folder, ignore_errors=True)


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_replica_that_dies_is_not_missed(cluster, published, token):
    running = cluster.replicas()  # answers once all is up
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{cluster.url}/api/v1/models/local/tickets/predict"
    done, wrong, failed, finished, calm = [], [], [], threading.Event(), threading.Event()

    def client():
        with httpx.Client(headers=headers, timeout=30) as http:
            while not finished.is_set():
                if calm.is_set():  # leaves the cores to the replica that starts
                    time.sleep(0.1)
                answer = http.post(url, json={"texts": list(TEXTS)})
                if answer.status_code != 200:
                    failed.append(answer.text)
                    continue
                told = answer.json()
                said = [prediction["labels"] for prediction in told["predictions"]]
                (done if (said, told["commit"]) == (list(TEXTS.values()), published.oid) else wrong).append(
                    said
                )

    clients = [threading.Thread(target=client, daemon=True) for _ in range(4)]
    for one in clients:
        one.start()

    def more(number):
        wanted, deadline = len(done) + number, time.monotonic() + 60
        while len(done) < wanted:
            assert time.monotonic() < deadline and all(one.is_alive() for one in clients), failed[:3]
            time.sleep(0.02)

    more(40)
    for replica in running:  # one of them has the model, and gets the requests
        calm.set()
        until(lambda: len(cluster.replicas()) == 2)
        calm.clear()
        more(20)
        os.kill(replica, signal.SIGKILL)
        more(60)
    finished.set()
    for one in clients:
        one.join(30)
    assert wrong == []
    assert failed == []  # what they were being asked was asked again
    with httpx.Client(base_url=cluster.url, headers=headers, timeout=30) as http:
        assert (
            http.post("/models/local/tickets", json={"inputs": "a parcel"}).json()[0][0]["label"]
            == "delivery"
        )
        wrong_row = http.post("/api/v1/models/local/tickets/predict", json={"rows": [{}]})
        assert wrong_row.status_code == 422 and 'no "text"' in wrong_row.json()["error"]["message"]
        assert http.post("/api/v1/models/local/none/predict", json={"texts": ["a"]}).status_code == 404
        assert http.get("/v2/models/local/tickets").json()["versions"] == [published.oid]
        lines = http.post(
            "/api/v1/models/local/tickets/predict-lines", content='"parcel"\n3\n'
        ).text.splitlines()
        assert json.loads(lines[0])["labels"] == ["delivery"] and json.loads(lines[1])["line"] == 2
        assert http.get("/api/v1/jobs").status_code == 404
        assert httpx.post(url, json={"texts": ["a"]}).status_code == 401


def test_arguments_are_checked():
    for wrong in ({"replicas": "0"}, {"replicas": "many"}, {"cores": "-1"}, {"replica": "2"}):
        with pytest.raises(InvalidInput):
            application(wrong)
