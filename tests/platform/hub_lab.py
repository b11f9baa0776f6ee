"""What tests of the Hub protocol share: small models, a server on a loopback port, and clients that ask it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import uvicorn
from huggingface_hub import HfApi
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from gts.core.database import Database
from gts.platform.app import build_services, create_app
from gts.platform.connection import Connection
from gts.platform.services import Services
from gts.platform.settings import load_settings
from gts.platform.tokens import Scope
from gts.registry.registry import Registry
from gts.registry.values import Kind

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "where", "is", "my", "parcel", "refund", "please"]
CARD = "---\nlicense: mit\nlanguage: en\npipeline_tag: text-classification\n{library}tags: [gts]\n---\n# {title}\n"
TRANSFORMERS_FILES = [
    "README.md",
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
]


def write_tokenizer(folder: Path) -> None:
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))


def write_transformer(folder: Path, title: str = "Tickets", hidden: int = 16) -> Path:
    """A one-layer BertForSequenceClassification with random weights."""
    folder.mkdir()
    random = np.random.default_rng(0)
    sizes = {"hidden_size": hidden, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    labels = {"0": "billing", "1": "delivery", "2": "other"}
    config = {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "vocab_size": len(WORDS),
        "max_position_embeddings": 32,
        "type_vocab_size": 2,
        "id2label": labels,
        "label2id": {label: int(n) for n, label in labels.items()},
        **sizes,
    }
    shapes: dict[str, tuple[int, ...]] = {
        "bert.embeddings.word_embeddings.weight": (len(WORDS), hidden),
        "bert.embeddings.position_embeddings.weight": (32, hidden),
        "bert.embeddings.token_type_embeddings.weight": (2, hidden),
    }
    layer = "bert.encoder.layer.0."
    linear = [(layer + f"attention.self.{part}", hidden, hidden) for part in ("query", "key", "value")] + [
        (layer + "attention.output.dense", hidden, hidden),
        (layer + "intermediate.dense", 32, hidden),
        (layer + "output.dense", hidden, 32),
        ("bert.pooler.dense", hidden, hidden),
        ("classifier", 3, hidden),
    ]
    for name, out, into in linear:
        shapes |= {f"{name}.weight": (out, into), f"{name}.bias": (out,)}
    for name in ("bert.embeddings", layer + "attention.output", layer + "output"):
        shapes |= {f"{name}.LayerNorm.weight": (hidden,), f"{name}.LayerNorm.bias": (hidden,)}
    weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    (folder / "README.md").write_text(CARD.format(library="library_name: transformers\n", title=title))
    write_tokenizer(folder)
    return folder


def write_static(folder: Path) -> Path:
    """A Model2Vec model with random vectors."""
    folder.mkdir()
    vectors = np.random.default_rng(1).normal(size=(len(WORDS), 8)).astype(np.float32)
    save_file({"embeddings": vectors}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "model2vec", "normalize": False}))
    (folder / "README.md").write_text(CARD.format(library="", title="Static"))
    write_tokenizer(folder)
    return folder


@dataclass(frozen=True)
class Server:
    """A running server, and ways to ask it.

    Attributes:
        url: Where it is.
        root: A folder for what its clients leave behind.
    """

    url: str
    root: Path

    def environment(self, **more: str) -> dict[str, str]:
        """The variables of a user's shell: the endpoint, and an empty cache."""
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        return kept | {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(self.root / f"home-{time.monotonic_ns()}"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "GOMP_SPINCOUNT": "10000",
            "OMP_NUM_THREADS": "1",
            **more,
        }

    def run_client(self, script: str, **environment: str) -> str:
        """Run a program as a user would; what it prints."""
        return self.run([sys.executable, "-c", textwrap.dedent(script)], **environment)

    def run(self, command: list[str], **environment: str) -> str:
        """Run a command as a user would; what it prints."""
        variables = self.environment(**environment)
        result = subprocess.run(
            command, env=variables, capture_output=True, text=True, timeout=200, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)

    def ask(
        self,
        path: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: str | bytes | None = None,
        over: http.client.HTTPConnection | None = None,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request with the path exactly as it is given."""
        connection = over or self.connect()
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            if over is None:
                connection.close()

    def ask_json(self, path: str, method: str, token: str, body: Any) -> tuple[int, Any]:
        """One request with a JSON body, and the JSON of the answer."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        status, _, answer = self.ask(path, method, headers, json.dumps(body))
        return status, json.loads(answer)


@dataclass(frozen=True)
class Platform(Server):
    """The whole application, and tokens of it.

    Attributes:
        services: What it works with.
        write: May read and write.
        read: May read.
        limited: May write to the model `ann/limited` and the data set `ann/limited` only.
    """

    services: Services
    write: str
    read: str
    limited: str

    @property
    def registry(self) -> Registry:
        return self.services.registry

    def api(self, token: str | bool | None = None) -> HfApi:
        """A client with a token; the one that may write unless another is given."""
        return HfApi(endpoint=self.url, token=self.write if token is None else token)

    def repository(self, name: str, *, private: bool = False, kind: Kind = Kind.MODEL) -> str:
        """A new repository; its id."""
        return self.registry.create("ann", name, "ann", private=private, kind=kind).id

    def loose_parts(self) -> list[Path]:
        """Unfinished files in the blob store."""
        return list(self.services.settings.blob_root.glob(".part-*"))


@contextmanager
def running_platform(root: Path, schema: Path, **settings: Any) -> Iterator[Platform]:
    """The application on a loopback port, over a fresh database that is a copy of ``schema``."""
    options = {"data_dir": root / "data", "compute": "inline", "engine": "fake_engine:make", **settings}
    found = load_settings(options, environ={})
    found.data_dir.mkdir(parents=True)
    shutil.copy(schema, found.data_dir / "gts.db")
    database = Database(found.database)
    services = build_services(found, database)
    only = frozenset({"ann/limited", "datasets/ann/limited"})
    write, _ = services.tokens.create("write", owner="ann")
    read, _ = services.tokens.create("read", owner="ann", scopes=frozenset({Scope.READ}))
    limited, _ = services.tokens.create(
        "limited", owner="ann", scopes=frozenset({Scope.WRITE}), repositories=only
    )
    try:
        with serving(create_app(services)) as url:
            yield Platform(url, root, services, write, read, limited)
    finally:
        services.students.close()
        services.knock.close()
        database.close()


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an application on a loopback port, over the platform's own kind of connection."""
    # asyncio switches Nagle's delay off only where it sees that the socket is TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # who asks before the server has started waits
    config = uvicorn.Config(app, http=Connection, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def wait_until(condition: Callable[[], Any]) -> bool:
    """Whether something becomes true within 20 seconds."""
    deadline = time.monotonic() + 20
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(found)
