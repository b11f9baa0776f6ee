"""What clients send in the writing half of the Hub protocol. Fields that are not listed are left alone."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from gts.core.errors import InvalidInput
from gts.registry.values import Kind

_MAX_FILES = 1000


class RepositoryBody(BaseModel):
    """A repository by its parts."""

    name: str = Field(description="Name, or `namespace/name`.")
    organization: str | None = Field(None, description="The namespace; without one, the caller's own.")
    type: str | None = Field(None, description="`model` (also when it is left out) or `dataset`.")

    @property
    def kind(self) -> Kind:
        """The kind of repository."""
        return kind_of(self.type)

    def parts(self, own: str | None) -> tuple[str, str]:
        """Namespace and name; ``own`` is the namespace of who names none."""
        if self.organization is None and "/" in self.name:
            namespace, _, name = self.name.partition("/")
            return namespace, name
        return self.organization or own or "", self.name


class VisibilityBody(BaseModel):
    """Whether a repository is hidden: one field or the other, as clients have it."""

    private: bool | None = Field(None, description="Whether only its readers may see it.")
    visibility: str | None = Field(None, description="`public` or `private`.")

    def hidden(self) -> bool | None:
        """Whether it is to be hidden; None if nothing is said.

        Raises:
            InvalidInput: Another visibility is asked for.
        """
        if self.visibility not in (None, "public", "private"):
            raise InvalidInput(
                f"the visibility {self.visibility[:50]!r} does not exist here", mend="use public or private"
            )
        return self.private if self.visibility is None else self.visibility == "private"


class CreateBody(RepositoryBody, VisibilityBody):
    """A repository to be made."""


class SettingsBody(VisibilityBody):
    """What is to be changed about a repository."""

    gated: bool | str | None = Field(None, description="Only `false`: access is not granted one by one here.")


class MoveBody(BaseModel):
    """A repository and its new name."""

    fromRepo: str = Field(description="`namespace/name` it has.")
    toRepo: str = Field(description="`namespace/name` it is to have.")
    type: str | None = Field(None, description="`model` (also when it is left out) or `dataset`.")


class YamlBody(BaseModel):
    """A card to be checked."""

    content: str = Field(description="The whole README.md.")


class PreuploadFile(BaseModel):
    """A file that a client is about to send."""

    path: str = Field(description="Its path in the repository.")
    size: int = Field(ge=0, description="Its bytes.")
    sample: str = Field("", max_length=4096, description="The first 512 of them, in base64.")


class PreuploadBody(BaseModel):
    """Files that a client is about to send."""

    files: list[PreuploadFile] = Field(max_length=_MAX_FILES)
    gitIgnore: str | None = Field(None, description="The `.gitignore` that comes with them.")


class BranchBody(BaseModel):
    """Where a branch begins."""

    startingPoint: str | None = Field(None, description="Revision; `main` without it.")


class TagBody(BaseModel):
    """A tag to be made."""

    tag: str = Field(description="Its name.")


class LfsObject(BaseModel):
    """A large file by its content."""

    oid: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of its bytes.")
    size: int = Field(ge=0, description="Their number.")


class LfsBatchBody(BaseModel):
    """Large files that a client wants to upload."""

    operation: Literal["upload"] = "upload"
    objects: list[LfsObject] = Field(max_length=_MAX_FILES)


def kind_of(name: str | None) -> Kind:
    """A kind of repository by its name in the protocol.

    Raises:
        InvalidInput: It is not kept here.
    """
    try:
        return Kind(name or Kind.MODEL)
    except ValueError:
        raise InvalidInput(
            f"repositories of the type {str(name)[:50]!r} are not kept here",
            mend="use `model` or `dataset`",
        ) from None
