"""Uploads through the Hub protocol by unmodified clients, over the whole application on a loopback port."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hub_lab import Platform, running_platform, wait_until
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    constants,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors.numpy import save

from gts.core.fingerprint import file_sha256
from gts.registry.values import Kind

# The client's own way to send a large file.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
INLINE = 400_000  # bytes that a file may have to be sent inside a commit
LFS = {"HF_HUB_DISABLE_XET": "1"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Platform]:
    root = tmp_path_factory.mktemp("hub")
    with (
        running_platform(root, sqlite_template, hub_inline_bytes=INLINE) as platform,
        pytest.MonkeyPatch.context() as patch,
    ):
        # What HF_ENDPOINT and HF_HUB_DISABLE_XET set when the client is imported, which was long ago.
        url = platform.url
        patch.setattr(constants, "ENDPOINT", url)
        patch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield platform


def weights(count: int = 64, seed: int = 0) -> bytes:
    return save({"weight": np.random.default_rng(seed).normal(size=count).astype(np.float32)})


def add(path: str, content: bytes | str = b"x") -> CommitOperationAdd:
    return CommitOperationAdd(path, content.encode() if isinstance(content, str) else content)


def oids(api: HfApi, repository: str, **options: Any) -> list[str]:
    return [commit.commit_id for commit in api.list_repo_commits(repository, **options)]


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_a_repository_is_made_filled_read_and_removed(hub: Platform, tmp_path: Path, kind: str) -> None:
    api = hub.api()
    url = api.create_repo("ann/whole", repo_type=kind)
    assert (url.repo_id, url.repo_type) == ("ann/whole", kind)
    assert api.list_repo_files("ann/whole", repo_type=kind) == [".gitattributes"]
    assert api.create_repo("ann/whole", repo_type=kind, exist_ok=True) == url
    with pytest.raises(HfHubHTTPError, match="already") as caught:
        api.create_repo("ann/whole", repo_type=kind)
    assert caught.value.response.status_code == 409
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    contents = {"README.md": b"---\nlicense: mit\n---\n# Hi\n", "sub/a.safetensors": weights(), "empty": b""}
    for path, content in contents.items():
        (folder / path).write_bytes(content)
    done = api.upload_folder(repo_id="ann/whole", repo_type=kind, folder_path=folder)
    assert done.commit_url == f"{url}/commit/{done.oid}"
    # What clients print leads a person to the page.
    with httpx.Client(headers={"Authorization": f"Bearer {hub.read}"}, follow_redirects=True) as browser:
        for address in (str(url), done.commit_url):
            page = browser.get(address)
            assert page.status_code == 200 and done.oid[:7] in page.text, address
            assert "sub/a.safetensors" in page.text and "hf download ann/whole" in page.text
    info = api.repo_info("ann/whole", repo_type=kind, files_metadata=True)
    assert (info.sha, info.card_data.license) == (done.oid, "mit")
    assert {sibling.rfilename for sibling in info.siblings} == {*contents, ".gitattributes"}
    cache = tmp_path / "cache"
    local = snapshot_download("ann/whole", repo_type=kind, cache_dir=cache, endpoint=hub.url)
    assert {path: (Path(local) / path).read_bytes() for path in contents} == contents
    assert api.upload_folder(repo_id="ann/whole", repo_type=kind, folder_path=folder).oid == done.oid
    assert len(oids(api, "ann/whole", repo_type=kind)) == 2
    api.delete_repo("ann/whole", repo_type=kind)
    assert not api.repo_exists("ann/whole", repo_type=kind)
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo("ann/whole", repo_type=kind)
    api.delete_repo("ann/whole", repo_type=kind, missing_ok=True)


def test_a_bare_name_is_in_the_namespace_of_the_token(hub: Platform) -> None:
    assert hub.api().create_repo("bare").repo_id == "ann/bare"


def test_kinds_do_not_meet(hub: Platform) -> None:
    api = hub.api()
    hub.repository("both")
    hub.repository("both", kind=Kind.DATASET)
    api.upload_file(path_or_fileobj=b"m", path_in_repo="m", repo_id="ann/both")
    assert api.list_repo_files("ann/both", repo_type="dataset") == [".gitattributes"]
    assert "ann/both" in {item.id for item in api.list_datasets(author="ann")}
    api.delete_repo("ann/both")
    assert api.repo_exists("ann/both", repo_type="dataset")
    with pytest.raises(HfHubHTTPError, match="not kept here"):
        api.create_repo("ann/space", repo_type="space", space_sdk="static")


def test_operations_of_a_commit(hub: Platform) -> None:
    api, name = hub.api(), hub.repository("operations")
    first = [add("a/one", "1"), add("a/two", "2"), add("b", "3"), add("w.safetensors", weights())]
    api.create_commit(name, first, commit_message="first", commit_description="with details")
    operations = [
        CommitOperationDelete("a/"),
        CommitOperationDelete("b"),
        CommitOperationCopy("w.safetensors", "copy/w.safetensors"),
        CommitOperationCopy(".gitattributes", "copy/attributes"),
        add("c", "4"),
    ]
    done = api.create_commit(name, operations, commit_message="second")
    assert set(api.list_repo_files(name)) == {
        ".gitattributes",
        "c",
        "copy/attributes",
        "copy/w.safetensors",
        "w.safetensors",
    }
    commits = api.list_repo_commits(name)
    assert [(commit.title, commit.message) for commit in commits] == [
        ("second", ""),
        ("first", "with details"),
        ("initial commit", ""),
    ]
    assert (commits[0].commit_id, commits[0].authors) == (done.oid, ["write"])
    with pytest.raises(EntryNotFoundError, match="trailing"):
        api.delete_file("nope", name)
    api.delete_folder("copy", name)
    assert "copy/w.safetensors" not in api.list_repo_files(name)
    assert hub.registry.verify(*name.split("/")) == ()


def test_commits_go_to_the_branch_that_is_named(hub: Platform) -> None:
    api, name = hub.api(), hub.repository("branches")
    api.create_branch(name, branch="feat/x")
    api.upload_file(path_or_fileobj=b"1", path_in_repo="x", repo_id=name, revision="feat/x")
    api.upload_file(path_or_fileobj=b"2", path_in_repo="x", repo_id=name)
    main, branch = oids(api, name), oids(api, name, revision="feat/x")
    assert (len(main), len(branch), main[1:]) == (2, 2, branch[1:])
    for revision in ("nope", "refs/pr/1", branch[0]):
        with pytest.raises(RevisionNotFoundError):
            api.upload_file(path_or_fileobj=b"3", path_in_repo="x", repo_id=name, revision=revision)
    with pytest.raises(HfHubHTTPError, match="pull requests"):
        api.upload_file(path_or_fileobj=b"3", path_in_repo="x", repo_id=name, create_pr=True)


def test_branches_and_tags_are_made_once_and_removed(hub: Platform) -> None:
    api, name = hub.api(), hub.repository("references")
    api.upload_file(path_or_fileobj=b"1", path_in_repo="x", repo_id=name)
    first = oids(api, name)[-1]
    api.create_tag(name, tag="v1", revision=first)
    api.create_branch(name, branch="old", revision="v1")
    for make in (api.create_tag, api.create_branch):
        what = {"tag": "v1"} if make == api.create_tag else {"branch": "old"}
        with pytest.raises(HfHubHTTPError, match="already"):
            make(name, revision=first, **what)
        make(name, revision=first, exist_ok=True, **what)
    refs = api.list_repo_refs(name)
    assert {ref.name: ref.target_commit for ref in refs.tags} == {"v1": first}
    with pytest.raises(RevisionNotFoundError):
        api.create_tag(name, tag="v2", revision="nope")
    api.delete_tag(name, tag="v1")
    api.delete_branch(name, branch="old")
    with pytest.raises(RevisionNotFoundError):
        api.delete_tag(name, tag="v1")
    with pytest.raises(HfHubHTTPError, match="main"):
        api.delete_branch(name, branch="main")


def test_a_moved_repository_is_found_under_its_old_name(hub: Platform, tmp_path: Path) -> None:
    api, name = hub.api(), hub.repository("before")
    api.upload_file(path_or_fileobj=b"1", path_in_repo="x", repo_id=name)
    api.move_repo(name, "bob/after")
    assert api.model_info(name).id == "bob/after"
    local = hf_hub_download(name, "x", cache_dir=tmp_path, endpoint=hub.url)
    assert Path(local).read_bytes() == b"1"
    api.upload_file(path_or_fileobj=b"2", path_in_repo="y", repo_id=name)
    large = weights(200_000)
    api.upload_file(path_or_fileobj=large, path_in_repo="w.safetensors", repo_id=name)
    assert {"x", "y", "w.safetensors"} < set(api.list_repo_files("bob/after"))
    assert hub.registry.verify("bob", "after") == ()
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo(name)
    hub.repository("before")  # another one takes the name
    assert api.model_info(name).id == name
    with pytest.raises(HfHubHTTPError, match="already"):
        api.move_repo("bob/after", name)
    api.delete_repo(name)
    api.move_repo("bob/after", name)
    assert api.model_info("bob/after").id == name
    with pytest.raises(HfHubHTTPError, match="not a repository name"):
        api.move_repo(name, "ann/..")


def test_a_stale_parent_is_refused_and_a_lost_answer_repeated(hub: Platform) -> None:
    api, name = hub.api(), hub.repository("parents")
    base = oids(api, name)[0]
    first = api.create_commit(name, [add("a")], commit_message="m", parent_commit=base)
    again = api.create_commit(name, [add("a")], commit_message="m", parent_commit=base[:7])
    assert again.oid == first.oid
    with pytest.raises(HfHubHTTPError, match=first.oid) as caught:
        api.create_commit(name, [add("b")], commit_message="m", parent_commit=base)
    assert caught.value.response.status_code == 412
    gone = api.delete_file("a", name, parent_commit=first.oid)
    assert api.delete_file("a", name, parent_commit=first.oid).oid == gone.oid
    assert oids(api, name) == [gone.oid, first.oid, base]


def together(*tasks: Callable[[], Any]) -> list[Any]:
    """What each gives, or the error that the server answers with, when all begin at once."""
    results: list[Any] = [None] * len(tasks)
    barrier = threading.Barrier(len(tasks))

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = tasks[number]()
        except HfHubHTTPError as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_writers_that_saw_one_head_exactly_one_wins(hub: Platform) -> None:
    api, name = hub.api(), hub.repository("race")
    base = oids(api, name)[0]

    def write(number: int, parent: str | None) -> Any:
        return api.create_commit(name, [add(f"f{number}")], commit_message="m", parent_commit=parent)

    results = together(*(lambda n=n: write(n, base) for n in range(4)))
    winners = [result for result in results if not isinstance(result, Exception)]
    losers = [result for result in results if isinstance(result, HfHubHTTPError)]
    assert (len(winners), len(losers)) == (1, 3)
    assert {error.response.status_code for error in losers} == {412}
    assert oids(api, name) == [winners[0].oid, base]
    lined_up = together(*(lambda n=n: write(n, None) for n in range(10, 14)))
    assert not [result for result in lined_up if isinstance(result, Exception)]
    assert {f"f{n}" for n in range(10, 14)} <= set(api.list_repo_files(name))
    assert hub.registry.verify("ann", "race") == ()


def test_large_files_are_uploaded_once_and_before_the_commit(hub: Platform) -> None:
    api, name = hub.api(), hub.repository("large")
    content = weights(200_000)
    assert len(content) > INLINE
    api.upload_file(path_or_fileobj=content, path_in_repo="w.safetensors", repo_id=name)
    info = api.get_paths_info(name, ["w.safetensors"])[0]
    assert (info.size, info.lfs.size) == (len(content), len(content))
    head = oids(api, name)[0]
    assert api.upload_file(path_or_fileobj=content, path_in_repo="w.safetensors", repo_id=name).oid == head
    api.upload_file(path_or_fileobj=content, path_in_repo="other.safetensors", repo_id=name)
    other = hub.repository("large_2")  # what one repository has is not for all to name
    unsent = {"path": "w.safetensors", "algo": "sha256", "oid": info.lfs.sha256, "size": info.size}
    status, answer = commit_lines(hub, other, {"key": "lfsFile", "value": unsent})
    assert (status, "was not uploaded to this repository" in answer["error"]) == (422, True)
    api.upload_file(path_or_fileobj=content, path_in_repo="w.safetensors", repo_id=other)
    assert hub.registry.verify("ann", "large") == hub.registry.verify("ann", "large_2") == ()


def commit_lines(hub: Platform, name: str, *lines: Any, token: str | None = None) -> tuple[int, Any]:
    """Send a commit by hand."""
    every = [{"key": "header", "value": {"summary": "by hand"}}, *lines]
    body = b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in every
    )
    headers = {"Authorization": f"Bearer {token or hub.write}", "Content-Type": "application/x-ndjson"}
    status, _, answer = hub.ask(f"/api/models/{name}/commit/main", "POST", headers, body)
    return status, json.loads(answer)


def test_a_client_with_xet_is_told_what_to_do(hub: Platform, tmp_path: Path) -> None:
    name = hub.repository("xet")
    (tmp_path / "w.safetensors").write_bytes(weights(200_000))
    command = [str(Path(sys.executable).with_name("hf")), "upload", name, str(tmp_path / "w.safetensors")]
    result = subprocess.run(
        command, env=hub.environment(HF_TOKEN=hub.write), capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert "HF_HUB_DISABLE_XET=1" in result.stderr
    hub.run(command, HF_TOKEN=hub.write, **LFS)
    assert "w.safetensors" in hub.api().list_repo_files(name)


def test_what_gitignore_names_is_not_sent(hub: Platform, tmp_path: Path) -> None:
    api, name = hub.api(), hub.repository("ignored")
    for path in (".env", "logs/a.log", "kept.log", "model.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("x")
    (tmp_path / ".gitignore").write_text(".env\nlogs/\n*.log\n!kept.log\n")
    api.upload_folder(repo_id=name, folder_path=tmp_path)
    sent = {".gitattributes", ".gitignore", "kept.log", "model.txt"}
    assert set(api.list_repo_files(name)) == sent
    (tmp_path / ".gitignore").unlink()  # the one that was committed goes on to count
    (tmp_path / "kept.log").write_text("changed")
    api.upload_folder(repo_id=name, folder_path=tmp_path)
    assert set(api.list_repo_files(name)) == sent


def test_a_card_that_cannot_be_used_is_refused_first(hub: Platform) -> None:
    api, name = hub.api(), hub.repository("cards")
    with pytest.raises(ValueError, match="front matter"):
        api.upload_file(path_or_fileobj=b"---\na: [\n---\n", path_in_repo="README.md", repo_id=name)
    assert len(oids(api, name)) == 1
    api.upload_file(path_or_fileobj=b"---\ntags: [a]\n---\n", path_in_repo="README.md", repo_id=name)
    assert api.model_info(name).tags == ["a"]


def test_private_repositories_are_hidden(hub: Platform) -> None:
    api, name = hub.api(), hub.repository("hidden", private=True)
    limited, anonymous = hub.api(hub.limited), hub.api(False)
    assert api.model_info(name).private
    assert hub.api(hub.read).model_info(name).private
    for other, status in ((anonymous, 401), (limited, 404)):
        with pytest.raises(RepositoryNotFoundError) as caught:
            other.model_info(name)
        assert caught.value.response.status_code == status
        with pytest.raises(RepositoryNotFoundError):
            other.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=name)
        assert name not in {item.id for item in other.list_models()}
    api.update_repo_settings(name, private=False)
    assert anonymous.model_info(name).id == name
    api.update_repo_settings(name, visibility="private")
    assert not anonymous.repo_exists(name)
    with pytest.raises(HfHubHTTPError, match="one by one"):
        api.update_repo_settings(name, gated="auto")


def test_a_token_that_may_read_writes_nothing(hub: Platform) -> None:
    api, name = hub.api(hub.read), hub.repository("guarded")
    assert api.whoami()["auth"]["accessToken"]["role"] == "read"
    for write in (
        lambda: api.create_repo("ann/other"),
        lambda: api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=name),
        lambda: api.create_tag(name, tag="v"),
        lambda: api.create_branch(name, branch="b"),
        lambda: api.update_repo_settings(name, private=True),
        lambda: api.move_repo(name, "ann/moved"),
        lambda: api.delete_repo(name),
    ):
        with pytest.raises(HfHubHTTPError, match="403") as caught:
            write()
        assert caught.value.response.status_code == 403
    status, _ = commit_lines(hub, name, token=hub.read)
    assert status == 403
    for write in (
        lambda: hub.api(False).create_repo("ann/other"),
        lambda: hub.api(False).create_tag(name, tag="v"),
        lambda: hub.api("bad").create_repo("ann/other"),
    ):
        with pytest.raises(HfHubHTTPError) as caught:
            write()
        assert caught.value.response.status_code == 401
    assert len(oids(hub.api(), name)) == 1


def test_a_limited_token_writes_to_its_repositories_only(hub: Platform) -> None:
    api, other = hub.api(hub.limited), hub.repository("not_limited")
    assert api.whoami()["auth"]["accessToken"]["role"] == "write"
    for kind in ("model", "dataset"):
        api.create_repo("ann/limited", repo_type=kind, private=True)
        api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="ann/limited", repo_type=kind)
        assert "x" in api.list_repo_files("ann/limited", repo_type=kind)
    assert "ann/limited" in {item.id for item in api.list_models()}
    for write in (
        lambda: api.create_repo("ann/limited2"),
        lambda: api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=other),
        lambda: api.move_repo("ann/limited", "ann/free"),
        lambda: api.move_repo(other, "ann/limited"),
        lambda: api.delete_repo(other),
    ):
        with pytest.raises(HfHubHTTPError, match="403"):
            write()
    headers = {"Authorization": f"Bearer {hub.limited}"}
    assert hub.ask("/api/v1/models/ann/limited", headers=headers)[0] == 200
    for path in ("/api/v1/jobs", "/api/v1/models", "/models", "/"):
        assert hub.ask(path, headers=headers)[0] == 403, path


def test_listings_are_searched_filtered_and_sorted(hub: Platform) -> None:
    api = hub.api()
    for number, tag in enumerate(("red", "blue", "red", "蓝")):
        card = f"---\ntags: ['{tag}']\ntask_categories: [text-classification]\nlanguage: [en]\n---\n".encode()
        for kind in ("model", "dataset"):
            name = f"lists/item_{number}"
            api.create_repo(name, repo_type=kind)
            api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id=name, repo_type=kind)

    def names(found: Any) -> list[str]:
        return [item.id.removeprefix("lists/item_") for item in found]

    for listing in (api.list_models, api.list_datasets):
        assert names(listing(author="lists")) == ["3", "2", "1", "0"]
        assert names(listing(author="lists", filter="red")) == ["2", "0"]
        assert names(listing(author="lists", filter="蓝")) == ["3"]
        assert names(listing(author="lists", filter=["red", "blue"])) == []
        assert names(listing(search="ITEM_1")) == ["1"]
        assert names(listing(author="lists", limit=3)) == ["3", "2", "1"]
        assert names(listing(author="lists", sort="created_at")) == ["3", "2", "1", "0"]
        full = next(iter(listing(author="lists", full=True)))
        assert {sibling.rfilename for sibling in full.siblings} == {".gitattributes", "README.md"}
    wanted = {"task_categories": "text-classification", "language": "en"}
    assert names(api.list_datasets(author="lists", **wanted)) == ["3", "2", "1", "0"]
    _, _, oldest = hub.ask("/api/models?author=lists&direction=1&limit=2")
    assert [item["id"] for item in json.loads(oldest)] == ["lists/item_0", "lists/item_1"]


STUCK_CLIENT = """
    import socket, sys
    plain, sent = socket.socket.send, 0

    def send(self, data, *flags):
        global sent
        if sent > 200_000:
            print("half", flush=True)
            sys.stdin.read()
        sent += (done := plain(self, data[:50_000], *flags))
        return done

    socket.socket.send = send
    from huggingface_hub import HfApi
    HfApi().upload_file(path_or_fileobj={path!r}, path_in_repo="w.safetensors", repo_id={repository!r})
"""


@pytest.mark.parametrize(("name", "size"), [("killed_inline", INLINE // 4 - 100), ("killed_lfs", 2_000_000)])
def test_a_killed_upload_leaves_nothing_visible(hub: Platform, tmp_path: Path, name: str, size: int) -> None:
    """The client is killed in the middle of a file, inside a commit or of a large one."""
    repository, file = hub.repository(name), tmp_path / name
    file.write_bytes(weights(size))
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(STUCK_CLIENT.format(path=str(file), repository=repository))],
        env=hub.environment(HF_TOKEN=hub.write, **LFS),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        assert wait_until(hub.loose_parts)
        process.kill()
    assert wait_until(lambda: not hub.loose_parts())
    api = hub.api()
    assert api.list_repo_files(repository) == [".gitattributes"]
    api.upload_file(path_or_fileobj=file, path_in_repo="w.safetensors", repo_id=repository)
    assert api.get_paths_info(repository, ["w.safetensors"])[0].lfs.sha256 == file_sha256(file)
    assert hub.registry.verify("ann", name) == ()
