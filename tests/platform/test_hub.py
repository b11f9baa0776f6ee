"""The Hub protocol as unmodified clients see it, over a real server on a loopback port."""

from __future__ import annotations

import io
import json
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from hub_lab import CARD, TRANSFORMERS_FILES, WORDS, Server, serving, write_static, write_transformer
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get

from gts.core.blobs import BlobStore
from gts.core.database import Base, Database
from gts.core.errors import Unauthorized
from gts.core.fingerprint import file_sha256
from gts.platform.routes.hub import HubOptions, hub_router
from gts.platform.routes.hub_protocol import HubUser
from gts.registry.registry import Registry
from gts.registry.values import RefKind, Revision, Sight


def user(request: Request) -> HubUser:
    """Everyone sees what is public; the bearer of `good` sees everything, of `stranger` nothing private."""
    authorization = request.headers.get("authorization", "")
    match authorization.removeprefix("Bearer "):
        case "good":
            return HubUser("ann", Sight(), may_write=True)
        case "stranger":
            return HubUser("sam", Sight(private=False))
        case "":
            return HubUser(None, Sight(private=False))
    raise Unauthorized("unknown token", mend="make a new one")


@dataclass(frozen=True)
class Hub(Server):
    registry: Registry
    blobs: BlobStore
    first: Revision
    head: Revision

    @property
    def api(self) -> HfApi:
        return HfApi(endpoint=self.url, token=False)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    root = tmp_path_factory.mktemp("hub")
    database = Database(f"sqlite:///{root / 'gts.db'}")
    Base.metadata.create_all(database.engine)
    blobs = BlobStore(root / "blobs")
    registry = Registry(database, blobs)
    tickets = write_transformer(root / "tickets")
    (tickets / "onnx").mkdir()
    (tickets / "onnx" / "größe 1.txt").write_text("ß")
    first = registry.publish("acme", "tickets", tickets, "First\n\nwith details", "ann")
    (tickets / "README.md").write_text(CARD.format(library="library_name: transformers\n", title="Second"))
    head = registry.publish("acme", "tickets", tickets, "Second", "ann")
    registry.set_ref("acme", "tickets", RefKind.TAG, "v1.0", first.oid)
    registry.set_ref("acme", "tickets", RefKind.BRANCH, "feat/x", first.oid)
    registry.alias("acme", "tickets", "production", "main")
    static = write_static(root / "static")
    for name in ("static", "hidden", *(f"extra_{n}" for n in range(4))):
        registry.publish("acme", name, static, "m", "ann")
    registry.set_private("acme", "hidden", True)
    app = FastAPI()
    app.include_router(hub_router(registry, user, HubOptions(key=b"k" * 32)))
    with serving(app) as url, pytest.MonkeyPatch.context() as patch:
        # What HF_ENDPOINT sets when the client is imported, which was long ago.
        patch.setattr(constants, "ENDPOINT", url)
        patch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield Hub(url, root, registry, blobs, first, head)
    database.close()


def test_model_info_tells_task_library_files_and_commit(hub: Hub) -> None:
    info = hub.api.model_info("acme/tickets", files_metadata=True)
    assert (info.id, info.author, info.sha, info.private) == ("acme/tickets", "acme", hub.head.oid, False)
    assert (info.pipeline_tag, info.library_name) == ("text-classification", "transformers")
    assert {"gts", "safetensors", "license:mit", "en"} <= set(info.tags or [])
    assert info.card_data is not None
    assert info.card_data.license == "mit"
    assert info.last_modified is not None
    siblings = {sibling.rfilename: sibling for sibling in info.siblings or []}
    assert set(siblings) == {*TRANSFORMERS_FILES, "onnx/größe 1.txt"}
    weights = siblings["model.safetensors"]
    assert weights.lfs is not None
    assert weights.lfs.sha256 == file_sha256(hub.root / "tickets" / "model.safetensors")
    assert weights.size == (hub.root / "tickets" / "model.safetensors").stat().st_size
    assert siblings["config.json"].lfs is None
    assert hub.api.model_info("acme/tickets", revision="feat/x").sha == hub.first.oid
    expanded = hub.api.model_info("acme/tickets", expand=["sha"])
    assert (expanded.sha, expanded.siblings) == (hub.head.oid, None)


