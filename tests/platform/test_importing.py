"""What lies elsewhere comes into the registry whole, with its licence and origin, and without what could run code."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_lab import Platform, running_platform, serving, write_transformer
from huggingface_hub import ModelCard
from tiny_student import write_tiny_student

from gts.core import catalogue
from gts.core.errors import InvalidInput
from gts.platform.app import create_app
from gts.platform.cli import run
from gts.platform.mirroring import select_files, write_card
from gts.student.exchange.archives import pack

Gts = Callable[..., tuple[int, str, str]]
# The client's own way to send a large file.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("site"), sqlite_template) as found:
        yield found


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Platform]:
    """Another hub, with a model that it shows to everybody and one that it does not."""
    root = tmp_path_factory.mktemp("elsewhere")
    with running_platform(root, sqlite_template) as found:
        folder = write_transformer(root / "tickets")
        (folder / "notes.dat").write_bytes(b"notes")
        for name in ("tickets", "secret"):
            found.registry.publish("ann", name, folder, "first", "ann")
        found.registry.set_private("ann", "secret", True)
        yield found


@pytest.fixture
def gts(capfd: pytest.CaptureFixture[str], platform: Platform) -> Gts:
    """Runs a command against the platform; returns exit code, standard output, standard error."""

    def call(*arguments: str | Path, token: str = platform.write) -> tuple[int, str, str]:
        code = run([*map(str, arguments), "--url", platform.url, "--token", token])
        return code, *capfd.readouterr()

    return call


def content(platform: Platform, model: str) -> dict[str, bytes]:
    registry = platform.registry
    revision = registry.resolve(*model.split("/"))
    return {file.path: registry.blob(file).read_bytes() for file in registry.files(revision)}


def card(platform: Platform, model: str) -> dict[str, Any]:
    return ModelCard(content(platform, model)["README.md"].decode()).data.to_dict()


def with_pickles(folder: Path) -> Path:
    """A model as it is found in the world."""
    write_transformer(folder)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": 1}))
    (folder / "training_args.bin").write_bytes(pickle.dumps({}))
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"\x08\x0a\0onnx")
    (folder / "onnx" / "model_O4.onnx").write_bytes(b"\x08\x0a\0onnx optimised")
    (folder / "rust_model.ot").write_bytes(b"?")
    (folder / "LICENSE").write_text("The licence")
    (folder / ".gitattributes").write_text("*.bin filter=lfs\n")
    return folder


def test_a_folder_is_mirrored_without_its_pickles(platform: Platform, gts: Gts, tmp_path: Path) -> None:
    folder = with_pickles(tmp_path / "tickets")
    before = (folder / "README.md").read_bytes()
    code, out, err = gts("mirror", folder, "--exclude", "onnx/*_O?.onnx")
    assert code == 0, err
    commit = platform.registry.resolve("base", "tickets")
    assert out == f"base/tickets@{commit.oid[:12]}\n"
    found = content(platform, "base/tickets")
    kept = {"LICENSE", "README.md", "config.json", "model.safetensors", "onnx/model.onnx", "tokenizer.json"}
    assert set(found) == kept | {"tokenizer_config.json", ".gitattributes"}
    assert found["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    for line in (
        "left out pytorch_model.bin: loading it can run code",
        "left out onnx/model_O4.onnx: excluded",
        "left out rust_model.ot: no weights",
    ):
        assert line in err
    said = card(platform, "base/tickets")
    assert (said["license"], said["mirrored_from"]) == ("mit", "tickets")
    assert (folder / "README.md").read_bytes() == before, "the source stays as it is"
    assert gts("mirror", folder, "--exclude", "onnx/*_O?.onnx")[0] == 0
    assert platform.registry.resolve("base", "tickets") == commit, "the same once more is no new commit"


def test_an_archive_and_a_cache_of_links_are_mirrored(platform: Platform, gts: Gts, tmp_path: Path) -> None:
    folder = write_transformer(tmp_path / "model")
    pack(folder, tmp_path / "model-1.0.tar.gz")
    cache = tmp_path / "snapshot"
    cache.mkdir()
    for path in folder.iterdir():
        (cache / path.name).symlink_to(path)
    origin = "https://hub.example/ann/model"
    for source, model in ((tmp_path / "model-1.0.tar.gz", "base/model-1.0"), (cache, "base/snapshot")):
        code, out, err = gts("mirror", source, "--origin", origin, "--json")
        assert code == 0, err
        assert json.loads(out)["model"] == model
        found = content(platform, model)
        assert found["model.safetensors"] == (folder / "model.safetensors").read_bytes()
        assert card(platform, model)["mirrored_from"] == origin


def test_a_model_of_another_hub_is_mirrored(
    platform: Platform, elsewhere: Platform, gts: Gts, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = gts("mirror", "ann/tickets", "--from", elsewhere.url, "--json")
    assert code == 0, err
    document = json.loads(out)
    head = elsewhere.registry.resolve("ann", "tickets").oid
    assert (document["model"], document["left_out"]) == (
        "ann/tickets",
        {"notes.dat": "no weights, configuration or tokenizer"},
    )
    assert card(platform, "ann/tickets")["mirrored_from"] == f"{elsewhere.url}/ann/tickets@{head}"
    theirs, ours = content(elsewhere, "ann/tickets"), content(platform, "ann/tickets")
    assert {path: ours[path] for path in theirs if path not in ("notes.dat", "README.md")} == {
        path: theirs[path] for path in theirs if path not in ("notes.dat", "README.md")
    }

    monkeypatch.setenv(
        "HF_TOKEN", elsewhere.read
    )  # a token is sent to the hub it was given for, and only then
    private = ("mirror", "ann/secret", "--from", elsewhere.url, "--as", "base/secret", "--private")
    code, _, err = gts(*private)
    assert code == 1 and "no such model" in err
    assert gts(*private, "--from-token", elsewhere.read)[0] == 0
    assert platform.registry.get("base", "secret").private
    code, _, err = gts("mirror", "ann/tickets", "--from", elsewhere.url, "--revision", "none")
    assert code == 1 and "no such model or revision" in err


def test_bytes_that_change_on_the_way_are_refused(platform: Platform, elsewhere: Platform, gts: Gts) -> None:
    app = create_app(elsewhere.services)

    async def meddling(scope: Any, receive: Any, send: Any) -> None:
        async def changed(message: Any) -> None:
            if message["type"] == "http.response.body" and scope["path"].endswith("model.safetensors"):
                body = message.get("body", b"")
                message = message | {"body": body[:-1] + bytes([body[-1] ^ 1]) if body else body}
            await send(message)

        # Without its way round the loop that sends whole files.
        await app(scope | {"extensions": {}}, receive, changed)

    with serving(meddling) as url:
        code, _, err = gts("mirror", "ann/tickets", "--from", url, "--as", "base/meddled")
    assert code == 1 and "damaged on the way" in err
    assert "base/meddled" not in {item.id for item in platform.registry.list().items}


def test_what_cannot_be_mirrored_is_told(
    platform: Platform, elsewhere: Platform, gts: Gts, tmp_path: Path
) -> None:
    folder = with_pickles(tmp_path / "odd")
    (folder / "README.md").write_text("# No word about a licence\n")
    code, _, err = gts("mirror", folder)
    assert code == 2 and "--licence" in err
    assert gts("mirror", folder, "--licence", "mit")[0] == 0
    assert card(platform, "base/odd")["license"] == "mit"
    for path in ("model.safetensors", "onnx/model.onnx", "onnx/model_O4.onnx"):
        (folder / path).unlink()
    code, _, err = gts("mirror", folder)
    assert code == 2 and "no weights as safetensors or ONNX" in err and "pytorch_model.bin" in err
    for arguments, told in (
        ((tmp_path / "nowhere",), "is not there"),
        ((folder / "config.json",), "is no archive"),
        ((folder, "--as", "no-namespace"), "is not a repository name"),
        ((folder, "--revision", "main"), "--from"),
        (("ann/tickets", "--from", "http://127.0.0.1:9"), "does not answer"),
    ):
        code, _, err = gts("mirror", *arguments)
        assert code in (1, 2) and told in err, arguments
    shutil.copytree(write_transformer(tmp_path / "code"), folder, dirs_exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "evil.Model"}}))
    code, _, err = gts("mirror", folder, "--as", "base/code")
    assert code == 2 and "auto_map" in err
    code, _, err = gts("mirror", tmp_path / "code", token=platform.read)
    assert code == 1 and "may not write" in err


def test_jobs_use_a_mirrored_encoder(
    platform: Platform,
    gts: Gts,
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "site" / "catalogue.json"
    arguments = ("mirror", tiny_encoder, "--as", "base/tiny", "--licence", "mit", "--catalogue", file)
    code, _, err = gts(*arguments)
    assert code == 2 and "--language en" in err
    code, out, err = gts(*arguments, "--language", "en", "--language", "de", "--json")
    assert code == 0, err
    folder = Path(json.loads(out)["folder"])
    assert folder.parent == file.parent

    monkeypatch.setenv("GTS_CATALOGUE", str(file))
    catalogue.locate.cache_clear()
    entry = catalogue.encoder_for("de")
    assert entry is not None
    config = json.loads((tiny_encoder / "config.json").read_text())
    assert (entry.id, entry.licence, entry.hidden_size) == ("base/tiny", "mit", config["hidden_size"])
    assert entry.parameters > 10_000
    assert catalogue.locate("base/tiny") == folder
    vectors = [embedded(place) for place in (folder, tiny_encoder)]
    assert (vectors[0] == vectors[1]).all()

    weights = folder / "model.safetensors"
    shutil.rmtree(folder)
    catalogue.locate.cache_clear()
    with pytest.raises(Exception, match="not on this machine") as caught:
        catalogue.locate("base/tiny")
    command = caught.value.mend.split()
    assert command[:3] == ["gts", "pull", "base/tiny"]
    assert gts(*command[1:])[0] == 0, "the mend is a command that mends it"
    assert weights.is_file() and catalogue.locate("base/tiny") == folder
    assert gts(*arguments, "--language", "en")[0] == 0
    assert [entry.languages for entry in catalogue.entries() if entry.id == "base/tiny"] == [("en",)]
    catalogue.locate.cache_clear()


def embedded(folder: Path) -> Any:
    from gts.core.encoder import Encoder

    return Encoder(folder).embed(["where is my parcel", "salt the soup"])


def test_a_student_is_imported_and_answers(platform: Platform, gts: Gts, tmp_path: Path) -> None:
    folder = write_tiny_student(tmp_path / "student")
    pack(folder, tmp_path / "student.tar")
    mlflow = tmp_path / "mlflow"
    shutil.copytree(folder, mlflow / "data" / "student")
    (mlflow / "MLmodel").write_text("flavors: {}\n")
    for name, source in (("folder", folder), ("tar", tmp_path / "student.tar"), ("mlflow", mlflow)):
        code, out, err = gts("import", source, f"ann/{name}", "-m", "from elsewhere")
        assert code == 0, err
        head = platform.registry.resolve("ann", name)
        assert (out, head.message) == (f"ann/{name}@{head.oid[:12]}\n", "from elsewhere")
        assert content(platform, f"ann/{name}").keys() - {".gitattributes"} == {
            path.name for path in folder.iterdir()
        }
        url = f"/api/v1/models/ann/{name}/predict"
        _, answer = platform.ask_json(url, "POST", platform.write, {"texts": ["parcel"]})
        assert answer["predictions"][0]["labels"] == ["delivery"]


def test_an_import_is_the_whole_content(platform: Platform, gts: Gts, tmp_path: Path) -> None:
    folder = write_tiny_student(tmp_path / "student")
    (folder / "notes.txt").write_text("old")
    assert gts("import", folder, "ann/whole", "--private")[0] == 0
    (folder / "notes.txt").unlink()
    assert gts("import", folder, "ann/whole")[0] == 0
    assert "notes.txt" not in content(platform, "ann/whole")
    assert platform.registry.get("ann", "whole").private
    commits = platform.registry.history("ann", "whole")
    assert gts("import", folder, "ann/whole")[0] == 0
    assert platform.registry.history("ann", "whole") == commits


@pytest.mark.parametrize(
    "name", ["weights.pkl", "weights.dat", "model.safetensors", "deep/config.json", "a:b"]
)
def test_an_import_is_held_to_the_rules_of_the_registry(
    platform: Platform, gts: Gts, tmp_path: Path, name: str
) -> None:
    marker = tmp_path / "marker"

    class Touch:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (marker,)

    folder = write_tiny_student(tmp_path / "student")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(
        b'{"auto_map": {"a": "b"}}' if name.endswith(".json") else pickle.dumps(Touch())
    )
    pack(folder, tmp_path / "student.tar")
    for source in (folder, tmp_path / "student.tar"):
        code, _, err = gts("import", source, "ann/refused")
        assert code == 2 and name in err, err
    assert "ann/refused" not in {item.id for item in platform.registry.list().items}
    assert not marker.exists()


def test_what_is_no_student_is_not_imported(platform: Platform, gts: Gts, tmp_path: Path) -> None:
    model = write_transformer(tmp_path / "model")
    for arguments, told in (
        ((model, "ann/x"), "it is no student"),
        ((tmp_path / "nowhere", "ann/x"), "is not there"),
        ((write_tiny_student(tmp_path / "student"), "x"), "is not a repository name"),
    ):
        code, _, err = gts("import", *arguments)
        assert code in (1, 2) and told in err, arguments
    code, _, err = gts("import", tmp_path / "student", "ann/x", token=platform.read)
    assert code == 1 and "may not write" in err
    code, _, err = gts("import", tmp_path / "student", "ann/x", token="gts_wrong")
    assert code == 1 and err
    assert "ann/x" not in {item.id for item in platform.registry.list().items}


def test_paths_that_lead_elsewhere_are_refused() -> None:
    for path in ("../config.json", "/etc/config.json", "a\\b.json", "con.json"):
        with pytest.raises(InvalidInput):
            select_files(["model.safetensors", path])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# Only text\n",
        "---\nlicense: mit\n---\n# Both\n",
        "---\r\ntags: [a]\r\n---\r\nText",
        "---\n---\n",
    ],
)
def test_a_card_keeps_what_it_says(text: str) -> None:
    made = write_card(text, title="x", licence="mit", origin="https://hub/a@1: b")
    front = ModelCard(made).data.to_dict()
    assert (front["license"], front["mirrored_from"]) == ("mit", "https://hub/a@1: b")
    assert text.rpartition("---")[2].strip() in made
    assert write_card(made, title="x", licence="other", origin="another") == made
