"""`gts up` as a real process: it starts, works, is restarted, and ends with everything it started."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from gts.core.errors import Unauthorized
from gts.platform.cli import run
from gts.platform.client import Client

HERE = Path(__file__).parent
GTS_UP = [sys.executable, "-c", "from gts.platform.cli import main; main()", "up", "--port", "0", "--json"]


class Up:
    """A running platform in a folder of its own."""

    def __init__(self, folder, *arguments, **variables):
        environ = {key: value for key, value in os.environ.items() if not key.startswith("GTS_")}
        environ |= {
            "PYTHONPATH": str(HERE),
            "GTS_HOME": str(folder),
            "GTS_COMPUTE": "inline",
            "GTS_ENGINE": "fake_engine:make",
            "GTS_STAGES": "fake_engine:STAGES",
            **variables,
        }
        self.folder, self.log = folder, folder.with_suffix(".log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*GTS_UP, *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environ,
                text=True,
            )
        self.said = json.loads(self.process.stdout.readline() or "{}")

    def client(self):
        return Client(data_dir=self.folder)

    def workers(self):
        return psutil.Process(self.process.pid).children()

    def worker(self):
        return wait_for(self.workers)[0]

    def end(self, number=signal.SIGTERM):
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        self.process.wait(20)
        return wait_for(lambda: not any(is_alive(process) for process in family)), family


def is_alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(look, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


@pytest.fixture
def up(tmp_path):
    started = []

    def start(*arguments, **variables):
        started.append(Up(tmp_path / f"data{len(started)}", *arguments, **variables))
        return started[-1]

    yield start
    for platform in started:
        if platform.process.poll() is None:
            platform.end()
        platform.process.stdout.close()


def test_from_start_to_prediction_to_the_end(up, task):
    platform = up()
    url, token = platform.said["url"], platform.said["token"]
    assert httpx.get(f"{url}/api/v1/health").json() == {"status": "ok", "database": True}
    file = platform.folder / "server.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(platform.folder.stat().st_mode) == 0o700
    assert httpx.get(f"{url}/?token={token}").status_code == 303
    with platform.client() as client:
        job = client.submit(task)
        assert client.wait(job["id"])["state"] == "succeeded"
        assert client.predict("local/tickets", ["my parcel"])[0]["labels"] == ["delivery"]
        second = subprocess.run(
            GTS_UP,
            env={**os.environ, "GTS_HOME": str(platform.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 1 and "already running" in second.stderr and url in second.stderr
        assert client.health()["status"] == "ok"
    platform.end()
    assert platform.process.returncode == 0
    assert not file.exists()
    log = platform.log.read_text()
    assert token not in log and "Traceback" not in log


def test_server_and_workers_keep_blobs_in_s3(up, task, s3_url, tmp_path, monkeypatch):
    platform = up(GTS_BLOB_URL=s3_url)
    with platform.client() as client:
        job = client.submit(task)
        assert client.wait(job["id"])["state"] == "succeeded"
        assert client.predict("local/tickets", ["my parcel"])[0]["labels"] == ["delivery"]
        pulled = client.pull("local/tickets", tmp_path / "pulled")
    assert (pulled / "gts.json").is_file()
    assert not (platform.folder / "blobs").exists()
    assert list((platform.folder / "blob-cache").glob("*/*"))
    platform.end()
    assert run(["registry", "fsck", "--data-dir", str(platform.folder)]) == 1, "no blob is on the disk"
    monkeypatch.setenv("GTS_BLOB_URL", s3_url)
    assert run(["registry", "fsck", "--data-dir", str(platform.folder)]) == 0


def test_the_command_line_against_a_running_platform(up, task, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("GTS_HOME", str(up().folder))
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in task["examples"]))
    (tmp_path / "pool.txt").write_text("\n".join(task["unlabeled"]))
    (tmp_path / "task.yaml").write_text("name: tickets\nexamples: rows.jsonl\nunlabeled: pool.txt\n")

    def gts(*arguments):
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert code == 0, err
        return out

    assert "4 examples" in gts("submit", tmp_path / "task.yaml", "--dry-run")
    done = json.loads(gts("submit", tmp_path / "task.yaml", "--wait", "--json").splitlines()[-1])
    assert (done["state"], done["report"]["tier"]) == ("succeeded", "static")
    assert done["id"] in gts("jobs") and "teach" in gts("job", done["id"])
    assert json.loads(gts("job", done["id"], "--follow", "--json").splitlines()[-1]) == done
    assert "local/tickets" in gts("models")
    gts("pull", "local/tickets", "-o", tmp_path / "pulled")
    for model in ("local/tickets", tmp_path / "pulled"):
        assert gts("predict", model, "my parcel").startswith("delivery\t")
    waiting = gts("submit", tmp_path / "task.yaml").strip()
    assert run(["cancel", waiting, "--json"]) in (0, 1)  # it may have finished meanwhile
    assert run(["submit", str(tmp_path / "rows.jsonl")]) == 2


def test_a_killed_worker_is_replaced_and_the_job_goes_on(up, task):
    platform = up()
    with platform.client() as client:
        slow = client.submit({**task, "name": "slow"})
        wait_for(lambda: client.job(slow["id"])["state"] == "running")
        first = platform.worker()
        first.kill()
        second = wait_for(lambda: [process for process in platform.workers() if process.pid != first.pid])
        assert is_alive(second[0])
        # The killed attempt's lease still runs; other work is taken up at once.
        assert client.wait(client.submit(task)["id"])["state"] == "succeeded"
        client.cancel(slow["id"])


def test_cancelling_a_running_job_ends_it_within_seconds(up, task):
    with up().client() as client:
        job = client.submit({**task, "name": "slow"})
        wait_for(lambda: client.job(job["id"])["state"] == "running")
        client.cancel(job["id"])
        assert client.wait(job["id"])["state"] == "cancelled"


def test_ctrl_c_gives_the_running_job_back_and_leaves_nothing(up, task):
    platform = up()
    with platform.client() as client:
        job = client.submit({**task, "name": "slow"})
        wait_for(lambda: client.job(job["id"])["state"] == "running")
        with client._http.stream(
            "GET", f"/api/v1/jobs/{job['id']}/events", headers={"Accept": "text/event-stream"}
        ) as stream:
            next(stream.iter_lines())
            platform.end(signal.SIGINT)  # an open stream does not hold up the end
    assert platform.process.returncode == 0
    from gts.core.database import Database
    from gts.orchestrator import jobs

    database = Database(f"sqlite:///{platform.folder / 'gts.db'}")
    with database.reading() as session:
        assert jobs.get(session, job["id"]).state == "queued"
    database.close()


def test_when_the_platform_is_killed_its_worker_goes_too(up):
    platform = up()
    worker = platform.worker()
    wait_for(lambda: "waiting for jobs" in platform.log.read_text())
    platform.end(signal.SIGKILL)
    assert not is_alive(worker)
    again = Up(platform.folder)
    assert again.said["token"] != platform.said["token"]
    with Client(again.said["url"], platform.said["token"]) as old, pytest.raises(Unauthorized):
        list(old.jobs())
    with again.client() as client:
        assert list(client.jobs()) == []
    again.end()
    again.process.stdout.close()


def test_a_connection_cut_in_an_upload_leaves_nothing(up):
    platform = up("--workers", "0")
    port, token = int(platform.said["url"].rpartition(":")[2]), platform.said["token"]
    head = (
        f"POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: 100000\r\n\r\n"
        '--edge\r\nContent-Disposition: form-data; name="examples"; filename="a.csv"\r\n\r\ntext,label\n'
    )
    tmp = platform.folder / "artifacts" / "tmp"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head.encode() + b"a,x\n" * 1000)
        wait_for(lambda: list(tmp.iterdir()))
    wait_for(lambda: not list(tmp.iterdir()))
    with platform.client() as client:
        assert list(client.jobs()) == []


def test_a_gigabyte_is_refused_before_it_is_sent(up):
    platform = up("--workers", "0")
    port, token = int(platform.said["url"].rpartition(":")[2]), platform.said["token"]
    head = (
        f"POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: {1 << 30}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_beyond_loopback_a_token_of_the_operator_is_needed(tmp_path):
    refused = Up(tmp_path / "data", "--host", "0.0.0.0")
    refused.process.wait(20)
    refused.process.stdout.close()
    assert refused.process.returncode == 1 and refused.said["error"]["code"] == "forbidden"
    assert "GTS_TOKEN" in refused.log.read_text()


def test_the_operators_token_is_taken_and_not_shown(up):
    chosen = "jYh3n6a_Zk0Q-b7cXw1PqR5tVu8sLm2E"
    platform = up("--host", "0.0.0.0", "--workers", "0", GTS_TOKEN=chosen)
    assert platform.said["token"] is None and chosen not in platform.log.read_text()
    url = platform.said["url"]
    assert httpx.get(f"{url}/api/v1/jobs", headers={"Authorization": f"Bearer {chosen}"}).status_code == 200
    assert httpx.get(f"{url}/api/models").status_code == 401
