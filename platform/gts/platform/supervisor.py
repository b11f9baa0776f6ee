"""``gts up``: the API in this process, workers as children that are restarted when they die, and one end for all.

A worker watches its standard input, a pipe whose other end only this process holds: however this process
ends, the pipe closes and the worker goes. What a killed worker leaves running (a local Ray, say) is
ended before the next one starts.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any

import psutil
import uvicorn

from gts.core.blobs import write_atomically
from gts.core.database import Database
from gts.core.errors import Conflict, Forbidden
from gts.platform.app import build_services, create_app
from gts.platform.connection import Connection
from gts.platform.settings import Settings, environment, is_loopback
from gts.platform.tokens import TokenStore, check_strength

logger = logging.getLogger("gts.platform")

_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.5, 30.0
_STABLE_AFTER_S = 60.0
_CHECK_EVERY_S = 0.5
_SNAPSHOT_EVERY_S = 2.0
_WORKER_GRACE_S = 5.0
_REQUEST_GRACE_S = 2


@dataclass(frozen=True)
class Address:
    """Where a running server is.

    Attributes:
        url: Base URL without a token.
        token: The token of this start; None when the operator chose one, who knows it.
    """

    url: str
    token: str | None

    @property
    def link(self) -> str:
        """The URL a person opens; the server trades the token in it for a cookie."""
        return f"{self.url}/?token={self.token}" if self.token else self.url


def run_platform(settings: Settings, on_ready: Callable[[Address], None]) -> None:
    """Run the platform until SIGINT or SIGTERM.

    Args:
        settings: How to run it.
        on_ready: Called once, when requests are answered.

    Raises:
        Forbidden: The address is reachable from elsewhere and no GTS_TOKEN is set.
        Conflict: Another server runs on the data folder, or the port is taken.
    """
    secret = _operator_token(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _lock(settings), _listen(settings) as listener:
        from gts.migrations import upgrade

        upgrade(settings.database)
        database = Database(settings.database)
        token = TokenStore(database).create_startup(
            f"on {socket.gethostname()} in {settings.data_dir.resolve()}", secret
        )
        url = _url(settings, listener)
        services = build_services(settings, database)
        services.traffic.start()
        app = create_app(services)
        keepers = [WorkerKeeper(settings, index) for index in range(settings.workers)]

        def started() -> None:
            _write_server_file(settings, url, token)
            on_ready(Address(url, None if secret else token))

        def stopping() -> None:
            app.state.stopping = True
            for keeper in keepers:
                keeper.request_stop()

        server = _Server(_uvicorn_config(app, settings), started, stopping)
        # uvicorn raises the signal that ended it once more at the end: it must not end us before the cleaning up.
        previous = {number: signal.signal(number, _ignore) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            for keeper in keepers:
                keeper.start()
            server.run(sockets=[listener])
        finally:
            settings.server_file.unlink(missing_ok=True)
            stopping()
            for keeper in keepers:
                keeper.join()
            services.students.close()
            services.traffic.close()
            database.close()
            for number, handler in previous.items():
                signal.signal(number, handler)


class WorkerKeeper(threading.Thread):
    """Keeps one worker process alive until it is told to stop.

    Args:
        settings: Handed to the worker as environment variables.
        index: Number of the worker, for the log.
    """

    def __init__(self, settings: Settings, index: int = 0) -> None:
        super().__init__(name=f"worker-keeper-{index}", daemon=True)
        self._environment = {**_plain_environment(), **environment(settings)}
        self._stop_requested = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._family: dict[int, psutil.Process] = {}
        self._remembered_at = 0.0

    def request_stop(self) -> None:
        """Ask the worker to end; returns at once."""
        self._stop_requested.set()

    def run(self) -> None:
        """Start the worker, and again each time it dies, waiting longer each time it dies young."""
        backoff_s = _FIRST_BACKOFF_S
        while not self._stop_requested.is_set():
            started_at = time.monotonic()
            try:
                process = self._spawn()
            except OSError as error:
                logger.warning("no worker could be started (%s); trying again in %.1f s", error, backoff_s)
                self._stop_requested.wait(backoff_s)
                backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)
                continue
            while process.poll() is None and not self._stop_requested.wait(_CHECK_EVERY_S):
                self._remember_family(process)
            if self._stop_requested.is_set():
                break
            self._end_family(process)
            if time.monotonic() - started_at > _STABLE_AFTER_S:
                backoff_s = _FIRST_BACKOFF_S
            logger.warning(
                "the worker ended with code %s; starting it again in %.1f s", process.returncode, backoff_s
            )
            self._stop_requested.wait(backoff_s)
            backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)
        self._end()

    def _spawn(self) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C in the terminal reaches this process only, which ends the worker in order.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gts.platform.worker_main", "--watch-parent"],
            stdin=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
        )
        self._family, self._remembered_at = {}, 0.0
        return self._process

    def _remember_family(self, process: subprocess.Popen[bytes]) -> None:
        # Children of a killed process belong to init; only who was seen before can be found again.
        if time.monotonic() - self._remembered_at < _SNAPSHOT_EVERY_S:
            return
        self._remembered_at = time.monotonic()
        with suppress(psutil.Error):
            for child in psutil.Process(process.pid).children(recursive=True):
                self._family.setdefault(child.pid, child)

    def _end(self) -> None:
        process = self._process
        if process is None:
            return
        self._remembered_at = 0.0
        self._remember_family(process)
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_WORKER_GRACE_S)
        if process.poll() is None:
            process.kill()
            process.wait()
        self._end_family(process)

    def _end_family(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        for child in self._family.values():
            with suppress(psutil.Error):
                child.kill()  # psutil compares start times: a reused process id is left alone
        self._family = {}


class _Server(uvicorn.Server):
    """uvicorn that says when it has started and when it begins to stop."""

    def __init__(
        self, config: uvicorn.Config, started: Callable[[], None], stopping: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._on_started, self._on_stopping = started, stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stopping()
        await super().shutdown(sockets)


def _uvicorn_config(app: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        log_config=None,
        access_log=False,  # it would write the token of the first URL
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_REQUEST_GRACE_S,
    )


def _ignore(_number: int, _frame: object) -> None:
    pass


def _plain_environment() -> dict[str, str]:
    # The worker needs no token; what it does not have it cannot leak.
    return {key: value for key, value in os.environ.items() if key != "GTS_TOKEN"}


def _operator_token(settings: Settings) -> str | None:
    if settings.token is not None:
        secret = settings.token.get_secret_value()
        check_strength(secret)
        return secret
    if not is_loopback(settings.host):
        raise Forbidden(
            f"the address {settings.host} can be reached from other machines, and GTS_TOKEN is not set",
            mend="set GTS_TOKEN to 32 or more random characters, or listen on 127.0.0.1",
        )
    return None


@contextmanager
def _lock(settings: Settings) -> Iterator[IO[str]]:
    # The system lets go of the lock when the process ends, however it ends.
    with (settings.data_dir / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"a server is already running on {settings.data_dir}{_running_at(settings)}",
                mend="use it, stop it, or give another --data-dir",
            ) from error
        yield handle


def _running_at(settings: Settings) -> str:
    try:
        return f" at {json.loads(settings.server_file.read_text('utf-8'))['url']}"
    except (OSError, ValueError, KeyError):
        return ""


@contextmanager
def _listen(settings: Settings) -> Iterator[socket.socket]:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise Conflict(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}",
            mend="another program may use the port: choose one with --port, or let --port 0 find a free one",
        ) from error
    with listener:
        yield listener


def _url(settings: Settings, listener: socket.socket) -> str:
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host, (address, port, *_) = settings.host, listener.getsockname()
    if ipaddress.ip_address(address).is_unspecified:
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _write_server_file(settings: Settings, url: str, token: str) -> None:
    document = {"url": url, "token": token, "pid": os.getpid()}
    write_atomically(settings.server_file, json.dumps(document).encode())  # made with mode 0600
