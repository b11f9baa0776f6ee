from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gts.core.artifacts import ArtifactStore
from gts.core.errors import Cancelled, DataError, LeaseLost, StageFailed, StorageError
from gts.orchestrator.compute.ray import RayCompute
from gts.orchestrator.compute.ray_cluster import end_orphans, session_folder
from gts.orchestrator.stage import StageCall

STAGES = "lab_stages:STAGES"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ArtifactStore:
    return ArtifactStore(tmp_path_factory.mktemp("ray") / "store")


@pytest.fixture(scope="module")
def compute(store: ArtifactStore) -> Iterator[RayCompute]:
    compute = RayCompute(store, STAGES, store.root.parent / "ray", cores=2, grace_s=0.5)
    folder = session_folder(store.root.parent / "ray")
    yield compute
    compute.close()
    assert not folder.parent.exists()
    assert [
        child.name() for child in psutil.Process().children(recursive=True) if "ray" in child.name()
    ] == []


def ignore(fraction: float, message: str) -> None:
    pass


def never() -> bool:
    return False


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def test_a_stage_runs_elsewhere_with_its_thread_budget(compute: RayCompute, tmp_path: Path) -> None:
    seen: list[tuple[float, str]] = []
    call = StageCall("steps", 1, {"log": str(tmp_path / "log"), "steps": 10, "text": "x"}, {})

    result = compute.run(call, lambda *progress: seen.append(progress), never)

    assert (compute._store.path(result.artifact) / "text").read_text() == "x"
    assert result.summary["threads"] == "1"
    assert seen[-1] == (1.0, "written")
    assert [fraction for fraction, _ in seen] == sorted(fraction for fraction, _ in seen)
    assert lines(tmp_path / "log") != [f"run {os.getpid()}"]
    assert list((compute._store.root / "tmp").iterdir()) == []


