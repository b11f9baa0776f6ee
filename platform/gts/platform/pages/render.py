"""Templates and static files: one Jinja environment that escapes everything, files named by their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gts.core.errors import NotFound
from gts.platform.pages import charts, wording

_HERE = Path(__file__).parent
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_DIGEST_CHARS = 12


@dataclass(frozen=True)
class StaticFile:
    """A file that pages refer to.

    Attributes:
        content: Its bytes.
        media_type: What browsers are told it is.
        digest: Beginning of its SHA-256; part of its URL, so that browsers may keep it for ever.
    """

    content: bytes
    media_type: str
    digest: str


@cache
def static_files() -> dict[str, StaticFile]:
    """All static files by name."""
    found = {}
    for path in sorted((_HERE / "static").iterdir()):
        if media_type := _MEDIA_TYPES.get(path.suffix):
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:_DIGEST_CHARS]
            found[path.name] = StaticFile(content, media_type, digest)
    return found


def static_file(name: str) -> StaticFile:
    """A static file.

    Raises:
        NotFound: There is none of that name.
    """
    found = static_files().get(name)
    if found is None:
        raise NotFound(f"no file {name[:100]!r}", mend="go back to the first page")
    return found


def static_url(name: str) -> str:
    """Where a static file is.

    Example:
        >>> static_url("app.css").startswith("/static/app.css?v=")
        True
    """
    return f"/static/{name}?v={static_files()[name].digest}"


def render(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page.

    Args:
        request: The request it answers.
        template: File name of the template.
        status: HTTP status.
        **context: What the template shows.
    """
    # Revalidated each time: what a job page says is old in a second.
    headers = {"Cache-Control": "private, no-cache"}
    html = _environment().get_template(template).render(path=request.scope["path"], **context)
    return HTMLResponse(html, status_code=status, headers=headers)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=wording.percent,
        points=wording.points,
        duration=wording.duration,
        size=wording.size,
        compact=wording.compact,
        amount=wording.amount,
        ago=wording.ago,
        shorten=wording.shorten,
        sentence=wording.sentence,
        prose=wording.prose,
        capital=wording.capital,
    )
    environment.globals.update(
        static=static_url, bar=charts.bar, counted=wording.counted, version=installed_version("gts")
    )
    return environment
