"""`make demo` as a process, with an engine that takes a second: its story, its failures, and Ctrl-C at every step."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "tests" / "platform"


class Demo:
    """A running demo in a process group of its own, and whatever belongs to it."""

    def __init__(self, folder, name="tickets", **settings):
        self.folder = folder
        (folder / "rows.csv").write_text(
            "text,label\nwhere is my parcel,delivery\nparcel not here,delivery\nrefund me,billing\npaid twice,billing\n"
        )
        (folder / "pool.txt").write_text("the parcel was left in the rain\ncharge me less\n")
        (folder / "new.txt").write_text("is my parcel lost?\nmoney, please\n")
        (folder / "task.yaml").write_text(f"name: {name}\nexamples: rows.csv\nunlabeled: pool.txt\n")
        (folder / "tmp").mkdir()
        settings = {
            "GTS_COMPUTE": "inline",
            "GTS_ENGINE": "fake_engine:make",
            "GTS_STAGES": "fake_engine:STAGES",
        } | settings
        self.process = subprocess.Popen(
            [
                *(sys.executable, ROOT / "examples" / "demo.py", folder / "task.yaml"),
                *(part for key, value in settings.items() for part in ("--set", f"{key}={value}")),
            ],
            env={
                **os.environ,
                "TMPDIR": str(folder / "tmp"),
                "PYTHONPATH": str(ENGINE),
                # A setting of the person who tries the demo must not lead it to his own platform.
                "GTS_DATABASE_URL": "sqlite:////nowhere/gts.db",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""

    def read_until(self, text):
        for line in self.process.stdout:
            self.said += line
            if text in line:
                return
        raise AssertionError(f"{text!r} was never said:\n{self.said}")

    def press_ctrl_c(self):
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self):
        self.said += self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(30)

    def left(self):
        """Processes of this demo that still run: each has its folder in its environment."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("TMPDIR") == str(self.folder / "tmp") and process.is_running():
                    found.append(process)
            except psutil.Error:
                continue
        return found


@pytest.fixture
def demo(tmp_path):
    started = []

    def start(*arguments, **settings):
        started.append(Demo(tmp_path, *arguments, **settings))
        return started[-1]

    yield start
    for each in started:
        each.process.stdout.close()
        for process in each.left():
            process.kill()
        each.process.wait(10)


def assert_nothing_is_left(demo):
    assert demo.left() == []
    assert list((demo.folder / "tmp").iterdir()) == []


def test_the_whole_story(demo):
    told = demo()
    assert told.end() == 0, told.said
    for part in ("4 labelled texts, 2 without a label", "step 1", "seed-only", "forecast s", "texts/s"):
        assert part in told.said
    assert "model.safetensors" in told.said and "config.json" in told.said
    predicted = told.said.partition("Predict 2 new texts")[2].splitlines()[1:3]
    assert [line.split()[0] for line in predicted] == ["delivery", "billing"]
    assert "GiB of memory" in told.said and "Traceback" not in told.said
    assert_nothing_is_left(told)


@pytest.mark.parametrize("moment", ["Start the platform", "It runs at", "step 3"])
def test_ctrl_c_leaves_nothing(demo, moment):
    interrupted = demo("slow")
    interrupted.read_until(moment)
    interrupted.press_ctrl_c()
    assert interrupted.end() == 130, interrupted.said
    assert "stopping everything" in interrupted.said and "Traceback" not in interrupted.said
    assert_nothing_is_left(interrupted)


def test_pressing_ctrl_c_again_and_again_cuts_nothing_short(demo):
    interrupted = demo("slow")
    interrupted.read_until("step 3")
    while interrupted.process.poll() is None:
        interrupted.press_ctrl_c()
        time.sleep(0.02)
    assert interrupted.end() == 130
    assert_nothing_is_left(interrupted)


def test_a_terminal_that_closes_is_like_ctrl_c(demo):
    interrupted = demo("slow")
    interrupted.read_until("step 3")
    interrupted.process.send_signal(signal.SIGHUP)
    assert interrupted.end() == 130
    assert_nothing_is_left(interrupted)


def test_a_job_that_fails_is_told_with_its_mend(demo):
    failed = demo("broken")
    assert failed.end() == 1
    assert "the job failed: the stage broke" in failed.said and "mend it" in failed.said
    assert "Traceback" not in failed.said
    assert_nothing_is_left(failed)


def test_a_platform_that_cannot_start_says_why(demo):
    refused = demo(GTS_HOST="0.0.0.0")
    assert refused.end() == 1
    assert "the platform did not start" in refused.said and "GTS_TOKEN" in refused.said
    assert_nothing_is_left(refused)
