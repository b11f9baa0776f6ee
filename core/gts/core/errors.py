"""The one error tree of GTS, and the one JSON shape in which errors leave the process.

    GTSError                       500 internal
    ├── InvalidInput               422 invalid_input      the user's task, file or request is wrong
    │   ├── DataError              422 invalid_data       a row or file; carries file and line
    │   └── TooLarge               413 too_large          over a stated limit
    ├── NotFound                   404 not_found
    ├── Conflict                   409 conflict           exists already, or changed meanwhile
    ├── Unauthorized               401 unauthorized
    ├── Forbidden                  403 forbidden
    ├── Overloaded                 429 overloaded         too much at once; try again shortly
    ├── Unavailable            503 unavailable        a service this depends on does not answer now
    ├── MissingDependency          501 missing_dependency an extra or model weights are not installed
    ├── StorageError               507 storage            disk full, or storage that does not do as it should
    │   └── Damaged                507 damaged            a stored file is gone, or not what was stored
    ├── StageFailed                500 stage_failed       a stage of a job ended with an error
    ├── Cancelled                  409 cancelled          the person cancelled the job
    └── LeaseLost                  409 lease_lost         another worker has taken over the job

Every message says what was given, what was expected, and what to do next.
"""

from __future__ import annotations

from typing import Any, ClassVar


class GTSError(Exception):
    """Base of every error GTS raises on purpose.

    Args:
        message: What was given and what was expected, in one or two sentences.
        mend: What the reader can do about it.
        **details: JSON-serialisable facts for machines (file, line, known values, ...).

    Example:
        >>> error = NotFound("no model 'a/b'", mend="run `gts models` to see what there is", model="a/b")
        >>> error.as_json()["error"]["code"]
        'not_found'
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, mend: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend
        self.details = details

    def __str__(self) -> str:
        return f"{self.message}. {self.mend}" if self.mend else self.message

    def naming(self, path: str, name: str) -> GTSError:
        """The same error for somebody who knows nothing of our folders: what it calls by a path has a name.

        Example:
            >>> str(NotFound("/tmp/x/a.json is missing", path="/tmp/x/a.json").naming("/tmp/x", "local/tickets"))
            'local/tickets/a.json is missing'
        """
        details = {
            key: value.replace(path, name) if isinstance(value, str) else value
            for key, value in self.details.items()
        }
        return type(self)(self.message.replace(path, name), mend=self.mend.replace(path, name), **details)

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only arguments would be lost when an error crosses a process border.
        return (_rebuild, (type(self), self.message, self.mend, self.details))

    def as_json(self) -> dict[str, Any]:
        """The body every interface sends: ``{"error": {"code", "message", "mend", "details"}}``."""
        return {
            "error": {"code": self.code, "message": self.message, "mend": self.mend, "details": self.details}
        }


def _rebuild(cls: type[GTSError], message: str, mend: str, details: dict[str, Any]) -> GTSError:
    return cls(message, mend=mend, **details)


class InvalidInput(GTSError):
    """The task, option or request body is wrong."""

    code = "invalid_input"
    status = 422


class DataError(InvalidInput):
    """A data file or one of its rows is wrong; ``details`` holds ``file`` and ``line`` where known."""

    code = "invalid_data"


class TooLarge(InvalidInput):
    """The request or file is over a stated limit."""

    code = "too_large"
    status = 413


class NotFound(GTSError):
    """The thing asked for does not exist (or may not be seen)."""

    code = "not_found"
    status = 404


class Conflict(GTSError):
    """It exists already, or changed since it was read."""

    code = "conflict"
    status = 409


class Unauthorized(GTSError):
    """No valid token came with the request."""

    code = "unauthorized"
    status = 401


class Forbidden(GTSError):
    """The request is understood and refused."""

    code = "forbidden"
    status = 403


class Overloaded(GTSError):
    """More is being asked for at once than the server takes on."""

    code = "overloaded"
    status = 429


class Unavailable(GTSError):
    """A service that this depends on does not answer now; trying again later may help."""

    code = "unavailable"
    status = 503


class MissingDependency(GTSError):
    """A Python extra or a model's weights are not at hand; the mend says how to get them."""

    code = "missing_dependency"
    status = 501


class StorageError(GTSError):
    """The disk is full, or storage does not do as it should."""

    code = "storage"
    status = 507


class Damaged(StorageError):
    """A stored file is gone, or not what was stored."""

    code = "damaged"


class StageFailed(GTSError):
    """A stage of a job ended with an error that is not the user's."""

    code = "stage_failed"


class Cancelled(GTSError):
    """The person cancelled the job."""

    code = "cancelled"
    status = 409


class LeaseLost(GTSError):
    """Another worker holds the job now; everything this one still wants to write is refused."""

    code = "lease_lost"
    status = 409
