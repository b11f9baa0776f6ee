"""How the demo owns its processes: the platform as a child, signals, and the memory that all hold together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from gts.core.errors import StageFailed

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOP_GRACE_S = 20.0
_LOG_LINES = 30


class Platform:
    """`gts up` as a child with a data folder of its own, and the end of every process below it.

    Args:
        folder: Where data and log go.
        settings: ``GTS_*`` variables for it; those of the caller are not passed on.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._log = folder / "platform.log"
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("GTS_")}
        self._environment = {**inherited, "GTS_HOME": str(folder / "data"), **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._family: set[psutil.Process] = set()

    def start(self) -> None:
        """Start it; returns at once."""
        with self._log.open("wb") as log:
            # A session of its own: Ctrl-C in the terminal reaches the demo only, which stops the platform in order.
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "from gts.platform.cli import main; main()",
                    "up",
                    "--port",
                    "0",
                    "--json",
                ],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self) -> dict[str, Any]:
        """Its ``url`` and ``token``.

        Raises:
            StageFailed: It ended instead.
        """
        process = self._process
        if process is None or process.stdout is None:
            raise StageFailed("the platform was not started", mend="call start() first")
        said: dict[str, Any] = json.loads(process.stdout.readline() or b"{}")
        if "url" not in said:
            error = {"message": "it ended without a word", "mend": "", **said.get("error", {})}
            raise StageFailed(f"the platform did not start: {error['message']}", mend=error["mend"])
        return said

    def stop(self) -> None:
        """Stop it in order, then whatever is left of it."""
        process = self._process
        if process is None:
            return
        deadline = time.monotonic() + _STOP_GRACE_S
        while process.poll() is None and time.monotonic() < deadline:
            self._remember_family(process)
            process.terminate()  # again and again: in its first moments it may not listen yet
            with suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        _, left = psutil.wait_procs(self._family, timeout=3.0)
        for each in left:
            with suppress(psutil.Error):
                each.kill()  # psutil compares start times: a reused process id is left alone
        psutil.wait_procs(left, timeout=3.0)

    def end_of_log(self) -> str:
        """The last lines it logged."""
        lines = self._log.read_text("utf-8", "replace").splitlines() if self._log.exists() else []
        return "\n".join(lines[-_LOG_LINES:])

    def _remember_family(self, process: subprocess.Popen[bytes]) -> None:
        # A process that loses its parent is found again only if it was seen before.
        with suppress(psutil.Error):
            self._family |= set(psutil.Process(process.pid).children(recursive=True))


class Interrupts:
    """Ctrl-C, termination and a closed terminal: a KeyboardInterrupt where it is allowed, else noted for later."""

    def __init__(self) -> None:
        self._allowed = False
        self._came = False
        for number in _SIGNALS:
            signal.signal(number, self._handle)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Within this block a signal raises KeyboardInterrupt, also one that came before."""
        try:
            self._allow()
            yield
        finally:
            self._allowed = False

    @contextmanager
    def postponed(self) -> Iterator[None]:
        """Within this block, inside one where they are allowed, signals wait for its end."""
        self._allowed = False
        yield
        self._allow()

    def ignore(self) -> None:
        """From here to the end of the process signals do nothing."""
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def _allow(self) -> None:
        self._allowed = True
        if self._came:
            raise KeyboardInterrupt

    def _handle(self, _number: int, _frame: object) -> None:
        self._came = True
        if self._allowed:
            raise KeyboardInterrupt


class PeakMemory:
    """Watches how much memory this process and all below it hold together (shared pages count in each)."""

    def __init__(self, every_s: float = 1.0) -> None:
        self._started_at = time.monotonic()
        self._every_s = every_s
        self._peak_bytes = 0
        threading.Thread(target=self._watch, name="peak-memory", daemon=True).start()

    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_at

    def peak_gib(self) -> float:
        """The most seen so far, in GiB."""
        return self._peak_bytes / (1 << 30)

    def _watch(self) -> None:
        me = psutil.Process()
        while True:
            held = 0
            for process in (me, *me.children(recursive=True)):
                with suppress(psutil.Error):
                    held += process.memory_info().rss
            self._peak_bytes = max(self._peak_bytes, held)
            time.sleep(self._every_s)
