"""Who asks, and may they: bearer tokens, the browser's cookie, and what guards a server on localhost.

Handlers declare what they need: ``user: Reader``, ``user: Writer`` or ``user: Inferrer``. A request
carries its token as ``Authorization: Bearer`` (clients) or in a cookie (browsers). The cookie is set when a
page is opened with ``?token=`` (the URL that ``gts up`` prints) or by the form on ``/login``.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, cast
from urllib.parse import SplitResult, urlencode, urlsplit

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gts.core.errors import Forbidden, Unauthorized
from gts.platform import tokens
from gts.platform.errors import ErrorAnswer
from gts.platform.routes.hub_protocol import HubUser
from gts.platform.services import Services, ServicesDep, get_services
from gts.platform.settings import Settings, is_loopback
from gts.platform.tokens import Token
from gts.registry.values import Sight

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_COOKIE_SECONDS = 30 * 24 * 3600

# No inline script or style anywhere, nothing from elsewhere, nobody may frame us. `same-origin` for the
# referrer: with `no-referrer` browsers send `Origin: null` with a form, which the origin check would refuse.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


@dataclass(frozen=True)
class User:
    """Whom a request acts for.

    Attributes:
        owner: Name under which jobs are kept.
        token: The token that came with the request.
    """

    owner: str
    token: Token

    @property
    def who(self) -> str:
        """Who it is, for those who read a history: people of one owner are told apart by the names of their tokens.

        Whoever came by the address that ``gts up`` prints is called as the owner.
        """
        return self.token.name if self.token.kind == tokens.PERSONAL else self.owner


def cookie_name(request: Request) -> str:
    """Cookies know no ports, so two platforms on one host need two names."""
    return f"gts_token_{request.url.port or 0}"


_documented_bearer = HTTPBearer(
    scheme_name="token",
    description="A token as `gts up` prints or `gts token new` makes it.",
    auto_error=False,
)


def current_user(request: Request, services: Services) -> User:
    """The user of a request, whatever the token may do; to be called in a thread.

    Raises:
        Unauthorized: No token came, or not a valid one.
    """
    if (known := getattr(request.state, "user", None)) is not None:
        return cast(User, known)
    return _known(request, services.tokens.verify(_secret(request)))


async def identified(
    request: Request,
    services: ServicesDep,
    _documented: Annotated[object, Depends(_documented_bearer)] = None,
) -> User:
    """FastAPI dependency: :func:`current_user` without a thread for each request.

    Raises:
        Unauthorized: No token came, or not a valid one.
    """
    if (known := getattr(request.state, "user", None)) is not None:
        return cast(User, known)
    return _known(request, await services.verify.get(_secret(request)))


def _secret(request: Request) -> str:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if cookie := request.cookies.get(cookie_name(request)):
        return cookie
    raise Unauthorized(
        "no token came with the request",
        mend="send it as `Authorization: Bearer <token>`; `gts up` prints one, `gts token new` makes one",
    )


def _known(request: Request, token: Token) -> User:
    request.state.user = User(owner=token.owner, token=token)
    return cast(User, request.state.user)


class GuardedRoute(APIRoute):
    """A route that asks for the token before the body is read: parsing one costs more than refusing it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind a look at the token."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            await identified(request, get_services(request))
            return await handle(request)

        return guarded


CurrentUser = Annotated[User, Depends(identified)]


def require(request: Request, user: User, scope: tokens.Scope) -> User:
    """The user, if the token carries the scope and is good for what the request is about.

    A token that is limited to repositories is good for requests that name one of them, and for no other.

    Raises:
        Forbidden: It does not, or is not.
    """
    token = user.token
    # Whoever may write may read too, as in the Hub's protocol.
    if scope not in token.scopes and not (scope == tokens.Scope.READ and tokens.Scope.WRITE in token.scopes):
        limits = "".join(f" --repo {name}" for name in sorted(token.repositories or ()))
        raise Forbidden(
            f"the token {token.name!r} may not do this: it lacks the scope {scope.value!r}",
            mend=f"make a token that has it: `gts token new NAME --scope {scope.value}{limits}`",
            scope=scope.value,
        )
    path = request.path_params
    model = f"{path.get('namespace')}/{str(path.get('name')).partition('@')[0]}"
    if not token.covers(model):
        raise Forbidden(
            f"the token {token.name!r} may not do this: it is limited to repositories",
            mend="use a token that is not limited, or ask about one of its repositories",
        )
    return user


async def require_read(request: Request, user: CurrentUser) -> User:
    """FastAPI dependency: a user who may read."""
    return require(request, user, tokens.Scope.READ)


async def require_write(request: Request, user: CurrentUser) -> User:
    """FastAPI dependency: a user who may submit, cancel and change."""
    return require(request, user, tokens.Scope.WRITE)


async def require_infer(request: Request, user: CurrentUser) -> User:
    """FastAPI dependency: a user who may ask models for predictions."""
    return require(request, user, tokens.Scope.INFER)


Reader = Annotated[User, Depends(require_read)]
Writer = Annotated[User, Depends(require_write)]
Inferrer = Annotated[User, Depends(require_infer)]


