"""Calls of huggingface_hub's own client, to this platform or to another hub, with failures in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gts.core.errors import GTSError, NotFound
from gts.platform.client import Client
from gts.platform.remote import ServerUnreachable, hub_error_of
from gts.registry.manifest import check_files


def upload(client: Client, model: str, folder: Path, message: str, *, private: bool = False) -> str:
    """Make a folder the whole content of a model on a platform, in one commit; the model is made if it is not there.

    Args:
        client: Knows the platform.
        model: ``namespace/name``.
        folder: Its files; links are followed.
        message: What changed, for people.
        private: Whether a model that is made is private.

    Returns:
        The commit id; that of the head where nothing changed.

    Raises:
        InvalidInput: A name or a content that the registry refuses; says which and why.
        Forbidden: The token may not write.
        ServerUnreachable: The platform does not answer.
    """
    client.health()
    # The registry checks again; what it would refuse makes no empty repository.
    check_files({path.relative_to(folder).as_posix(): path.resolve() for path in files_in(folder)})
    with hub_calls(client.url):
        from huggingface_hub import HfApi

        api = HfApi(endpoint=client.url, token=client.token or False)
        if not api.repo_exists(model):
            api.create_repo(model, private=private)
        done = api.upload_folder(
            repo_id=model, folder_path=folder, commit_message=message, delete_patterns="*"
        )
        return done.oid


def files_in(folder: Path) -> list[Path]:
    """All files of a folder that clients send, sorted; links to files count as files."""
    hidden = (folder / ".git", folder / ".cache" / "huggingface")
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(path.is_relative_to(place) for place in hidden)
    ]


@contextmanager
def hub_calls(url: str) -> Iterator[None]:
    """Let huggingface_hub call a server, offline mode or not, and without Xet.

    Raises:
        NotFound: The server has no such model, or shows none to the token.
        GTSError: What a platform answered, with its own code.
        ServerUnreachable: The server does not answer, or not as a hub does.
    """
    from huggingface_hub import constants, errors
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    connection_failed: type[Exception] = vars(errors)[
        "HTTPError"
    ]  # of httpx or httpx2, as the client was built
    before = constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET
    constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET = False, True
    try:
        yield
    except HfHubHTTPError as error:
        if isinstance(error, RepositoryNotFoundError | RevisionNotFoundError):
            raise NotFound(
                f"{url} has no such model or revision, or shows it to others only",
                mend="check its name, or give a token that may read it",
            ) from error
        raise _answered(error, url) from error
    except (connection_failed, LocalEntryNotFoundError) as error:
        raise ServerUnreachable(
            f"{url} does not answer: {error or type(error).__name__}", mend="check the address and try again"
        ) from error
    finally:
        constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET = before


def _answered(error: Exception, url: str) -> GTSError:
    """The error that a platform's Hub routes answered with; of another hub, what there is."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", "something")
    told = None if response is None else hub_error_of(response)
    return told or ServerUnreachable(
        f"{url} answered {status}: {error}", mend="is this the address of a hub?"
    )
