"""The clients by which the registry's benchmarks ask: a plain one, and `huggingface_hub` in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from registry_sites import TOKEN

_BLOCK = 1 << 20


def get(url: str, connections: int) -> float:
    """Seconds in which so many connections have each read a file."""
    parts = urlsplit(url)
    lengths = []

    def read() -> None:
        connection = http.client.HTTPConnection(parts.netloc)
        connection.request("GET", parts.path, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        length, block = 0, memoryview(bytearray(_BLOCK))
        while count := answer.readinto(block):
            length += count
        lengths.append(length == int(answer.headers["Content-Length"]) and answer.status == 200)

    threads = [threading.Thread(target=read) for _ in range(connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    assert lengths == [True] * connections, "a download broke off"
    return took


class Client:
    """A process of a user, which loads its libraries and then waits until it may begin.

    Args:
        url: The registry.
        home: Where it keeps what it downloads.
        work: What to do: ``snapshot`` or ``upload``.
        repository: Of which.
        folder: From where to upload.
    """

    def __init__(self, url: str, home: Path, work: str, repository: str, folder: Path | None = None) -> None:
        hub = {"HF_ENDPOINT": url, "HF_TOKEN": TOKEN, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
        quiet = {
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        command = [sys.executable, __file__, work, repository, *([str(folder)] if folder else [])]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **hub, **quiet},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait(self) -> None:
        """Until it is ready."""
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def begin(self) -> None:
        """Let it do its work."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """What it tells: ``seconds``, and the ``folder`` of a download; nothing if it failed."""
        told, _ = self.process.communicate()
        return dict(json.loads(told)) if self.process.returncode == 0 else {}


def alone(client: Client) -> float:
    """Seconds of one client by itself."""
    client.wait()
    client.begin()
    return float(client.end()["seconds"])


def be_client(work: str, repository: str, folder: str = "") -> None:
    """What such a process does."""
    from huggingface_hub import HfApi, snapshot_download

    if work == "upload":
        HfApi().create_repo(repository)
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    if work == "snapshot":
        found = snapshot_download(repository)
    else:
        found = str(HfApi().upload_folder(repo_id=repository, folder_path=folder))
    print(json.dumps({"seconds": time.perf_counter() - started, "folder": found}))


if __name__ == "__main__":
    be_client(*sys.argv[1:])
