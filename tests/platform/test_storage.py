"""Wherever blobs lie, clients see the same; and whoever runs the registry can check and clean it."""

from __future__ import annotations

import http.client
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_lab import Platform, running_platform
from huggingface_hub import constants, snapshot_download
from s3_lab import ask_s3
from tiny_student import write_tiny_student

from gts.core.blobs import BlobStore
from gts.platform.cli import run

Gts = Callable[..., tuple[int, str, str]]
# The client's own way to send a large file.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
INLINE = 400_000
LARGE = os.urandom(1_000_000)


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


@pytest.fixture
def in_s3(tmp_path: Path, sqlite_template: Path, s3_url: str) -> Iterator[Platform]:
    with running_platform(
        tmp_path / "s3", sqlite_template, blob_url=s3_url, hub_inline_bytes=INLINE
    ) as platform:
        yield platform


@pytest.fixture
def local(tmp_path: Path, sqlite_template: Path) -> Iterator[Platform]:
    with running_platform(tmp_path / "local", sqlite_template, hub_inline_bytes=INLINE) as platform:
        yield platform


@pytest.fixture(params=["local", "in_s3"])
def platform(request: pytest.FixtureRequest) -> Platform:
    found: Platform = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def gts(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Gts:
    """Runs a command on the machine of a platform; returns exit code, standard output, standard error."""

    def call(platform: Platform, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("GTS_HOME", str(platform.services.settings.data_dir))
        monkeypatch.setenv("GTS_BLOB_URL", platform.services.settings.blob_url)
        code = run(arguments)
        return code, *capfd.readouterr()

    return call


def fill(platform: Platform, folder: Path) -> str:
    """Upload a student and a large file; the commit."""
    if not folder.exists():
        write_tiny_student(folder)
    (folder / "large.onnx").write_bytes(LARGE)
    platform.api().create_repo("ann/tickets")
    commit: str = platform.api().upload_folder(repo_id="ann/tickets", folder_path=folder).oid
    return commit


def forget_copies(platform: Platform) -> None:
    """As after a move to another machine."""
    for blob in copies(platform):
        blob.unlink()


def copies(platform: Platform) -> list[Path]:
    store = BlobStore(platform.services.settings.blob_cache_root)
    return [store.path(blob.digest) for blob in store.stored()]


def seen(platform: Platform, commit: str) -> list[Any]:
    """What clients see of a file and of a student, without what is another at each time."""
    found: list[Any] = []
    for path in ("large.onnx", "gts.json"):
        for method in ("HEAD", "GET"):
            for headers in ({}, {"Range": "bytes=5-9"}, {"Range": "bytes=9000000-"}, {"If-None-Match": "*"}):
                status, answered, body = platform.ask(
                    f"/ann/tickets/resolve/{commit}/{path}", method, headers
                )
                found.append(
                    (path, method, headers, status, _lasting(answered), body.replace(commit.encode(), b""))
                )
    question = {"texts": ["where is my parcel", "a refund"]}
    url = "/api/v1/models/ann/tickets/predict"
    status, answer = platform.ask_json(url, "POST", platform.write, question)
    return [*found, status, answer["predictions"]]


def _lasting(headers: http.client.HTTPMessage) -> dict[str, str]:
    changing = {"date", "last-modified", "x-repo-commit"}
    return {name.lower(): value for name, value in headers.items() if name.lower() not in changing}


def test_clients_see_the_same_wherever_blobs_lie(local: Platform, in_s3: Platform, tmp_path: Path) -> None:
    there, here = (fill(platform, tmp_path / "student") for platform in (in_s3, local))
    forget_copies(in_s3)

    assert seen(in_s3, there) == seen(local, here)

    forget_copies(in_s3)
    for platform in (local, in_s3):
        options = {"endpoint": platform.url, "cache_dir": tmp_path / platform.root.name}
        folder = Path(snapshot_download("ann/tickets", **options))
        assert (folder / "large.onnx").read_bytes() == LARGE
    assert list(local.services.settings.data_dir.glob("blob-cache")) == []


def test_to_ask_about_a_file_fetches_nothing(in_s3: Platform, tmp_path: Path) -> None:
    commit = fill(in_s3, tmp_path / "student")
    forget_copies(in_s3)
    status, headers, _ = in_s3.ask(f"/ann/tickets/resolve/{commit}/large.onnx", "HEAD")
    assert (status, headers["Content-Length"]) == (200, str(len(LARGE)))
    assert copies(in_s3) == []
    assert in_s3.ask(f"/ann/tickets/resolve/{commit}/large.onnx")[2] == LARGE
    assert len(copies(in_s3)) == 1


def stored(platform: Platform, path: str) -> str:
    """Digest of a file's blob."""
    registry = platform.registry
    return registry.file(registry.resolve("ann", "tickets"), path).sha256


def break_blob(platform: Platform, s3_server: str, digest: str, content: bytes | None) -> None:
    place = f"{platform.services.settings.blob_url}/{digest[:2]}/{digest}"
    if not platform.services.settings.blob_url:
        path = platform.services.settings.blob_root / digest[:2] / digest
        path.unlink() if content is None else path.write_bytes(content)
    else:
        ask_s3(s3_server, place, "PUT" if content is not None else "DELETE", content)
        forget_copies(platform)


def test_damage_is_told_with_its_place_and_mended_by_sending_again(
    platform: Platform, tmp_path: Path, gts: Gts, s3_server: str
) -> None:
    commit = fill(platform, tmp_path / "student")
    code, out, err = gts(platform, "registry", "fsck")
    assert (code, out) == (0, "") and "nothing is wrong" in err
    large, config = stored(platform, "large.onnx"), stored(platform, "config.json")
    break_blob(platform, s3_server, large, LARGE[:-1] + bytes([LARGE[-1] ^ 1]))
    break_blob(platform, s3_server, config, None)

    assert gts(platform, "registry", "fsck", "--dry-run")[0] == 1
    code, out, err = gts(platform, "registry", "fsck")

    assert code == 1
    told = sorted(out.splitlines())
    assert told[0].split("  ")[-1].strip().startswith("kept in ") and large in told[0]
    assert told[1].startswith(f"damaged   ann/tickets@{commit[:12]} large.onnx  blob {large}")
    assert told[2].startswith(f"missing   ann/tickets@{commit[:12]} config.json  blob {config}")
    assert "publish the files again" in err
    status, _, body = platform.ask(f"/ann/tickets/resolve/{commit}/large.onnx")
    assert status == 507 and LARGE[:100] not in body
    code, out, _ = gts(platform, "registry", "fsck", "--json")
    document = json.loads(out)
    assert (code, document["ok"], {finding["fault"] for finding in document["findings"]}) == (
        1,
        False,
        {"missing"},
    )

    again = platform.api().upload_folder(repo_id="ann/tickets", folder_path=tmp_path / "student")
    assert again.oid == commit, "the same files are no new commit"
    assert gts(platform, "registry", "fsck")[0] == 0
    assert platform.ask(f"/ann/tickets/resolve/{commit}/large.onnx")[2] == LARGE


def test_garbage_is_collected_on_demand(platform: Platform, tmp_path: Path, gts: Gts) -> None:
    commit = fill(platform, tmp_path / "student")
    digest, size = platform.registry._blobs.store.put(io.BytesIO(b"nobody's"))
    code, out, err = gts(platform, "registry", "fsck")
    assert code == 0 and out.startswith(f"orphan    {digest}") and "gts registry gc" in err
    assert "0 blobs" in gts(platform, "registry", "gc")[1], "it is young"
    code, out, _ = gts(platform, "registry", "gc", "--dry-run", "--older-than", "0")
    assert (code, out) == (0, f"1 blobs ({size} bytes) would be removed\n")
    code, out, _ = gts(platform, "registry", "gc", "--older-than", "0s", "--json")
    assert json.loads(out) == {"dry_run": False, "blobs": 1, "bytes": size, "parts": 0}
    assert gts(platform, "registry", "fsck")[:2] == (0, "")
    assert platform.ask(f"/ann/tickets/resolve/{commit}/large.onnx")[2] == LARGE
    code, _, err = gts(platform, "registry", "gc", "--older-than", "yesterday")
    assert code == 2 and "30m, 12h or 1d" in err


def test_a_platform_does_not_start_over_storage_that_it_cannot_use(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GTS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GTS_BLOB_URL", "s3://no-such-bucket/gts")
    assert run(["up", "--port", "0"]) == 1
    assert "no bucket 'no-such-bucket'" in capfd.readouterr().err
    assert run(["doctor", "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capfd.readouterr().out)["checks"]}
    assert not checks["blobs"]["ok"] and "GTS_BLOB_URL" in checks["blobs"]["mend"]
    monkeypatch.setenv("GTS_BLOB_URL", s3_url)
    assert run(["doctor", "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capfd.readouterr().out)["checks"]}
    assert checks["blobs"]["ok"] and s3_url in checks["blobs"]["found"]
    monkeypatch.setenv("GTS_BLOB_URL", "/mnt/blobs")
    assert run(["up"]) == 2
    assert "s3://bucket/prefix" in capfd.readouterr().err
