from __future__ import annotations

import pytest
from huggingface_hub.utils import HFValidationError, validate_repo_id
from hypothesis import given
from hypothesis import strategies as st

from gts.core.errors import InvalidInput
from gts.registry.names import check_path, check_paths, check_ref, check_repository


@pytest.mark.parametrize("name", ["tickets", "a", "Support_Tickets-v1.2", "7b"])
def test_good_repository_names_pass(name: str) -> None:
    check_repository("acme", name)


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("acme", ""),
        ("", "tickets"),
        ("acme", "../../x"),
        ("acme", "a..b"),
        ("acme", "a--b"),
        ("acme", "-a"),
        ("acme", "a."),
        ("acme", "a.git"),
        ("acme", "a/b"),
        ("acme", "a\0"),
        ("acme", "a\n"),
        ("acme", "ärger"),
        ("acme", "x" * 92),
        ("api", "models"),
        ("API", "x"),
    ],
)
def test_bad_repository_names_are_refused(namespace: str, name: str) -> None:
    with pytest.raises(InvalidInput):
        check_repository(namespace, name)


@given(st.text(alphabet="aZ9._-/", max_size=12), st.text(alphabet="aZ9._-", max_size=12))
def test_what_passes_also_passes_the_hub_client(namespace: str, name: str) -> None:
    try:
        check_repository(namespace, name)
    except InvalidInput:
        return
    try:
        validate_repo_id(f"{namespace}/{name}")
    except HFValidationError as error:
        pytest.fail(f"the client refuses it: {error}")


@pytest.mark.parametrize("ref", ["main", "v1.0", "feat/x", "release-2026.01", "a@b"])
def test_good_refs_pass(ref: str) -> None:
    check_ref(ref)


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "/",
        "a//b",
        "../x",
        "a/..",
        ".a",
        "-a",
        "a.lock",
        "refs/heads/x",
        "0" * 40,
        "a b",
        "a\0",
        "x" * 101,
        "é",
    ],
)
def test_bad_refs_are_refused(ref: str) -> None:
    with pytest.raises(InvalidInput):
        check_ref(ref)


@pytest.mark.parametrize(
    "path", ["config.json", "onnx/model.onnx", "a/b/c", "größe.txt", ".gitattributes", "con1"]
)
def test_good_paths_pass(path: str) -> None:
    check_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        "../x",
        "a\\b",
        "C:\\x",
        "c:x",
        "a\0b",
        "a\nb",
        "a\x7fb",
        "a\u202eb",
        "a\u200bb",
        "\ud800",
        "con",
        "NUL.txt",
        "a/Com1.json",
        "lpt¹",
        "a.",
        "a ",
        " a",
        "a/b./c",
        "what?",
        "a*b",
        'a"b',
        "a<b",
        "a|b",
        ".git/config",
        "x/.GIT/hooks",
        "x" * 256,
        "é" * 128,
    ],
)
def test_bad_paths_are_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        check_path(path)


@pytest.mark.parametrize(
    "paths",
    [
        ["README.md", "readme.md"],
        ["a/x", "A/y"],
        ["a", "a/b"],
        ["A", "a/b"],
        ["stra\u00dfe", "STRASSE"],
        ["caf\u00e9", "cafe\u0301"],
    ],
)
def test_paths_that_clash_on_other_systems_are_refused(paths: list[str]) -> None:
    with pytest.raises(InvalidInput, match="one file on systems"):
        check_paths(paths)


@given(st.lists(st.text(max_size=8).map(lambda s: s or "x"), max_size=4))
def test_accepted_paths_stay_inside_their_folder(paths: list[str]) -> None:
    try:
        check_paths(paths)
    except InvalidInput:
        return
    for path in paths:
        assert not path.startswith("/")
        assert ".." not in path.split("/")