def test_a_local_cluster_listens_on_loopback_only(compute: RayCompute, tmp_path: Path) -> None:
    compute.run(StageCall("write", 1, {"log": str(tmp_path / "log"), "text": "up"}, {}), ignore, never)
    listening = [
        connection.laddr.ip.removeprefix("::ffff:")
        for process in [psutil.Process(), *psutil.Process().children(recursive=True)]
        if process.pid == os.getpid() or "ray" in process.name() or "gcs" in process.name()
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert set(listening) == {"127.0.0.1"}


def test_a_stage_does_not_go_on_when_its_caller_cannot(compute: RayCompute, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def lost(fraction: float, message: str) -> None:
        raise LeaseLost("another worker holds the job")

    for name in ("steps", "warm"):
        with pytest.raises(LeaseLost):
            compute.run(StageCall(name, 1, {"log": str(log), "steps": 1000}, {}), lost, never)
    pids = [int(line.split()[1]) for line in lines(log)]
    gone = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    assert psutil.wait_procs(gone, timeout=10)[1] == []


def test_a_finished_stage_is_not_repeated(compute: RayCompute, tmp_path: Path) -> None:
    call = StageCall("write", 1, {"log": str(tmp_path / "log")}, {})

    assert compute.run(call, ignore, never) == compute.run(call, ignore, never)
    assert len(lines(tmp_path / "log")) == 1


def test_errors_arrive_as_they_were_raised(compute: RayCompute) -> None:
    with pytest.raises(DataError, match="row 3") as caught:
        compute.run(StageCall("refuses", 1, {}, {}), ignore, never)
    assert (caught.value.mend, caught.value.details) == ("add one", {"file": "a.csv", "line": 3})

    with pytest.raises(StageFailed, match="ZeroDivisionError"):
        compute.run(StageCall("breaks", 1, {}, {}), ignore, never)


@pytest.mark.parametrize("name", ["dies", "warm_dies"])
def test_a_killed_process_is_replaced(compute: RayCompute, tmp_path: Path, name: str) -> None:
    messages: list[str] = []
    call = StageCall(name, 1, {"log": str(tmp_path / "log"), "times": 1}, {})

    compute.run(call, lambda _, message: messages.append(message), never)

    assert len(lines(tmp_path / "log")) == 2
    assert f"the process running '{name}' died; starting it again (2 of 3)" in messages


def test_a_stage_that_always_kills_its_process_fails(compute: RayCompute, tmp_path: Path) -> None:
    call = StageCall("dies", 1, {"log": str(tmp_path / "log"), "times": 99}, {})

    with pytest.raises(StageFailed, match="died 3 times"):
        compute.run(call, ignore, never)

    assert len(lines(tmp_path / "log")) == 3


@pytest.mark.parametrize(("name", "steps"), [("steps", 1000), ("deaf", 0), ("warm", 1000), ("warm_deaf", 0)])
def test_a_stage_is_stopped_within_seconds(
    compute: RayCompute, tmp_path: Path, name: str, steps: int
) -> None:
    log = tmp_path / "log"
    call = StageCall(name, 1, {"log": str(log), "steps": steps}, {})

    with pytest.raises(Cancelled):
        compute.run(call, ignore, lambda: bool(lines(log)))

    pid = int(lines(log)[0].split()[1])
    if name.endswith("deaf"):
        psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
        assert not psutil.pid_exists(pid)
    assert compute._store.find(call.key) is None
    assert list((compute._store.root / "tmp").iterdir()) == []


def test_stages_of_one_model_share_a_warm_process(compute: RayCompute, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for text in ("a", "b"):
        compute.run(StageCall("warm", 1, {"log": str(log), "steps": 1, "text": text}, {}), ignore, never)
    assert len(set(lines(log))) == 1

    # A stage that needs all cores is not kept waiting by an idle warm process.
    compute.run(StageCall("wide", 1, {"log": str(log)}, {}), ignore, never)
    compute.run(StageCall("warm", 1, {"log": str(log), "steps": 1, "text": "c"}, {}), ignore, never)
    assert len(set(lines(log))) == 3


def test_each_local_language_model_has_a_warm_process_of_its_own(
    compute: RayCompute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models.yaml"
    server = "{name: server, kind: openai, model: m, base_url: 'http://127.0.0.1:9/v1'}"
    models.write_text(
        f"models:\n  - {{name: small, kind: transformers, model: a}}\n  - {{name: big, kind: transformers, model: b}}\n  - {server}\n"
    )
    monkeypatch.setenv("GTS_MODELS", str(models))
    log = tmp_path / "log"

    def ask(model: str, text: str) -> None:
        compute.run(StageCall("asks", 1, {"log": str(log), "model": model, "text": text}, {}), ignore, never)

    for text, model in enumerate(("small", "big", "small", "big", "server", "embedded")):
        ask(model, str(text))

    process = [int(line.split()[-1]) for line in lines(log)]
    assert process[0] == process[2] != process[1] == process[3]
    assert process[4] == process[5]  # what a server runs needs no process of its own
    assert process[4] not in process[:4]


def test_a_dead_cluster_is_started_again(compute: RayCompute, tmp_path: Path) -> None:
    log = tmp_path / "log"
    call = StageCall("steps", 1, {"log": str(log), "steps": 20}, {})
    compute.run(StageCall("write", 1, {"log": str(log), "text": "up"}, {}), ignore, never)
    server = next(child for child in psutil.Process().children() if child.name() == "raylet")
    killer = threading.Thread(target=_kill_when, args=(server, log, 2))
    killer.start()

    messages: list[str] = []
    result = compute.run(call, lambda _, message: messages.append(message), never)

    killer.join()
    assert "the process running 'steps' died; starting it again (2 of 3)" in messages
    assert result.summary["length"] == 0
    assert len(lines(log)) in (2, 3)  # the orphaned process may have finished the stage
    compute.run(StageCall("write", 1, {"log": str(log), "text": "again"}, {}), ignore, never)


def _kill_when(process: psutil.Process, log: Path, count: int) -> None:
    while len(lines(log)) < count:
        time.sleep(0.02)
    process.kill()


def test_leftovers_of_a_killed_owner_are_ended(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from gts.core.artifacts import ArtifactStore\n"
        "from gts.orchestrator.compute.ray import RayCompute\n"
        "from gts.orchestrator.stage import StageCall\n"
        "root, log = Path(sys.argv[1]), sys.argv[2]\n"
        "compute = RayCompute(ArtifactStore(root / 'store'), 'lab_stages:STAGES', root / 'ray', cores=1)\n"
        "compute.run(StageCall('deaf', 1, {'log': log}, {}), lambda *_: None, lambda: False)\n"
    )
    log = tmp_path / "log"
    owner = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(log)])
    while not lines(log):
        assert owner.poll() is None
        time.sleep(0.05)
    stage = psutil.Process(int(lines(log)[0].split()[1]))
    family = psutil.Process(owner.pid).children(recursive=True)
    folder = session_folder(tmp_path / "ray")
    assert end_orphans(folder) == 0  # its owner lives
    assert stage.is_running()

    owner.send_signal(signal.SIGKILL)
    owner.wait()
    time.sleep(0.5)
    end_orphans(folder)

    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert list(folder.glob("session_*")) == []
    shutil.rmtree(folder.parent)


def test_a_long_folder_is_replaced_by_a_short_private_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("y" * 80)))  # no place for a socket either
    folder = session_folder(tmp_path / ("x" * 80))

    assert folder == session_folder(tmp_path / ("x" * 80))
    assert len(str(folder)) <= 38
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(folder.parent)

    folder.parent.symlink_to(tmp_path)
    try:
        with pytest.raises(StorageError, match="belongs to another user"):
            session_folder(tmp_path / ("x" * 80))
    finally:
        folder.parent.unlink()
