"""llama.cpp's Python server, run by whichever interpreter has it.

Compiling llama.cpp takes minutes, so the tests' own interpreter need not have it: ``GTS_LLAMA_PYTHON`` can name that of another
environment, made with ``pip install 'llama-cpp-python[server]' gguf``.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx

_START_S = 120.0
_VARIABLE = "GTS_LLAMA_PYTHON"

PYTHON = os.environ.get(_VARIABLE, sys.executable)
"""The interpreter that has ``llama_cpp`` and ``gguf``."""
IS_THERE = _VARIABLE in os.environ or bool(find_spec("llama_cpp") and find_spec("gguf"))
"""An interpreter that was named is believed, so that a wrong one fails the tests and does not skip them."""


class Llama:
    """A running server.

    Attributes:
        url: What a model's ``base_url`` is.
        process: What serves.
    """

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self.process = process


@contextmanager
def serving_llama(weights: Path, alias: str, key: str, log: Path) -> Iterator[Llama]:
    """Serve a GGUF file under a name, for those who know the key, until the end of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"model": weights, "model_alias": alias, "api_key": key, "host": "127.0.0.1", "port": port}
    options |= {"n_ctx": 512, "n_threads": 1, "n_threads_batch": 1}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with log.open("wb") as output:
        process = subprocess.Popen([PYTHON, "-m", "llama_cpp.server", *words], stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}/v1"
        until = time.monotonic() + _START_S
        while not _is_up(url, key):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield Llama(url, process)
    finally:
        process.terminate()
        process.wait(20)


def _is_up(url: str, key: str) -> bool:
    try:
        return httpx.get(f"{url}/models", headers={"Authorization": f"Bearer {key}"}, timeout=1).is_success
    except httpx.HTTPError:
        return False
