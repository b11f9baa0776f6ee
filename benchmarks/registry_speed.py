"""Downloads from the registry and uploads to it, by the clients that people use.

    python benchmarks/registry_speed.py --out benchmarks/results/registry_speed.json

Downloads of one large file stand beside those from nginx, which serves the same blob and, for `snapshot_download`, the registry's own
answers as files: both are asked in turn, round by round, and all bytes come from the system's cache of files. `get` is a client that
throws the bytes away, so that it takes little of the cores that it shares with the server; `snapshot_download` is a fresh process with
an empty cache. The first download after a start, in which the server reads the file through to check its SHA-256, is told by itself.
Where there is no nginx its rows are left out.

Many at once are processes that were started before and begin together; each has a cache of its own, and its bytes are compared
afterwards. Uploads are new bytes each time. Their floor is what they cannot do without, done by one process that sends nothing: a
SHA-256 on the client's side, and one more with a copy that is flushed to the disk, file by file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from recording import record
from registry_clients import Client, alone, get
from registry_sites import NGINX, nginx, platform

_PARTS = ("downloads", "crowd", "uploads")
_BLOCK = 1 << 20
_CARD = "---\nlicense: mit\npipeline_tag: text-classification\n---\n# {}\n"


def write_model(folder: Path, size: int) -> Path:
    """A repository of which one file has that many bytes, which nobody has seen before."""
    header = json.dumps({"weight": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    folder.mkdir(parents=True)
    with (folder / "model.safetensors").open("wb") as target:
        target.write(len(header).to_bytes(8, "little") + header)
        for start in range(0, size, _BLOCK):
            target.write(os.urandom(min(_BLOCK, size - start)))
    (folder / "README.md").write_text(_CARD.format(folder.name))
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "tokenizer.json").write_text(json.dumps({"words": os.urandom(350_000).hex()}))
    return folder


def write_small(folder: Path, files: int) -> Path:
    """A repository of many files of ten kilobytes."""
    for number in range(files):
        (folder / f"part-{number % 10}").mkdir(parents=True, exist_ok=True)
        (folder / f"part-{number % 10}" / f"{number}.txt").write_text(os.urandom(5_000).hex())
    return folder


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the files in a folder by their paths."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as source:
                found[str(path.relative_to(folder))] = hashlib.file_digest(source, "sha256").hexdigest()
    return found


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def snapshot(url: str, cache: Path, repository: str) -> float:
    """Seconds of a `snapshot_download` into an empty cache."""
    shutil.rmtree(cache, ignore_errors=True)
    return alone(Client(url, cache, "snapshot", repository))


def downloads(root: Path, megabytes: int, rounds: int) -> list[dict[str, Any]]:
    """One large file, from the platform and from nginx."""
    repository, home = "speed/large", root / "home"
    size = size_of(folder := write_model(root / "large", megabytes * 1_000_000))
    with platform(home) as url:
        alone(Client(url, root / "cache", "upload", repository, folder))
    with platform(home) as url:  # one that has not looked at the blob yet
        path = f"/{repository}/resolve/main/model.safetensors"
        runs = [{"what": "get, first after the start", "server": "gts", **rate(size, [get(url + path, 1)])}]
        kinds: list[tuple[str, int, int, Callable[[str], float]]] = [
            ("get, 1 connection", 1, 5 * rounds, lambda server: get(server + path, 1)),
            ("get, 4 connections", 4, 5 * rounds, lambda server: get(server + path, 4)),
            ("snapshot_download", 1, rounds, lambda server: snapshot(server, root / "cache", repository)),
        ]
        if not NGINX:
            print("There is no nginx on this machine: its rows are left out.", flush=True)
        with nginx(root / "nginx", url, repository, home) if NGINX else nullcontext() as other:
            servers = {"gts": url, **({"nginx": other} if other else {})}
            for what, times, repeats, measure in kinds:
                took: dict[str, list[float]] = {name: [] for name in servers}
                for _ in range(repeats):
                    for name, server in servers.items():
                        took[name].append(measure(server))
                for name, seconds in took.items():
                    runs.append({"what": what, "server": name, **rate(times * size, seconds)})
                    if other:
                        runs[-1]["of_nginx"] = round(
                            statistics.median(took["nginx"]) / statistics.median(seconds), 2
                        )
    return runs


def crowd(root: Path, megabytes: int, clients: int) -> list[dict[str, Any]]:
    """Many `snapshot_download`s at once: right after the start, and once more."""
    repository, home = "speed/student", root / "home"
    folder = write_model(root / "student", megabytes * 1_000_000)
    expected, size = digests(folder).items(), size_of(folder)
    with platform(home) as url:
        alone(Client(url, root / "cache", "upload", repository, folder))
    runs = []
    with platform(home) as url:
        for what in ("first after the start", "again"):
            waiting = [Client(url, root / "caches" / str(n), "snapshot", repository) for n in range(clients)]
            for client in waiting:
                client.wait()
            for client in waiting:
                client.begin()
            told = [client.end() for client in waiting]
            right = [one for one in told if one and expected <= digests(Path(one["folder"])).items()]
            assert right, "no download was complete"
            took = sorted(one["seconds"] for one in right)
            total = took[-1]
            runs.append(
                {
                    "what": f"{clients} snapshot_downloads, {what}",
                    "complete": len(right),
                    "failed": clients - len(right),
                    "seconds": round(total, 2),
                    "p50_s": round(took[len(took) // 2], 2),
                    "p99_s": round(took[int(0.99 * len(took))], 2),
                    "mb_per_s": round(clients * size / total / 1e6, 1),
                }
            )
            shutil.rmtree(root / "caches")
    return runs


def uploads(root: Path, megabytes: int, files: int, rounds: int) -> list[dict[str, Any]]:
    """`upload_folder` of one large file, and of many small ones, beside its floor."""
    kinds: dict[str, Callable[[Path], Path]] = {
        f"one file of {megabytes} MB": lambda folder: write_model(folder, megabytes * 1_000_000),
        f"{files:,} files of 10 kB": lambda folder: write_small(folder, files),
    }
    runs = []
    with platform(root / "home") as url:
        for number, (what, write) in enumerate(kinds.items()):
            took, least = [], []
            for one in range(rounds):
                folder = write(root / f"upload-{number}-{one}")
                size = size_of(folder)
                least.append(floor(folder, root / "copy"))
                took.append(alone(Client(url, root / "cache", "upload", f"speed/{folder.name}", folder)))
                shutil.rmtree(folder)
            runs.append({"what": what, "by": "upload_folder", **rate(size, took)})
            runs.append({"what": what, "by": "SHA-256, then SHA-256 and copy to disk", **rate(size, least)})
    return runs


def floor(folder: Path, copy: Path) -> float:
    """Seconds of hashing all files, and of hashing and writing them."""
    started = time.perf_counter()
    digests(folder)
    for number, path in enumerate(path for path in folder.rglob("*") if path.is_file()):
        hasher = hashlib.sha256()
        copy.mkdir(exist_ok=True)
        with path.open("rb") as source, (copy / str(number)).open("wb") as target:
            while block := source.read(_BLOCK):
                hasher.update(block)
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
    took = time.perf_counter() - started
    shutil.rmtree(copy)
    return took


def rate(size: int, seconds: list[float]) -> dict[str, float]:
    """The median of some runs."""
    middle = statistics.median(seconds)
    return {"mb_per_s": round(size / middle / 1e6, 1), "seconds": round(middle, 3)}


def table(runs: list[dict[str, Any]]) -> str:
    """Runs as the documentation shows them."""
    columns = list(dict.fromkeys(key for run in runs for key in run))
    names = [column.replace("mb_per_s", "MB/s").replace("_", " ") for column in columns]
    rows = [names, ["---"] * len(names), *([str(run.get(column, "")) for column in columns] for run in runs)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--large-mb", type=int, default=400)
    parser.add_argument("--student-mb", type=int, default=25)
    parser.add_argument("--clients", type=int, default=50, help="at once")
    parser.add_argument("--files", type=int, default=1000, help="small ones in a repository")
    parser.add_argument(
        "--rounds",
        type=int,
        default=7,
        help="of snapshot_download; five times as many of get, three of each upload",
    )
    parser.add_argument("--only", nargs="*", choices=_PARTS, default=list(_PARTS))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    parts: dict[str, Callable[[Path], list[dict[str, Any]]]] = {
        "downloads": lambda root: downloads(root, asked.large_mb, asked.rounds),
        "crowd": lambda root: crowd(root, asked.student_mb, asked.clients),
        "uploads": lambda root: uploads(root, asked.large_mb, asked.files, 3),
    }
    found = {}
    for part in asked.only:
        with tempfile.TemporaryDirectory() as temporary:
            found[part] = parts[part](Path(temporary))
        print(table(found[part]), flush=True)
    record(asked.out, **found)


if __name__ == "__main__":
    main()