def test_models_are_listed_page_by_page(hub: Hub) -> None:
    status, headers, body = hub.ask("/api/models?author=acme&limit=2&search=a")
    assert (status, len(json.loads(body))) == (200, 2)
    assert 'rel="next"' in (headers["Link"] or "")
    everything = {
        f"acme/{name}" for name in ("tickets", "static", "extra_0", "extra_1", "extra_2", "extra_3")
    }
    api = hub.api
    assert {model.id for model in api.list_models(author="acme")} == everything
    assert {model.id for model in paged(hub, "/api/models?author=acme&limit=2")} == everything
    assert [model.id for model in api.list_models(search="TICK")] == ["acme/tickets"]
    assert [
        model.id for model in api.list_models(filter="transformers", pipeline_tag="text-classification")
    ] == ["acme/tickets"]
    assert len(list(api.list_models(limit=3))) == 3
    assert list(api.list_models(author="nobody")) == []


def paged(hub: Hub, path: str) -> Iterator[Any]:
    from huggingface_hub.hf_api import ModelInfo
    from huggingface_hub.utils import paginate

    for item in paginate(hub.url + path, params={}, headers={}):
        yield ModelInfo(**item)


def test_trees_paths_references_and_history(hub: Hub) -> None:
    api = hub.api
    assert set(api.list_repo_files("acme/tickets")) == {*TRANSFORMERS_FILES, "onnx/größe 1.txt"}
    root = {entry.path: entry for entry in api.list_repo_tree("acme/tickets", revision="feat/x", expand=True)}
    assert set(root) == {*TRANSFORMERS_FILES, "onnx"}
    assert root["README.md"].last_commit["oid"] == hub.first.oid
    newer = {entry.path: entry for entry in api.list_repo_tree("acme/tickets", recursive=True, expand=True)}
    assert newer["README.md"].last_commit["oid"] == hub.head.oid
    assert newer["onnx"].last_commit["oid"] == hub.first.oid
    assert [entry.path for entry in api.list_repo_tree("acme/tickets", "onnx", revision="v1.0")] == [
        "onnx/größe 1.txt"
    ]
    found = api.get_paths_info(
        "acme/tickets", ["config.json", "onnx", "nope", "../x"], revision="feat/x", expand=True
    )
    assert [entry.path for entry in found] == ["config.json", "onnx"]
    refs = api.list_repo_refs("acme/tickets", include_pull_requests=True)
    assert {(ref.name, ref.ref, ref.target_commit) for ref in refs.branches} == {
        ("main", "refs/heads/main", hub.head.oid),
        ("feat/x", "refs/heads/feat/x", hub.first.oid),
    }
    assert {(ref.name, ref.target_commit) for ref in refs.tags} == {
        ("v1.0", hub.first.oid),
        ("production", hub.head.oid),
    }
    commits = api.list_repo_commits("acme/tickets")
    assert [(commit.commit_id, commit.title, commit.message) for commit in commits] == [
        (hub.head.oid, "Second", ""),
        (hub.first.oid, "First", "with details"),
    ]
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree("acme/tickets", "additional_chat_templates"))


def test_long_trees_come_in_pages(hub: Hub, tmp_path: Path) -> None:
    for number in range(120):
        (tmp_path / f"{number:03}.txt").write_text("x")
    hub.registry.publish("many", "files", tmp_path, "m", "ann")
    hub.registry.set_ref("many", "files", RefKind.BRANCH, "a/b", "main")
    entries = list(hub.api.list_repo_tree("many/files", revision="a/b", expand=True))
    assert [entry.path for entry in entries] == [f"{number:03}.txt" for number in range(120)]


