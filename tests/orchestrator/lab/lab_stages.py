"""Stages for tests; each run leaves a line in the file named by the parameter ``log``."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from gts.core.errors import DataError
from gts.orchestrator.stage import Stage


def note(params, text="run"):
    with open(params["log"], "a") as log:
        log.write(f"{text} {os.getpid()}\n")


def write(inputs, params, out, progress):
    note(params)
    joined = "".join((folder / "text").read_text() for _, folder in sorted(inputs.items()))
    (out / "text").write_text(joined + params.get("text", ""))
    progress(1.0, "written")
    return {"length": len(joined), "threads": os.environ.get("OMP_NUM_THREADS")}


def steps(inputs, params, out, progress):
    note(params)
    for step in range(params["steps"]):
        progress(step / params["steps"], f"step {step}")
        time.sleep(0.05)
    return write(inputs, params | {"log": os.devnull}, out, progress)


def deaf(inputs, params, out, progress):
    note(params)
    time.sleep(60)
    return {}


def dies(inputs, params, out, progress):
    note(params)
    progress(0.5, "half")
    if len(Path(params["log"]).read_text().splitlines()) <= params["times"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return write(inputs, params | {"log": os.devnull}, out, progress)


def refuses(inputs, params, out, progress):
    raise DataError("row 3 has no text", mend="add one", file="a.csv", line=3)


def breaks(inputs, params, out, progress):
    return {"value": 1 / 0}


def unjson(inputs, params, out, progress):
    return {"value": float("nan")}


STAGES = {
    stage.name: stage
    for stage in (
        Stage("write", 1, write),
        Stage("steps", 1, steps),
        Stage("deaf", 1, deaf),
        Stage("dies", 1, dies),
        Stage("refuses", 1, refuses),
        Stage("breaks", 1, breaks),
        Stage("unjson", 1, unjson),
        Stage("warm", 1, steps, warm="lab-model"),
        Stage("warm_dies", 1, dies, warm="lab-model"),
        Stage("warm_deaf", 1, deaf, warm="lab-model"),
        Stage("wide", 1, write, cores=2.0),
        Stage("asks", 1, write, warm="lab-model", model="model"),
    )
}
