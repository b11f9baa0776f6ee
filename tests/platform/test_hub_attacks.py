"""Trying to get past the writing half of the Hub protocol: paths, contents, addresses, bodies."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import pickle
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import psutil
import pytest
from hub_lab import Platform, running_platform, wait_until
from safetensors.numpy import save

from gts.platform.routes.hub_lfs import Ticket
from gts.registry.values import Kind

HEADER = {"key": "header", "value": {"summary": "s"}}
WEIGHTS = save({"weight": np.arange(64, dtype=np.float32)})
LIMIT = 60_000_000


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Platform]:
    root = tmp_path_factory.mktemp("attacked")
    with running_platform(root, sqlite_template, max_hub_upload_bytes=LIMIT) as platform:
        (root / "secret.txt").write_text("a secret of the server")
        yield platform


_numbers = itertools.count()


@pytest.fixture
def target(hub: Platform) -> str:
    """A fresh repository."""
    return hub.repository(f"target_{next(_numbers)}")


def untouched(hub: Platform, name: str) -> bool:
    namespace, _, short = name.partition("/")
    registry = hub.registry
    files = registry.files(registry.resolve(namespace, short))
    return [file.path for file in files] == [".gitattributes"] and hub.loose_parts() == []


def file_line(path: str, content: bytes = b"x") -> dict[str, Any]:
    value = {"content": base64.b64encode(content).decode(), "path": path, "encoding": "base64"}
    return {"key": "file", "value": value}


def commit(hub: Platform, name: str, *lines: Any, header: Any = HEADER) -> tuple[int, Any]:
    body = b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in (header, *lines)
    )
    headers = {"Authorization": f"Bearer {hub.write}", "Content-Type": "application/x-ndjson"}
    status, _, answer = hub.ask(f"/api/models/{name}/commit/main", "POST", headers, body)
    return status, json.loads(answer)


PATHS = [
    "../secret.txt",
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "./x",
    "a/../x",
    "a/./x",
    "a//x",
    "a/",
    "/",
    "",
    ".",
    "..",
    "..\\x",
    "C:/x",
    "C:\\x",
    "\\\\server\\x",
    "x\0",
    "x\0.txt",
    "x\n",
    "x\r\ny",
    "x\u202ey",
    "\u200bx",
    "x ",
    " x",
    "x.",
    "CON",
    "nul.txt",
    "a/com1.json",
    "x::$DATA",
    "x|y",
    "x?y",
    "x*",
    "<x>",
    ".git/config",
    "a/.GIT/hooks/post-commit",
    "x" * 256,
    "ä" * 128,
    "~root/.ssh/id_rsa\x7f",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_outside(hub: Platform, target: str, path: str) -> None:
    before = sorted(hub.root.rglob("*"))
    status, answer = commit(hub, target, file_line(path))
    assert (status, answer["code"]) == (422, "invalid_input"), answer
    status, _ = commit(hub, target, file_line("fine"), {"key": "deletedFile", "value": {"path": path}})
    assert status == 404
    body = {"files": [{"path": path, "size": 1, "sample": ""}]}
    assert hub.ask_json(f"/api/models/{target}/preupload/main", "POST", hub.write, body)[0] == 422
    assert untouched(hub, target)
    new = {path for path in sorted(hub.root.rglob("*")) if path not in before}
    assert all("blobs" in path.parts for path in new)


def test_files_that_clash_are_refused(hub: Platform, target: str) -> None:
    for paths in (("a", "A"), ("a", "a/b"), ("ä", "a\u0308"), ("x/a", "X/b")):
        assert commit(hub, target, *map(file_line, paths))[0] == 422, paths
    assert untouched(hub, target)


class Marker:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_files_that_run_code_are_refused(hub: Platform, target: str, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    payload = pickle.dumps(Marker(marker), protocol=4)
    refused = {
        "pytorch_model.bin": payload,
        "data.json": payload,
        "archive.dat": b"PK\x03\x04" + payload,
        "model.safetensors": WEIGHTS + payload,
        "gap.safetensors": payload + WEIGHTS,
        "short.safetensors": WEIGHTS[:-1],
        "config.json": json.dumps({"auto_map": {"AutoModel": "evil.Model"}}).encode(),
        "deep/tokenizer_config.json": json.dumps({"auto_map": {"AutoTokenizer": ["evil.T", None]}}).encode(),
        "README.md": b"---\na: &a [*a]\n---\n",
    }
    for path, content in refused.items():
        status, answer = commit(hub, target, file_line("fine.txt"), file_line(path, content))
        assert (status, path in answer["error"]) == (422, True), answer
        assert upload(hub, target, content) in (200, 422)
        oid = hashlib.sha256(content).hexdigest()
        value = {"path": path, "algo": "sha256", "oid": oid, "size": len(content)}
        status, _ = commit(hub, target, {"key": "lfsFile", "value": value})
        assert status == 422, path
    for path, content in (("a.pt", b""), ("a.pkl.gz", b""), ("weights", payload[:512])):
        sample = base64.b64encode(content).decode()
        body = {"files": [{"path": path, "size": 9, "sample": sample}]}
        status, answer = hub.ask_json(f"/api/models/{target}/preupload/main", "POST", hub.write, body)
        assert (status, "refused" in answer["error"]) == (422, True)
    assert untouched(hub, target)
    assert not marker.exists()


def batch(hub: Platform, name: str, content: bytes) -> str:
    """The address for an object, without host."""
    body = {"objects": [{"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}]}
    status, answer = hub.ask_json(f"/{name}.git/info/lfs/objects/batch", "POST", hub.write, body)
    assert status == 200, answer
    address: str = answer["objects"][0]["actions"]["upload"]["href"]
    return address.removeprefix(hub.url)


def upload(hub: Platform, name: str, content: bytes) -> int:
    return hub.ask(batch(hub, name, content), "PUT", body=content)[0]


def test_an_address_is_good_for_its_object_only(hub: Platform, target: str) -> None:
    content = b"the object of the address"
    path, _, ticket = batch(hub, target, content).partition("?ticket=")
    text, _, signature = ticket.partition(".")
    document = json.loads(base64.urlsafe_b64decode(text))
    key = hub.services.settings.upload_key_file.read_bytes()

    def forged(**changed: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(document | changed).encode()).decode()

    other = hashlib.sha256(b"other").hexdigest()
    tickets = {
        "": 401,
        "x": 401,
        ".": 401,
        text: 401,
        f"{text}.": 401,
        f"{text}.{signature[:-1]}": 401,
        f"{forged(size=5)}.{signature}": 401,
        f"{forged(oid=other)}.{signature}": 401,
        f"{forged(name='both')}.{signature}": 401,
        f"{forged(until=time.time() + 1e6)}.{signature}": 401,
        "%ED%A0%80." + signature: 401,
        Ticket(**document | {"until": time.time() - 1}).sign(key): 403,
        Ticket(**document).sign(b"another key"): 401,
        Ticket(**document | {"name": "gone"}).sign(key): 404,
    }
    for number, (forgery, status) in enumerate(tickets.items()):
        assert hub.ask(f"{path}?ticket={forgery}", "PUT", body=content)[0] == status, number
    assert hub.ask(f"/api/lfs/{other}?ticket={ticket}", "PUT", body=b"other")[0] == 401
    for wrong in (content[:-1], content + b"x", content[:-1] + b"X", b""):
        status, _, answer = hub.ask(f"{path}?ticket={ticket}", "PUT", body=wrong)
        assert (status, json.loads(answer)["code"]) == (422, "invalid_input"), wrong
    value = {"path": "a", "algo": "sha256", "oid": document["oid"], "size": len(content)}
    assert commit(hub, target, {"key": "lfsFile", "value": value})[0] == 422
    verify = f"/{target}.git/info/lfs/objects/verify"
    asked = {"oid": document["oid"], "size": len(content)}
    assert hub.ask_json(verify, "POST", hub.write, asked)[0] == 404
    assert hub.ask(f"{path}?ticket={ticket}", "PUT", body=content)[0] == 200
    assert hub.ask_json(verify, "POST", hub.write, asked)[0] == 200
    assert hub.ask_json(verify, "POST", hub.read, asked)[0] == 403
    assert untouched(hub, target)
    assert commit(hub, target, {"key": "lfsFile", "value": value | {"size": 1}})[0] == 422
    assert commit(hub, target, {"key": "lfsFile", "value": value})[0] == 200


def test_who_knows_a_digest_does_not_get_the_bytes(hub: Platform, target: str) -> None:
    secret = hub.repository("holds_a_secret", private=True)
    content = b"\0a private file"
    assert commit(hub, secret, file_line("secret", content))[0] == 200
    oid = hashlib.sha256(content).hexdigest()
    body = {"objects": [{"oid": oid, "size": len(content)}]}
    _, answer = hub.ask_json(f"/{target}.git/info/lfs/objects/batch", "POST", hub.write, body)
    assert "actions" in answer["objects"][0]
    assert commit(hub, target, {"key": "lfsFile", "value": {"path": "mine", "oid": oid}})[0] == 422
    assert untouched(hub, target)


MALFORMED: dict[str, tuple[bytes, ...]] = {
    "nothing": (b"",),
    "no header": (json.dumps(file_line("a")).encode(),),
    "no JSON": (b"{",),
    "a list": (b"[]",),
    "deep": (b"[" * 50_000,),
    "a huge header": (json.dumps({"key": "header", "value": {"summary": "x" * 300_000}}).encode(),),
    "a huge header without end": (b'{"key": "header", "value": {"summary": "' + b"x" * 3_000_000,),
    "a long summary": (json.dumps({"key": "header", "value": {"summary": "x" * 20_000}}).encode(),),
    "NUL in the summary": (json.dumps({"key": "header", "value": {"summary": "x\0"}}).encode(),),
    "half a pair": (b'{"key": "header", "value": {"summary": "\\ud800"}}',),
    "no summary": (json.dumps({"key": "header", "value": {}}).encode(),),
    "a parent that is none": (
        json.dumps({"key": "header", "value": {"summary": "s", "parentCommit": "%"}}).encode(),
    ),
}
LINES: dict[str, Any] = {
    "two headers": HEADER,
    "an unknown operation": {"key": "run", "value": {"path": "a"}},
    "no value": {"key": "file"},
    "no content": {"key": "file", "value": {"path": "a", "encoding": "base64"}},
    "another encoding": {"key": "file", "value": {"path": "a", "content": "x", "encoding": "utf-8"}},
    "no base64": {"key": "file", "value": {"path": "a", "content": "x", "encoding": "base64"}},
    "half of base64": {"key": "file", "value": {"path": "a", "content": "eHh", "encoding": "base64"}},
    "umlauts": {"key": "file", "value": {"path": "a", "content": "ÄÄÄÄ", "encoding": "base64"}},
    "two ends": {"key": "file", "value": {"path": "a", "content": "eA==eA==", "encoding": "base64"}},
    "no path": {"key": "file", "value": {"content": "eA==", "encoding": "base64"}},
    "a path that is a number": {"key": "file", "value": {"path": 1, "content": "", "encoding": "base64"}},
    "no digest": {"key": "lfsFile", "value": {"path": "a", "oid": "../../etc/passwd"}},
    "another algorithm": {"key": "lfsFile", "value": {"path": "a", "oid": "0" * 64, "algo": "md5"}},
    "an object nobody sent": {"key": "lfsFile", "value": {"path": "a", "oid": "0" * 64}},
    "long base64 that ends": file_line("a", b"x" * 200_000)["value"]["content"].encode(),
    "long base64 with a hole": json.dumps(file_line("a", b"x" * 300_000))
    .encode()
    .replace(b"eHh4", b"e!h4", 1),
    "long content cut off": json.dumps(file_line("a", b"x" * 300_000)).encode()[:250_000],
    "two contents": json.dumps(file_line("a", b"x" * 300_000)).encode()[:-2] + b', "content": "eA=="}}',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_commit_without_a_good_header_is_refused(hub: Platform, target: str, name: str) -> None:
    (first, *rest) = MALFORMED[name]
    status, answer = commit(hub, target, *rest, file_line("a"), header=first)
    assert (status, answer["code"]) == (422, "invalid_input"), answer
    assert untouched(hub, target)


@pytest.mark.parametrize("name", LINES)
def test_a_commit_with_a_bad_line_is_refused_whole(hub: Platform, target: str, name: str) -> None:
    status, answer = commit(hub, target, file_line("good"), LINES[name])
    assert (status, answer["code"]) == (422, "invalid_input"), answer
    assert untouched(hub, target)


def test_too_many_operations_are_refused(hub: Platform, target: str) -> None:
    lines = b"\n".join([b'{"key": "deletedFile", "value": {"path": "a"}}'] * 10_001)
    status, answer = commit(hub, target, lines)
    assert (status, answer["code"]) == (413, "too_large")


def test_a_body_over_the_limit_is_refused_and_never_held_in_memory(hub: Platform, target: str) -> None:
    begin = json.dumps(HEADER).encode() + b'\n{"key": "file", "value": {"content": "'
    connection = hub.connect()
    connection.putrequest("POST", f"/api/models/{target}/commit/main")
    connection.putheader("Authorization", f"Bearer {hub.write}")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    before = psutil.Process().memory_info().rss
    for piece in (begin, *itertools.repeat(b"A" * 1_000_000, 4 * LIMIT // 1_000_000), b""):
        connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    assert connection.getresponse().status == 413
    connection.close()
    assert psutil.Process().memory_info().rss - before < LIMIT
    assert untouched(hub, target)
    declared = {"Authorization": f"Bearer {hub.write}", "Content-Length": str(LIMIT + 1)}
    assert hub.ask(f"/api/models/{target}/commit/main", "POST", declared)[0] == 413
    body = {"objects": [{"oid": "0" * 64, "size": LIMIT + 1}]}
    _, answer = hub.ask_json(f"/{target}.git/info/lfs/objects/batch", "POST", hub.write, body)
    assert answer["objects"][0]["error"]["code"] == 413


@pytest.mark.parametrize("tenths", range(1, 10))
def test_an_upload_that_is_cut_leaves_nothing(hub: Platform, target: str, tenths: int) -> None:
    content = np.random.default_rng(0).bytes(600_000)
    lines = [HEADER, *(file_line(f"f{n}", content) for n in range(3))]
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    requests = {
        ("POST", f"/api/models/{target}/commit/main"): body,
        ("PUT", batch(hub, target, content)): content,
    }
    for (method, path), whole in requests.items():
        connection = hub.connect()
        connection.putrequest(method, path)
        connection.putheader("Authorization", f"Bearer {hub.write}")
        connection.putheader("Content-Length", str(len(whole)))
        connection.endheaders(whole[: len(whole) * tenths // 10])
        assert wait_until(hub.loose_parts)
        connection.close()
        assert wait_until(lambda: not hub.loose_parts())
    assert untouched(hub, target)
    digest = hashlib.sha256(content).hexdigest()
    assert hub.registry.uploaded(*target.split("/"), {digest}) == frozenset()
    assert commit(hub, target, *lines[1:])[0] == 200


def test_other_routes_keep_the_small_limit(hub: Platform) -> None:
    small = hub.services.settings.max_body_bytes
    headers = {"Authorization": f"Bearer {hub.write}", "Content-Type": "application/json"}
    for path in (
        "/api/models/ann/x/preupload/x/commit/y",
        "/api/models/ann/x/preupload/commit/y",
        "/api/repos/create",
    ):
        declared = headers | {"Content-Length": str(small + 1)}
        assert hub.ask(path, "POST", declared)[0] == 413, path


@pytest.mark.parametrize(
    "name", ["../x", "a/b/c", "..", "a--b", "x.git", "-x", "é", "a b", "x" * 100, "a\0b", "\ud800", "api/x"]
)
def test_names_of_repositories_are_held_to_the_rules(hub: Platform, name: str) -> None:
    status, answer = hub.ask_json("/api/repos/create", "POST", hub.write, {"name": name})
    assert status == 422, answer
    namespace = {"name": "x", "organization": name.replace(".git", "/")}
    assert hub.ask_json("/api/repos/create", "POST", hub.write, namespace)[0] == 422


ODD_BODIES = [
    b"",
    b"\x80",
    b"{",
    b"null",
    b"[]",
    b"{}",
    b'"x"',
    b'{"files": 1, "objects": 1, "name": 1, "tag": 1, "content": 1, "oid": 1, "fromRepo": 1}',
    b'{"files": [{}], "objects": [{}], "name": "", "tag": "", "content": "", "toRepo": "", "fromRepo": ""}',
    b'{"name": "\\ud800", "tag": "\\u0000", "content": "\\ud800", "toRepo": "\\ud800/x", "fromRepo": "a/\\u0000"}',
    b'{"files": [{"path": "\\ud800", "size": 1e999}], "objects": [{"oid": "x", "size": -1}]}',
    b'{"private": "x", "visibility": "\\ud800", "gated": [], "startingPoint": {"a": 1}, "type": "\\ud800"}',
    b'{"files": [{"path": "a", "size": 99999999999999999999999999, "sample": "!!!"}], "gitIgnore": "\\ud800["}',
    '{"files": [{"path": "a", "size": 1, "sample": "ü"}]}'.encode(),
]


def test_no_request_breaks_the_server(hub: Platform) -> None:
    """Every documented route of the protocol, with bodies and parameters that no client sends."""
    hub.repository("odd")
    hub.repository("odd", kind=Kind.DATASET)
    _, _, document = hub.ask("/api/v1/openapi.json")
    routes = [
        (path, method.upper())
        for path, methods in json.loads(document)["paths"].items()
        for method, operation in methods.items()
        if "Hugging Face Hub protocol" in operation.get("tags", [])
    ]
    assert len(routes) > 40
    connection = hub.connect()
    known = {"namespace": "ann", "name": "odd", "oid": "0" * 64}
    for path, method in routes:
        for odd in ("main", "x", "%00", quote("ü/../x"), "%ED%A0%80"):
            url = re.sub(r"{(\w+)}", lambda match, odd=odd: known.get(match[1], odd), path)
            query = f"?filter={odd}&search={odd}&author={odd}&cursor={odd}&expand={odd}&ticket={odd}"
            for body in ODD_BODIES if method != "GET" else (None,):
                if "/repos/delete" in path and body == b"{}":
                    continue
                headers = {"Authorization": f"Bearer {hub.write}", "Content-Type": "application/json"}
                status, _, answer = hub.ask(url + query, method, headers, body, connection)
                assert status < 500, (method, url, body, answer)
                if status >= 400 and answer.startswith(b"{"):
                    assert isinstance(json.loads(answer).get("error", ""), str), (method, url, body, answer)
    connection.close()
    assert hub.registry.verify("ann", "odd") == ()