def hub_user(request: Request) -> HubUser:
    """Who asks in the Hub protocol, where whoever may write may read too.

    As on the Hub, public models can be read without a token, unless the setting ``public_downloads`` says
    otherwise (by default it does where other machines can reach the server).

    Raises:
        Unauthorized: A token came that is not valid, or none came and one is needed.
        Forbidden: The token may neither read nor write.
    """
    services = get_services(request)
    public = services.settings.downloads_are_public
    has_token = "authorization" in request.headers or cookie_name(request) in request.cookies
    if not has_token and public:
        return HubUser(None, Sight(private=False))
    user = current_user(request, services)
    scopes, only = user.token.scopes, user.token.repositories
    if not scopes & {tokens.Scope.READ, tokens.Scope.WRITE}:
        raise Forbidden(
            f"the token {user.token.name!r} may not do this: it lacks the scope 'read'",
            mend="make a token that has it: `gts token new NAME --scope read`",
        )
    sight = Sight() if only is None else Sight(public=public, private=False, named=only)
    return HubUser(user.owner, sight, may_write=tokens.Scope.WRITE in scopes, only=only, who=user.who)


def set_cookie(response: Response, request: Request, token: str) -> None:
    """Let the browser carry the token: out of reach of scripts, never sent from other sites."""
    response.set_cookie(
        cookie_name(request),
        token,
        max_age=_COOKIE_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def local_path(target: str) -> str:
    """A redirect target inside this site; anything else becomes ``/``.

    Example:
        >>> local_path("/jobs?x=1"), local_path("//evil.example"), local_path("https://evil.example")
        ('/jobs?x=1', '/', '/')
    """
    inside = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if inside else "/"


class Gatekeeper:
    """ASGI middleware in front of everything: host names, origins, the ``?token=`` hand-over, headers.

    Args:
        app: What stands behind it.
        settings: Say which host names are ours.
        answer: Says to who asked that it is refused.
    """

    def __init__(self, app: ASGIApp, settings: Settings, answer: ErrorAnswer) -> None:
        self._app = app
        self._answer = answer
        self._names = _own_names(settings)
        self._any_address = not is_loopback(settings.host)
        self._public = urlsplit(settings.public_url) if settings.public_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what must be refused; hand the rest on, with security headers on the way back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name for name, _ in given}
                message["headers"] = given + [item for item in _RAW_HEADERS if item[0] not in names]
            await send(message)

        request = Request(scope, receive)
        try:
            self._check_host(request.headers)
            host = request.headers.get("host", "")
            if self._public is not None:
                scope = _as_reached(scope, self._public)
                request = Request(scope, receive)
            _check_origin(request, {host, request.headers.get("host", "")})
        except Forbidden as error:
            await self._answer(request, error)(scope, receive, send_with_headers)
            return
        is_page = not scope["path"].startswith("/api/")
        if request.method == "GET" and is_page and "token" in request.query_params:
            response = await _trade_token(request)
            await response(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _check_host(self, headers: Headers) -> None:
        # DNS rebinding: a page of evil.example, resolved to 127.0.0.1, still says so in its Host header.
        # An address instead of a name cannot have been rebound.
        host = _host_name(headers.get("host", ""))
        if host in self._names or (self._any_address and _is_address(host)):
            return
        raise Forbidden(
            f"this server does not answer to the host name {host[:100]!r}",
            mend="use the URL that `gts up` printed, or add the name to the setting `allowed_hosts`",
        )


def _as_reached(scope: Scope, public: SplitResult) -> Scope:
    """A request as it was sent to the proxy in front: links, redirects and cookies are made for that address."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    host = (b"host", public.netloc.encode("idna" if not public.netloc.isascii() else "ascii"))
    return {**scope, "scheme": public.scheme, "headers": [*headers, host]}


@lru_cache(maxsize=100)
def _host_name(host: str) -> str:
    return (_split(f"//{host}").hostname or "").rstrip(".")


def _split(url: str) -> SplitResult:
    """The parts of an address; of something that is none, such as ``//[`` or ``//host:99999``, nothing."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # read only when asked for, and wrong ones are noticed only then
    except ValueError:
        return urlsplit("")
    return parts


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _own_names(settings: Settings) -> frozenset[str]:
    names = {"localhost", "127.0.0.1", "::1", settings.host, *settings.allowed_hosts}
    if settings.public_url:
        names.add(urlsplit(settings.public_url).hostname or "")
    if not is_loopback(settings.host):
        names.add(socket.gethostname())
    return frozenset(name.lower() for name in names if name)


def _check_origin(request: Request, hosts: set[str]) -> None:
    """Refuse changes asked for by pages of other sites; clients with a bearer token are not browsers' victims."""
    bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
    if request.method in _SAFE_METHODS or bearer:
        return
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is None and site is None and not request.headers.get("cookie"):
        return  # no browser; the handler will ask for a token
    same = origin is not None and _split(origin).netloc.lower() in {host.lower() for host in hosts}
    if not same and not (origin is None and site == "same-origin"):
        raise Forbidden(
            f"a page of another origin ({(origin or 'unknown')[:100]!r}) asked for this change",
            mend="open the platform's own page, or send `Authorization: Bearer <token>`",
        )


async def _trade_token(request: Request) -> Response:
    """Turn the token in a URL into a cookie, and lead to the same page without it."""
    rest = [(key, value) for key, value in request.query_params.multi_items() if key != "token"]
    path = local_path(request.url.path)
    try:
        await run_in_threadpool(request.app.state.services.tokens.verify, request.query_params["token"])
    except Unauthorized:
        return RedirectResponse("/login?" + urlencode({"failed": "1", "next": path}), status_code=303)
    response = RedirectResponse(path + ("?" + urlencode(rest) if rest else ""), status_code=303)
    set_cookie(response, request, request.query_params["token"])
    return response