@pytest.mark.parametrize("name", ["main", "feat/x", "v1.0", "production", "refs/heads/main", "full", "short"])
def test_files_are_downloaded_at_every_kind_of_revision(hub: Hub, tmp_path: Path, name: str) -> None:
    revision = {"full": hub.first.oid, "short": hub.first.oid[:8]}.get(name, name)
    expected = hub.head if name in ("main", "production", "refs/heads/main") else hub.first
    path = Path(hub.api.hf_hub_download("acme/tickets", "README.md", revision=revision, cache_dir=tmp_path))
    assert path.parent.name == expected.oid
    assert path.read_bytes() == hub.registry.read(expected, "README.md")
    odd = hub.api.hf_hub_download(
        "acme/tickets", "größe 1.txt", subfolder="onnx", revision=revision, cache_dir=tmp_path
    )
    assert Path(odd).read_text() == "ß"


def test_snapshots_equal_what_was_published(hub: Hub, tmp_path: Path) -> None:
    cached = Path(hub.api.snapshot_download("acme/tickets", cache_dir=tmp_path / "cache"))
    local = Path(
        hub.api.snapshot_download("acme/tickets", revision="production", local_dir=tmp_path / "local")
    )
    for path in (p for p in (hub.root / "tickets").rglob("*") if p.is_file()):
        for copy in (cached, local):
            assert (copy / path.relative_to(hub.root / "tickets")).read_bytes() == path.read_bytes()
    assert hub.api.verify_repo_checksums("acme/tickets", local_dir=local).mismatches == []


def test_the_three_ways_of_not_being_there(hub: Hub, tmp_path: Path) -> None:
    api = hub.api
    for missing in ("acme/nope", "nope", "nope/nope"):
        with pytest.raises(RepositoryNotFoundError):
            api.model_info(missing)
        with pytest.raises(RepositoryNotFoundError):
            api.hf_hub_download(missing, "config.json", cache_dir=tmp_path)
    for call in (api.model_info, api.snapshot_download, api.list_repo_files):
        with pytest.raises(RevisionNotFoundError):
            call("acme/tickets", revision="nope")
    with pytest.raises(EntryNotFoundError):
        api.hf_hub_download("acme/tickets", "nope.json", cache_dir=tmp_path)
    absent = list(tmp_path.rglob("nope.json"))
    assert [path.parent.name for path in absent] == [
        hub.head.oid
    ]  # the client remembers, thanks to the commit
    assert api.file_exists("acme/tickets", "config.json")
    assert not api.file_exists("acme/tickets", "nope.json")
    assert api.repo_exists("acme/tickets")
    assert not api.repo_exists("acme/nope")


def test_private_models_are_hidden_from_those_who_may_not_read(hub: Hub, tmp_path: Path) -> None:
    api = HfApi(endpoint=hub.url)
    for token in (False, "stranger"):
        with pytest.raises(RepositoryNotFoundError):
            api.model_info("acme/hidden", token=token)
        with pytest.raises(RepositoryNotFoundError):
            api.hf_hub_download("acme/hidden", "config.json", token=token, cache_dir=tmp_path)
        with pytest.raises(RepositoryNotFoundError):
            api.auth_check("acme/hidden", token=token)
        assert "acme/hidden" not in {model.id for model in api.list_models(token=token)}
    assert api.model_info("acme/hidden", token="good").private
    assert "acme/hidden" in {model.id for model in api.list_models(token="good")}
    api.auth_check("acme/hidden", token="good", write=True)
    with pytest.raises(HfHubHTTPError, match="403"):
        api.auth_check("acme/tickets", token="stranger", write=True)
    for missing in ("acme/hidden", "acme/nope"):  # nothing tells the two apart
        status, headers, _ = hub.ask(f"/api/models/{missing}")
        assert (status, headers["X-Error-Code"]) == (401, "RepoNotFound")


def test_tokens_are_checked_and_named(hub: Hub) -> None:
    api = HfApi(endpoint=hub.url)
    me = api.whoami(token="good")
    assert (me["name"], me["auth"]["accessToken"]["role"]) == ("ann", "write")
    for path in ("/api/whoami-v2", "/api/models/acme/tickets", "/acme/tickets/resolve/main/config.json"):
        status, headers, _ = hub.ask(path, headers={"Authorization": "Bearer bad"})
        assert (status, headers["X-Error-Code"]) == (401, None)
        assert headers["X-Error-Message"] == "Invalid credentials in Authorization header"
    assert hub.ask("/api/whoami-v2")[0] == 401


