"""Templates and static files: a Jinja environment for each language, files named by their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gts.core.errors import NotFound
from gts.platform.pages import charts, wording, words
from gts.platform.pages.languages import Language, language_of, languages

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


def render(
    request: Request, template: str, *, status: int = 200, address: str | None = None, **context: Any
) -> HTMLResponse:
    """A page, in the language of the request.

    Args:
        request: The request it answers.
        template: File name of the template.
        status: HTTP status.
        address: Where the page can be opened; by default that of the request. Answers to forms have another.
        **context: What the template shows.
    """
    language = language_of(request)
    headers = {
        # Revalidated each time: what a job page says is old in a second.
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Language, Cookie",
    }
    page = environment(language.name).get_template(template)
    html = page.render(
        path=request.scope["path"], switches=_switches(language, address or address_of(request)), **context
    )
    return HTMLResponse(html, status_code=status, headers=headers)


def address_of(request: Request) -> str:
    """Where the page of a request can be opened; for a form that was sent, the nearest page that is sure to exist."""
    if request.method != "GET":
        return "/new" if request.url.path == "/new" else "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _switches(language: Language, address: str) -> list[tuple[Language, str]]:
    """The other languages, each with the link that leads to it and back to the page."""
    return [
        (other, "/language?" + urlencode({"to": other.name, "next": address}))
        for other in languages().values()
        if other is not language
    ]


@cache
def environment(name: str) -> Environment:
    """The templates in a language; its name is a key of :func:`gts.platform.pages.languages.languages`."""
    language = languages()[name]
    found = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    found.policies["ext.i18n.trimmed"] = True
    texts, plurals = language.text, language.plural
    found.install_gettext_callables(texts, plurals, newstyle=True)  # type: ignore[attr-defined]  # i18n adds it
    found.filters.update(
        percent=wording.percent,
        points=partial(wording.points, language=language),
        duration=partial(wording.duration, language=language),
        size=wording.size,
        compact=wording.compact,
        amount=wording.amount,
        number="{:,}".format,
        ago=partial(wording.ago, language=language),
        shorten=wording.shorten,
        sentence=wording.sentence,
        prose=wording.prose,
        capital=wording.capital,
        word=language.text,
        finding_title=partial(words.finding_title, language=language),
    )
    found.globals.update(
        static=static_url,
        bar=charts.bar,
        version=installed_version("gts"),
        language=language,
    )
    return found
