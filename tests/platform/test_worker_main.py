"""A worker process: it cleans up when it starts, and ends when told to even where something does not let go."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RUN = """
from gts.platform import worker_main
from lame_worker import LameCompute
worker_main._GRACE_S = 0.3
worker_main.open_compute = lambda *_, **__: LameCompute()
raise SystemExit(worker_main.main([]))
"""


@pytest.fixture
def lame_worker(services):
    """A worker whose compute never lets go, and whose jobs never look up."""
    environ = os.environ | {
        "PYTHONPATH": str(HERE),
        "GTS_HOME": str(services.settings.data_dir),
        "GTS_ENGINE": "lame_worker:make",
    }
    started = []

    def start():
        started.append(
            subprocess.Popen([sys.executable, "-c", RUN], env=environ, stderr=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


def read_until(process, words):
    line = ""
    while words not in line:
        line = process.stderr.readline()
        assert line, "the worker ended"


def test_an_idle_worker_that_is_slow_to_stop_speaks_of_no_job(lame_worker):
    process = lame_worker()
    read_until(process, "waiting for jobs")
    process.send_signal(signal.SIGTERM)
    assert "job" not in process.stderr.read()
    assert process.wait(20) == 1


def test_a_job_that_is_cut_off_is_named(lame_worker, http, task):
    process = lame_worker()
    job = http.post("/api/v1/jobs", json=task).json()
    read_until(process, "attempt 1 begins")
    process.send_signal(signal.SIGTERM)
    assert f"job {job['id']} did not stop within" in process.stderr.read()
    assert process.wait(20) == 1


def test_a_worker_removes_what_was_left_long_ago(lame_worker, services):
    part, draft = services.settings.blob_root / ".part-old", services.drafts.root / "files" / "ab" / "old"
    part.touch()
    draft.mkdir(parents=True)
    for path in (part, draft):
        os.utime(path, (0, 0))
    read_until(lame_worker(), "removed 2 leftovers")
    assert not part.exists() and not draft.exists()