def test_head_and_get_say_the_same(hub: Hub) -> None:
    for path, lfs in (("model.safetensors", True), ("config.json", False)):
        content = (hub.root / "tickets" / path).read_bytes()
        entry = hub.registry.file(hub.head, path)
        seen = []
        for method in ("HEAD", "GET"):
            status, headers, body = hub.ask(f"/acme/tickets/resolve/main/{path}", method)
            assert status == 200
            assert headers["X-Repo-Commit"] == hub.head.oid
            assert headers["ETag"] == f'"{entry.sha256 if lfs else entry.git_oid}"'
            assert headers["Content-Length"] == str(len(content))
            assert headers["Accept-Ranges"] == "bytes"
            assert headers["X-Linked-Size"] == (str(len(content)) if lfs else None)
            assert headers["X-Linked-Etag"] == (headers["ETag"] if lfs else None)
            assert headers["Content-Disposition"] == f'inline; filename="{path}"'
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Content-Encoding"] is None
            assert body == (content if method == "GET" else b"")
            seen.append({key: value for key, value in headers.items() if key != "date"})
        assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        ("bytes=0-9", 206, (0, 10)),
        ("bytes=100-", 206, (100, None)),
        ("bytes=-7", 206, (-7, None)),
        ("bytes=0-99999999", 206, (0, None)),
        ("bytes=99999999-", 416, None),
    ],
)
def test_parts_of_files(hub: Hub, asked: str, status: int, span: tuple[int, int | None] | None) -> None:
    content = (hub.root / "tickets" / "model.safetensors").read_bytes()
    got, headers, body = hub.ask("/acme/tickets/resolve/main/model.safetensors", headers={"Range": asked})
    assert got == status
    if span is None:
        assert headers["Content-Range"] == f"bytes */{len(content)}"
    else:
        assert body == content[span[0] : span[1]]
        assert headers["Content-Length"] == str(len(body))
        first = span[0] % len(content)
        assert headers["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(content)}"


def test_a_client_resumes_where_it_stopped(hub: Hub) -> None:
    content = (hub.root / "tickets" / "model.safetensors").read_bytes()
    file = io.BytesIO(content[:1000])
    file.seek(1000)
    url = f"{hub.url}/acme/tickets/resolve/main/model.safetensors"
    http_get(url, file, resume_size=1000, expected_size=len(content))
    assert file.getvalue() == content


def test_unchanged_files_are_not_sent_again(hub: Hub) -> None:
    path = "/acme/tickets/resolve/main/config.json"
    etag = hub.ask(path, "HEAD")[1]["ETag"]
    for given in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        status, headers, body = hub.ask(path, headers={"If-None-Match": given})
        assert (status, body, headers["ETag"]) == (304, b"", etag)
    assert hub.ask(path, headers={"If-None-Match": '"other"'})[0] == 200


def test_quoted_revisions_end_where_the_quoting_says(hub: Hub) -> None:
    assert hub.ask("/acme/tickets/resolve/feat%2Fx/README.md")[0] == 200
    assert hub.ask("/acme/tickets/resolve/feat%2fx/onnx/gr%C3%B6%C3%9Fe%201.txt")[0] == 200
    assert hub.ask("/acme/tickets/resolve/main/onnx%2Fgr%C3%B6%C3%9Fe%201.txt")[0] == 200
    for path, code in [
        ("/acme/tickets/resolve/feat/x/README.md", "RevisionNotFound"),
        ("/acme/tickets/resolve/feat%252Fx/README.md", "RevisionNotFound"),
        ("/acme/tickets/resolve/main%2FREADME.md", "RevisionNotFound"),
        ("/acme/tickets/resolve/main", "EntryNotFound"),
        ("/acme%2Ftickets/resolve/main/README.md", None),
    ]:
        status, headers, _ = hub.ask(path)
        assert 400 <= status < 500, path
        assert headers["X-Error-Code"] == code, path


TRAVERSALS = [
    "../secret.txt",
    "../../secret.txt",
    "../../../../../../../../etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "///etc/passwd",
    "./secret.txt",
    "./../secret.txt",
    "onnx/../../secret.txt",
    "onnx/../README.md",
    "onnx/./../README.md",
    "onnx/..",
    "..",
    "../",
    "../.",
    ".",
    "./",
    "...",
    "....//secret.txt",
    "..//..//secret.txt",
    "..;/secret.txt",
    "..\\secret.txt",
    "..\\..\\secret.txt",
    "onnx\\..\\secret.txt",
    "..%2fsecret.txt",
    "..%5csecret.txt",
    "%2e%2e/secret.txt",
    "%2e%2e%2fsecret.txt",
    "..%c0%afsecret.txt",
    "..%e0%80%afsecret.txt",
    "%uff0e%uff0e/secret.txt",
    "\uff0e\uff0e/secret.txt",
    "\u2025/secret.txt",
    "\u2215etc\u2215passwd",
    "README.md/",
    "README.md/.",
    "README.md/..",
    "README.md/../README.md",
    "README.md\0",
    "README.md\0.txt",
    "\0",
    "README.md%00",
    "README.md\n",
    "README.md\r\nX-Injected: 1",
    "README.md ",
    " README.md",
    "README.md.",
    "readme.md",
    "README.md::$DATA",
    "C:/secret.txt",
    "C:\\secret.txt",
    "\\\\server\\share\\secret.txt",
    "file:///etc/passwd",
    "http://127.0.0.1/secret.txt",
    "~/secret.txt",
    "~root/.ssh/id_rsa",
    "CON",
    "nul.txt",
    "blobs/00/00",
    "gts.db",
    "../gts.db",
    "../blobs",
    "README.md?x=../../secret.txt#",
    "README.md#../secret.txt",
    "\ufffd\udcff/../secret.txt",
    "x" * 5000,
]


def spellings(text: str) -> dict[str, str]:
    raw = text.encode("utf-8", "surrogateescape")
    once = "".join(f"%{byte:02X}" for byte in raw)
    return {
        "plain": quote(raw, safe="/.\\:~;$=%"),
        "once": once,
        "twice": quote(once),
    }


def test_no_path_leads_outside(hub: Hub) -> None:
    (hub.root / "secret.txt").write_text("a secret of the server")
    assert len(TRAVERSALS) >= 60
    before = sorted(hub.root.rglob("*"))
    connection = hub.connect()  # one for all, or opening them is most of the time
    for text in TRAVERSALS:
        for how, path in spellings(text).items():
            for url in (
                f"/acme/tickets/resolve/main/{path}",
                f"/api/models/acme/tickets/tree/main/{path}",
                f"/api/models/acme/tickets/tree/{path}",
                f"/api/models/acme/tickets/revision/{path}",
                f"/{path}/tickets/resolve/main/README.md",
            ):
                status, headers, body = hub.ask(url, over=connection)
                assert 400 <= status < 500, (text, how, url)
                assert b"secret of" not in body
                assert b"root:" not in body
                assert headers["X-Injected"] is None
    connection.close()
    assert sorted(hub.root.rglob("*")) == before


def test_paths_info_looks_only_into_the_manifest(hub: Hub) -> None:
    from urllib.parse import urlencode

    body = urlencode(
        [("paths", text.encode("utf-8", "replace")) for text in TRAVERSALS if text.strip("/") != "README.md"]
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, answer = hub.ask("/api/models/acme/tickets/paths-info/main", "POST", headers, body)
    assert (status, json.loads(answer)) == (200, [])


def test_a_flipped_byte_is_an_error_and_never_wrong_bytes(hub: Hub, tmp_path: Path) -> None:
    hub.registry.publish("acme", "damaged", write_transformer(tmp_path / "model", hidden=24), "m", "ann")
    entry = hub.registry.file(hub.registry.resolve("acme", "damaged"), "model.safetensors")
    url = "/acme/damaged/resolve/main/model.safetensors"
    assert hub.ask(url)[0] == 200
    blob = hub.blobs.path(entry.sha256)
    data = bytearray(blob.read_bytes())
    data[-5] ^= 4
    blob.write_bytes(data)
    os.utime(blob, ns=(1, blob.stat().st_mtime_ns + 1_000_000))
    for headers in ({}, {"Range": "bytes=0-9"}):
        status, _, body = hub.ask(url, headers=headers)
        assert status == 507
        assert "damaged" in json.loads(body)["error"]
    with pytest.raises(HfHubHTTPError):
        hub.api.snapshot_download("acme/damaged", cache_dir=tmp_path / "cache")
    assert list((tmp_path / "cache").rglob("snapshots/*/model.safetensors")) == []
    blob.unlink()
    assert hub.ask(url, "HEAD")[0] == 507


def test_other_routes_are_not_swallowed(hub: Hub) -> None:
    app = FastAPI()

    @app.get("/api/v1/resolve/{rest:path}")
    def mine(rest: str) -> str:
        return rest

    app.include_router(hub_router(hub.registry, lambda _: HubUser("ann", Sight()), HubOptions(key=b"")))
    with TestClient(app) as client:
        assert client.get("/api/v1/resolve/a/b").json() == "a/b"
        assert client.get("/jobs/7").status_code == 404
        assert client.get("/api/models/acme/hidden").json()["id"] == "acme/hidden"
        paths = client.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for operation in methods.values():
            named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), path


def test_transformers_pipeline_works_unchanged(hub: Hub) -> None:
    script = """
        import json, sys
        from transformers import pipeline
        texts = ["Where is my parcel", "refund please"]
        remote = pipeline("text-classification", model="acme/tickets", revision="v1.0")
        without_task = pipeline(model="acme/tickets")
        local = pipeline("text-classification", model={folder!r})
        print(json.dumps([p(texts) for p in (remote, without_task, local)]))
    """
    output = hub.run_client(script.format(folder=str(hub.root / "tickets")))
    remote, without_task, local = json.loads(output.splitlines()[-1])
    assert remote == without_task == local
    assert {answer["label"] for answer in remote} <= {"billing", "delivery", "other"}


def test_model2vec_works_unchanged(hub: Hub) -> None:
    script = """
        import json
        from model2vec import StaticModel
        model = StaticModel.from_pretrained("acme/static")
        print(json.dumps(model.encode(["where is my parcel"]).tolist()))
    """
    vectors = np.array(json.loads(hub.run_client(script).splitlines()[-1]))
    from safetensors.numpy import load_file

    table = load_file(hub.root / "static" / "model.safetensors")["embeddings"]
    ids = [WORDS.index(word) for word in ("where", "is", "my", "parcel")]
    np.testing.assert_allclose(vectors[0], table[ids].mean(axis=0), rtol=1e-5)


def test_serving_while_publishing_never_mixes_commits(hub: Hub, tmp_path: Path) -> None:
    folders = [write_static(tmp_path / str(n)) for n in range(3)]
    for number, folder in enumerate(folders):
        (folder / "number.txt").write_text(str(number))
        (folder / "README.md").write_text(f"# {number}")
    hub.registry.publish("acme", "moving", folders[0], "0", "ann")
    done = threading.Event()

    def keep_publishing() -> None:
        while not done.is_set():
            for folder in folders:
                hub.registry.publish("acme", "moving", folder, "m", "ann")

    thread = threading.Thread(target=keep_publishing)
    thread.start()
    try:
        for n in range(5):
            local = Path(hub.api.snapshot_download("acme/moving", cache_dir=tmp_path / f"cache{n}"))
            assert (local / "README.md").read_text() == f"# {(local / 'number.txt').read_text()}"
    finally:
        done.set()
        thread.join()
    assert hub.registry.verify("acme", "moving") == ()
