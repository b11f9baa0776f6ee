"""Base models are the ones the catalogue names, or there is a clear word about why not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gts.core import catalogue
from gts.core.errors import InvalidInput, MissingDependency, NotFound, StorageError
from gts.core.fingerprint import file_sha256

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

Write = Callable[..., None]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes the site's own catalogue with one entry, changed by keyword."""
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "model.safetensors").write_bytes(b"weights")

    def write(**changed: Any) -> None:
        entry = {
            "id": "site/zh",
            "languages": ["zh"],
            "parameters": 1,
            "hidden_size": 2,
            "licence": "mit",
            "path": str(folder),
            "install": "copy the folder from the share",
            "sha256": {"model.safetensors": file_sha256(folder / "model.safetensors")},
        }
        (tmp_path / "catalogue.json").write_text(json.dumps({"models": [entry | changed]}), "utf-8")
        catalogue.locate.cache_clear()
        catalogue.identity.cache_clear()

    monkeypatch.setenv("GTS_CATALOGUE", str(tmp_path / "catalogue.json"))
    yield write
    catalogue.locate.cache_clear()
    catalogue.identity.cache_clear()


def test_the_shipped_encoder_is_pinned_to_the_published_weights() -> None:
    entry = catalogue.find(MINILM)

    assert entry.sha256["model.safetensors"] == MINILM_SHA256
    assert file_sha256(catalogue.locate(MINILM) / "model.safetensors") == MINILM_SHA256
    assert catalogue.encoder_for("en") == entry


def test_a_relative_path_counts_from_the_catalogues_folder(
    site: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site(path="weights")
    monkeypatch.chdir(tmp_path / "weights")
    monkeypatch.setenv("GTS_CATALOGUE", "../catalogue.json")
    folder = catalogue.locate("site/zh")
    monkeypatch.chdir("/")

    assert folder.is_absolute() and folder.samefile(tmp_path / "weights")


def test_a_language_without_encoder_has_none() -> None:
    assert catalogue.encoder_for("zh") is None
    assert catalogue.encoder_for("und") == catalogue.encoder_for("en")


def test_a_site_adds_an_encoder(site: Write, tmp_path: Path) -> None:
    site()

    found = catalogue.encoder_for("zh")
    assert found is not None
    assert catalogue.locate(found.id) == tmp_path / "weights"
    assert catalogue.encoder_for("en") == catalogue.find(MINILM)


def test_the_sites_encoder_goes_before_the_shipped_one(site: Write) -> None:
    site(languages=["zh", "en"])

    found = catalogue.encoder_for("en")
    assert found is not None
    assert found.id == "site/zh"


def test_a_site_may_have_several_encoders_and_they_keep_its_order(site: Write, tmp_path: Path) -> None:
    site(languages=["zh", "en"])
    path = tmp_path / "catalogue.json"
    (first,) = json.loads(path.read_text("utf-8"))["models"]
    absent = first | {"id": "site/absent", "path": str(tmp_path / "nowhere")}
    other = first | {"id": "site/en", "languages": ["en"]}
    path.write_text(json.dumps({"models": [absent, first, other]}), "utf-8")

    assert [entry.id for entry in catalogue.encoders_for("en")] == ["site/zh", "site/en"]
    assert catalogue.encoders_for("und") == catalogue.encoders_for("en")
    assert [entry.id for entry in catalogue.encoders_for("zh")] == ["site/zh"]


def test_shipped_encoders_stand_in_where_the_site_has_none(site: Write) -> None:
    site()

    assert [entry.id for entry in catalogue.encoders_for("en")] == [MINILM]
    assert catalogue.encoders_for("fr") == ()


def test_changed_weights_are_refused(site: Write, tmp_path: Path) -> None:
    site()
    (tmp_path / "weights" / "model.safetensors").write_bytes(b"other weights")

    with pytest.raises(StorageError, match=r"model\.safetensors of site/zh has SHA-256") as caught:
        catalogue.locate("site/zh")

    assert "copy the folder from the share" in caught.value.mend


@pytest.mark.parametrize("missing", ["folder", "file", "package"])
def test_missing_weights_say_how_to_get_them(site: Write, tmp_path: Path, missing: str) -> None:
    site()
    if missing == "file":
        (tmp_path / "weights" / "model.safetensors").unlink()
    elif missing == "folder":
        site(path=str(tmp_path / "nowhere"))
    else:
        site(path=None, package="no_such_parent.no_such_package")

    with pytest.raises(MissingDependency, match="site/zh") as caught:
        catalogue.locate("site/zh")

    assert caught.value.mend == "copy the folder from the share"


@pytest.mark.parametrize("changed", [{"path": "/nowhere"}, {"path": None, "package": "no_such.package"}])
def test_an_encoder_that_is_not_at_hand_is_not_chosen(site: Write, changed: dict[str, Any]) -> None:
    site(**changed)

    assert catalogue.encoder_for("zh") is None


def test_an_encoder_of_another_architecture_is_refused(site: Write, tmp_path: Path) -> None:
    site()
    (tmp_path / "weights" / "config.json").write_text('{"model_type": "xlm-roberta"}')

    with pytest.raises(InvalidInput, match="site/zh is of type 'xlm-roberta'; encoders of type 'bert'"):
        catalogue.locate("site/zh")


def test_other_weights_under_the_same_name_are_another_model(site: Write, tmp_path: Path) -> None:
    site()
    before = catalogue.identity("site/zh")
    (tmp_path / "weights" / "model.safetensors").write_bytes(b"other weights")
    site(sha256={})

    assert catalogue.identity("site/zh") != before


def test_an_unknown_id_lists_the_known_ones(site: Write) -> None:
    site()

    with pytest.raises(NotFound) as caught:
        catalogue.find("nobody/nothing")
    assert caught.value.mend == f"known are: site/zh, {MINILM}"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"models": 3}',
        b'{"models": [{"id": "x"}]}',
        b"\xff\xfe\x00",
        b'{"models": [{"colour": 1}]}',
    ],
)
def test_a_broken_site_catalogue_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    path = tmp_path / "own.json"
    path.write_bytes(content)
    monkeypatch.setenv("GTS_CATALOGUE", str(path))

    with pytest.raises(InvalidInput, match=r"own\.json cannot be read") as caught:
        catalogue.entries()
    assert '{"models": [...]}' in caught.value.mend


def test_a_site_catalogue_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GTS_CATALOGUE", "/nowhere/catalogue.json")

    with pytest.raises(InvalidInput, match="nowhere"):
        catalogue.encoder_for("en")
