"""The local Ray cluster: started lazily, bound to loopback, watched, and ended without leftovers."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from gts.core.errors import StageFailed, StorageError

logger = logging.getLogger("gts.orchestrator")

OBJECT_STORE_BYTES = 200 * 1024 * 1024
FOLDER_VARIABLE = "GTS_RAY_FOLDER"
OWNER_VARIABLE = "GTS_RAY_OWNER"
_WATCH_EVERY_S = 0.5
# Those who wait for a stage see within this time that the cluster died; disconnecting must not surprise them.
_FOLLOWERS_S = 5.0
# "/r" comes below it, Ray adds "/session_<26 digits>_<pid>/sockets/plasma_store", and the path of a Unix
# socket ends at 107 bytes.
_LONGEST_FOLDER = 36


def session_folder(wanted: Path) -> Path:
    """The folder Ray uses for ``wanted``: one inside it, or inside a short private one derived from it.

    Ray opens its own folder to everyone, so it gets one below a folder that only we can enter.

    Raises:
        StorageError: The short folder exists and belongs to someone else.
    """
    outer = _short_enough(wanted.resolve())
    outer.mkdir(parents=True, exist_ok=True, mode=0o700)
    if outer.is_symlink() or outer.stat().st_uid != os.getuid():
        raise StorageError(
            f"{outer} belongs to another user", mend="remove it or set TMPDIR to a folder of yours"
        )
    outer.chmod(0o700)
    (outer / "r").mkdir(exist_ok=True)
    return outer / "r"


def _short_enough(wanted: Path) -> Path:
    name = f"gts-ray-{hashlib.sha256(os.fsencode(wanted)).hexdigest()[:10]}"
    shortest = Path("/tmp") / name  # noqa: S108 - session_folder checks whose it is
    places = (wanted, Path(tempfile.gettempdir()).resolve() / name, shortest)
    return next((place for place in places if len(os.fsencode(place)) <= _LONGEST_FOLDER), shortest)


def end_orphans(folder: Path) -> int:
    """End Ray processes of this folder whose owner is dead, and remove their session files; returns how many.

    Ray's servers die with their owner, its workers and agents may outlive it for up to a minute. Only processes
    that were started for ``folder`` are looked at: by the variables they were started with, or, for those that
    overwrite their environment, by the log files they hold open in it.
    """
    mine = {str(folder), str(folder.resolve())}
    orphans = [process for process in psutil.process_iter() if _is_orphan(process, mine)]
    for process in orphans:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(orphans, timeout=5)
    _remove_sessions(folder)
    return len(orphans)


def _remove_sessions(folder: Path, ended: int | None = None) -> None:
    """Remove the files of sessions whose owner is dead, or is the process ``ended``."""
    (folder / "session_latest").unlink(missing_ok=True)
    for session in folder.glob("session_*_*"):
        owner = int(session.name.rpartition("_")[2])
        if owner == ended or not psutil.pid_exists(owner):
            shutil.rmtree(session, ignore_errors=True)


def _remove_folder(folder: Path) -> None:
    """Remove what :func:`session_folder` made, unless another cluster uses it."""
    for empty in (folder, folder.parent):
        with suppress(OSError):
            empty.rmdir()


def _is_orphan(process: psutil.Process, folders: set[str]) -> bool:
    try:
        if process.pid == os.getpid() or process.uids().real != os.getuid():
            return False
        environment = process.environ()
        if OWNER_VARIABLE in environment:
            return environment.get(FOLDER_VARIABLE) in folders and not _is_alive(environment[OWNER_VARIABLE])
        if not process.name().startswith("ray::"):
            return False
        sessions = [
            Path(file.path).relative_to(folder).parts[0]
            for file in process.open_files()
            for folder in folders
            if file.path.startswith(f"{folder}/session_")
        ]
        return bool(sessions) and not psutil.pid_exists(int(sessions[0].rpartition("_")[2]))
    except (psutil.Error, OSError, ValueError):
        return False


def _is_alive(owner: str) -> bool:
    pid, _, created = owner.partition(":")
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(created)) < 1.0
    except (psutil.Error, ValueError):
        return False


class RayCluster:
    """A connection to Ray: a cluster of its own on this machine, or an existing one.

    Two facts about Ray decide its form. Its servers ask the kernel to be killed when the *thread* that started
    them ends, so one thread starts them and stays. And a driver whose cluster died is ended by Ray within a
    minute, so that thread watches the servers and disconnects in time.

    Args:
        folder: Where sessions of a local cluster keep sockets and logs.
        cores: CPU cores a local cluster may use.
        address: Address of an existing cluster; ``None`` starts a local one.
    """

    def __init__(self, folder: Path, cores: int, address: str | None = None) -> None:
        self._wanted = folder
        self._folder = session_folder(folder)
        self._cores = cores
        self._address = address
        self._servers: list[psutil.Process] = []
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._own, name="ray-owner", daemon=True)

    def start(self) -> None:
        """Connect, and return when stages can be run.

        Raises:
            StageFailed: Ray cannot start, or the address does not answer.
        """
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise StageFailed(
                f"Ray could not be started: {self._error}",
                mend="its logs lie under the folder named in the worker's log; or set compute to inline",
                folder=str(self._folder),
            ) from self._error

    def is_alive(self) -> bool:
        """Whether the cluster still answers, as far as this machine can see."""
        import ray

        running = all(
            server.is_running() and server.status() != psutil.STATUS_ZOMBIE for server in self._servers
        )
        return running and not self._ended.is_set() and bool(ray.is_initialized())

    def stop(self) -> None:
        """Disconnect, and end the processes of a local cluster."""
        self._ended.set()
        self._thread.join()

    def _own(self) -> None:
        try:
            self._connect()
            self._ready.set()
            while not self._ended.wait(_WATCH_EVERY_S):
                if not self.is_alive():
                    logger.warning("the local Ray cluster has died")
                    self._ended.wait(_FOLLOWERS_S)
                    break
        except BaseException as error:  # noqa: BLE001 - start() raises it again, in its thread
            self._error = error
        finally:
            self._disconnect()
            self._ready.set()

    def _disconnect(self) -> None:
        import ray

        # Asked to go, warm processes and Ray's monitor take seconds. Only the server this driver talks to while
        # it disconnects is spared until then.
        family = self._family()
        _kill(family, spare="gcs_server")
        ray.shutdown()
        _kill(family)
        psutil.wait_procs(family, timeout=3)
        if self._address is None:
            _remove_sessions(self._folder, os.getpid())
        _remove_folder(self._folder)

    def _connect(self) -> None:
        options: dict[str, Any] = {
            "log_to_driver": False,
            "configure_logging": False,
            "namespace": "gts",
            "ignore_reinit_error": False,
        }
        if self._address is None:
            end_orphans(self._folder)
            session_folder(self._wanted)  # again: a cluster that has just stopped may have removed it
            options |= {
                "num_cpus": self._cores,
                "object_store_memory": OBJECT_STORE_BYTES,
                "include_dashboard": False,
                "_temp_dir": str(self._folder),
            }
        else:
            options["address"] = self._address
        with _environment(self._variables()):
            import ray

            logging.getLogger("ray").setLevel(logging.ERROR)
            before = {process.pid for process in psutil.Process().children()}
            ray.init(**options)
        self._servers = [
            process
            for process in psutil.Process().children()
            if process.pid not in before and process.name() in ("gcs_server", "raylet")
        ]

    def _family(self) -> list[psutil.Process]:
        if self._address is not None:
            return []
        me = psutil.Process()
        marked = []
        for process in me.children(recursive=True):
            with suppress(psutil.Error):
                if process.name().startswith("ray") or str(self._folder) in " ".join(process.cmdline()):
                    marked.append(process)
        return marked

    def _variables(self) -> dict[str, str]:
        variables = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
        variables["RAY_ENABLE_AUTO_CONNECT"] = "0"  # else a call after the end starts a cluster of its own
        if self._address is not None:
            return variables
        me = psutil.Process()
        return variables | {
            "RAY_AUTH_MODE": "token",
            # Read once a process, so it stays the same for every cluster the process starts.
            "RAY_AUTH_TOKEN": os.environ.get("RAY_AUTH_TOKEN") or secrets.token_hex(32),
            # Ray's switch for "no cluster over the network", named after the systems where it is the default:
            # every port is then bound to loopback.
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            FOLDER_VARIABLE: str(self._folder),
            OWNER_VARIABLE: f"{me.pid}:{me.create_time()}",
        }


def _kill(processes: list[psutil.Process], spare: str = "") -> None:
    for process in processes:
        with suppress(psutil.Error):
            if process.name() != spare:
                process.kill()


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables for Ray, which must not be imported before, and for the processes it starts.

    The markers of ownership are taken away again: other children of this process are not Ray's.
    """
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.pop(FOLDER_VARIABLE, None)
        os.environ.pop(OWNER_VARIABLE, None)
