"""Commands that bring what lies elsewhere into a platform's registry: ``mirror`` a base model, ``import`` a student."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gts.core.errors import InvalidInput
from gts.platform.cli.options import DataDirOption, JsonFlag, TokenOption, UrlOption, connect
from gts.platform.cli.output import plain, stderr, write_json, write_line

if TYPE_CHECKING:
    from gts.platform.client import Client

_NAMESPACE = "base"

PrivateFlag = Annotated[
    bool, typer.Option("--private", help="Make the repository private, if it is not there yet.")
]


def add_commands(app: typer.Typer) -> None:
    """Hang this file's commands into ``gts``."""
    app.command()(mirror)
    app.command("import")(import_student)


def mirror(
    source: Annotated[
        str, typer.Argument(help="A folder, a .tar or .tar.gz, or with --from a model's name.")
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="NS/NAME", help="What to call it here; default: as there, or base/NAME."
        ),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="Hub to fetch it from, such as https://huggingface.co."),
    ] = None,
    from_token: Annotated[
        str | None,
        typer.Option(envvar="GTS_FROM_TOKEN", show_envvar=True, help="Token for that hub, if it needs one."),
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="Commit, branch or tag there; default: the newest.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Leave these files out; repeat for several.")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Its licence, where its card names none.")] = None,
    origin: Annotated[
        str | None, typer.Option(help="Where a folder or archive came from, for the card.")
    ] = None,
    catalogue: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Name it in this catalogue of base models, and put its files beside it."
        ),
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(help="For the catalogue, if the card does not say; repeat for several."),
    ] = None,
    private: PrivateFlag = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Put a base model into the registry: safetensors, ONNX, JSON and tokenizer files, with licence and origin."""
    if revision and not endpoint:
        raise InvalidInput("--revision is for models of a hub", mend="name the hub with --from URL")
    with ExitStack() as stack:
        client = stack.enter_context(connect(url, token, data_dir))
        client.health()
        from gts.platform import mirroring
        from gts.platform.hub_calls import upload

        draft = Path(stack.enter_context(TemporaryDirectory(prefix="gts-mirror-")))
        if endpoint:
            model = name or (source if "/" in source else f"{_NAMESPACE}/{source}")
            check_model(model)
            selection, found = mirroring.fetch(
                source, draft, endpoint=endpoint, token=from_token, revision=revision, exclude=exclude or ()
            )
            came_from = origin or f"{endpoint.rstrip('/')}/{source}@{found}"
        else:
            model = name or f"{_NAMESPACE}/{_stem(source)}"
            check_model(model)
            folder = stack.enter_context(_opened(Path(source)))
            selection = mirroring.link_files(folder, draft, exclude or ())
            came_from = origin or Path(source).resolve().name
        card = mirroring.complete_card(draft, title=model, licence=licence, origin=came_from)
        commit = upload(client, model, draft, f"Mirror of {came_from}", private=private)
        placed = _catalogued(client, catalogue, model, commit, card, language) if catalogue else None
    if as_json:
        files = {"files": list(selection.kept), "left_out": dict(selection.left_out)}
        where = {"catalogue": str(catalogue), "folder": str(placed)} if placed else {}
        write_json({"model": model, "commit": commit, **files, **where})
        return
    for path, reason in selection.left_out.items():
        stderr().print(f"left out {plain(path)}: {reason}", markup=False, soft_wrap=True)
    write_line(f"{model}@{commit[:12]}")
    if placed and catalogue:
        stderr().print(
            f"its files lie in {placed}; GTS_CATALOGUE={catalogue.absolute()} lets jobs use it",
            markup=False,
            soft_wrap=True,
        )


def import_student(
    source: Annotated[
        Path, typer.Argument(help="A student: its folder, a .tar or .tar.gz of it, or MLflow's folder.")
    ],
    model: Annotated[str, typer.Argument(metavar="MODEL", help="namespace/name to publish it under.")],
    message: Annotated[str, typer.Option("--message", "-m", help="What changed, for people.")] = "Import",
    private: PrivateFlag = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Publish a student that was made or kept elsewhere."""
    check_model(model)
    with _opened(source) as folder, connect(url, token, data_dir) as client:
        from gts.platform.hub_calls import upload
        from gts.student.exchange.mlflow import student_in
        from gts.student.layout import read_manifest

        student = student_in(folder) or folder
        read_manifest(student)
        commit = upload(client, model, student, message, private=private)
    if as_json:
        write_json({"model": model, "commit": commit})
    else:
        write_line(f"{model}@{commit[:12]}")


@contextmanager
def _opened(source: Path) -> Iterator[Path]:
    """A folder, or what an archive holds."""
    from gts.student.exchange.archives import SUFFIXES, unpack

    if source.is_dir():
        yield source
    elif source.is_file() and source.name.endswith(SUFFIXES):
        with TemporaryDirectory(prefix="gts-import-") as folder:
            unpack(source, Path(folder))
            yield Path(folder)
    else:
        what = "is no archive" if source.is_file() else "is not there"
        raise InvalidInput(
            f"{str(source)!r} {what}", mend=f"give a folder, or a file that ends in {', '.join(SUFFIXES)}"
        )


def check_model(model: str) -> None:
    """Refuse what is no name of a model before anything is fetched or sent.

    Raises:
        InvalidInput: It is none.
    """
    from gts.registry.names import check_repository

    namespace, _, name = model.partition("/")
    check_repository(namespace, name)


def _stem(source: str) -> str:
    """The name of a folder or of what an archive holds."""
    from gts.student.exchange.archives import SUFFIXES

    name = Path(source).resolve().name
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def _catalogued(
    client: Client,
    catalogue: Path,
    model: str,
    commit: str,
    card: Mapping[str, Any],
    language: Sequence[str] | None,
) -> Path:
    """Fetch a model back from the registry to a folder beside a catalogue, and name it there."""
    from gts.core.catalogue_entries import add_entry, describe_model

    said = card.get("language") or []
    languages = language or ([said] if isinstance(said, str) else [str(code) for code in said])
    if not languages:
        raise InvalidInput(
            f"{model} is in the registry; its card does not say for which languages it is",
            mend="run the same command with --language en, say",
        )
    catalogue.parent.mkdir(parents=True, exist_ok=True)
    folder = catalogue.absolute().parent / f"{model.replace('/', '--')}-{commit[:12]}"
    client.pull(model, folder, revision=commit)
    entry = describe_model(
        model,
        folder,
        languages=languages,
        licence=str(card["license"]),
        install=f"gts pull {model} --revision {commit} --output {folder}",
    )
    add_entry(catalogue.absolute(), entry)
    return folder
