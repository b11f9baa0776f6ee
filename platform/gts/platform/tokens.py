"""Access tokens: random, checksummed, stored as hashes, revocable at once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from gts.core.database import Database, now
from gts.core.errors import InvalidInput, NotFound, Unauthorized
from gts.platform.tables import TokenRow
from gts.registry.names import check_repository
from gts.registry.values import Kind

PREFIX = "gts_"
STARTUP = "startup"
PERSONAL = "personal"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY_CHARS, _CHECKSUM_CHARS = 43, 6  # 43 base-62 digits hold 256 bits, 6 hold a CRC-32
_USED_EVERY = timedelta(minutes=1)
_STRONG_CHARS = 32
_NAME_CHARS = 96


class Scope(StrEnum):
    """What a token may do."""

    READ = "read"
    """See jobs and models, download models."""
    WRITE = "write"
    """Submit and cancel jobs, change models."""
    INFER = "infer"
    """Ask models for predictions."""


ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True)
class Token:
    """What is known of a token (never the token itself).

    Attributes:
        id: Twelve hex digits by which people name it.
        owner: Whom requests with it act for.
        name: What the owner calls it.
        kind: ``startup`` or ``personal``.
        scopes: What it may do.
        repositories: Full names of the repositories it is limited to; None for all.
        created_at: When it was made.
        last_used_at: Last use, to the minute.
        expires_at: When it ends by itself.
        revoked_at: When it was revoked.
    """

    id: str
    owner: str
    name: str
    kind: str
    scopes: frozenset[Scope]
    repositories: frozenset[str] | None
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    def covers(self, full_name: str) -> bool:
        """Whether it is good for a repository, as far as its limits go."""
        return self.repositories is None or full_name in self.repositories

    @property
    def active(self) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now())


def generate_token() -> str:
    """A fresh token: ``gts_``, 256 random bits, and a checksum that tells typing errors from forgeries.

    Example:
        >>> token = generate_token()
        >>> len(token), well_formed(token), well_formed(token[:-1] + "!")
        (53, True, False)
    """
    body = _base62(secrets.randbits(256), _BODY_CHARS)
    return PREFIX + body + _checksum(body)


def well_formed(token: str) -> bool:
    """Whether a ``gts_`` token carries its right checksum; tokens of the operator's own choice always pass."""
    if not token.startswith(PREFIX):
        return True
    body, checksum = token[len(PREFIX) : -_CHECKSUM_CHARS], token[-_CHECKSUM_CHARS:]
    return len(body) == _BODY_CHARS and hmac.compare_digest(checksum.encode(), _checksum(body).encode())


def check_strength(token: str) -> None:
    """Refuse a token of the operator's own choice that could be guessed.

    Raises:
        InvalidInput: It is shorter than 32 characters, has few different ones, or is not plain ASCII.
    """
    plain = token.isascii() and token.isprintable() and " " not in token
    if len(token) < _STRONG_CHARS or len(set(token)) < 10 or not plain or not well_formed(token):
        raise InvalidInput(
            f"GTS_TOKEN is too weak: {_STRONG_CHARS} or more ASCII characters without spaces are expected",
            mend='make one with `python -c "import secrets; print(secrets.token_urlsafe(32))"`',
        )


def parse_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """Scopes by their names.

    Raises:
        InvalidInput: A name is unknown.
    """
    try:
        return frozenset(Scope(name) for name in names)
    except ValueError as error:
        raise InvalidInput(str(error), mend=f"known scopes: {', '.join(Scope)}") from error


def parse_repositories(names: Iterable[str]) -> frozenset[str]:
    """Repositories by their full names: ``namespace/name`` of a model, ``datasets/namespace/name`` of a data set.

    Raises:
        InvalidInput: A name breaks the rules.

    Example:
        >>> sorted(parse_repositories(["ann/tickets", "datasets/ann/texts"]))
        ['ann/tickets', 'datasets/ann/texts']
    """
    found = frozenset(names)
    for full_name in found:
        namespace, _, name = full_name.removeprefix(Kind.DATASET.prefix).partition("/")
        check_repository(namespace, name)
    return found


class TokenStore:
    """The tokens of one installation.

    Args:
        database: Where their hashes are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        name: str,
        *,
        owner: str = "local",
        scopes: frozenset[Scope] = ALL_SCOPES,
        repositories: frozenset[str] | None = None,
        kind: str = PERSONAL,
        expires_at: datetime | None = None,
        secret: str | None = None,
    ) -> tuple[str, Token]:
        """Make a token; the first part of the answer is the only copy there will ever be.

        Args:
            name: What to call it.
            owner: Whom requests with it act for.
            scopes: What it may do.
            repositories: Full names of the repositories it is limited to; None for all.
            kind: ``personal`` or ``startup``.
            expires_at: When it ends by itself.
            secret: A token of the operator's own choice.
        """
        secret = secret or generate_token()
        values = {
            "owner": owner,
            "name": name[:_NAME_CHARS],
            "kind": kind,
            "scopes": " ".join(sorted(scopes)),
            "repositories": None if repositories is None else " ".join(sorted(repositories)),
            "created_at": now(),
            "last_used_at": None,
            "expires_at": expires_at,
            "revoked_at": None,
        }
        with self._database.writing() as session:
            row = session.scalar(select(TokenRow).where(TokenRow.sha256 == _hash(secret)))
            if row is None:
                row = TokenRow(id=secrets.token_hex(6), sha256=_hash(secret), **values)
                session.add(row)
            else:  # the operator's own token, given again at the next start
                for key, value in values.items():
                    setattr(row, key, value)
            session.flush()
            return secret, _from_row(row)

    def create_startup(self, place: str, secret: str | None = None) -> str:
        """Make the token of this start of the server; those of its earlier starts are revoked.

        Args:
            place: What tells this server from others that use the same database.
            secret: A token of the operator's own choice.
        """
        name = f"start of the server {place}"[:_NAME_CHARS]
        token, made = self.create(name, kind=STARTUP, secret=secret)
        earlier = (TokenRow.kind == STARTUP, TokenRow.name == name, TokenRow.id != made.id)
        with self._database.writing() as session:
            session.execute(
                update(TokenRow).where(*earlier, TokenRow.revoked_at.is_(None)).values(revoked_at=now())
            )
        return token

    def verify(self, secret: str) -> Token:
        """The token's record.

        Raises:
            Unauthorized: It is unknown, revoked or expired.
        """
        digest = _hash(secret)
        if secret and well_formed(secret):
            with self._database.reading() as session:
                row = session.scalar(select(TokenRow).where(TokenRow.sha256 == digest))
            if row is not None and hmac.compare_digest(row.sha256, digest):
                token = _from_row(row)
                if token.active:
                    self._note_use(token)
                    return token
        raise Unauthorized(
            "the token is not valid (unknown, revoked or expired)",
            mend="use the URL that `gts up` printed, or make a token with `gts token new`",
        )

    def list(self) -> list[Token]:
        """All tokens, newest first."""
        with self._database.reading() as session:
            rows = session.scalars(select(TokenRow).order_by(TokenRow.created_at.desc(), TokenRow.id))
            return [_from_row(row) for row in rows]

    def revoke(self, token_id: str) -> Token:
        """End a token at once; revoking it again changes nothing.

        Raises:
            NotFound: No token has this id.
        """
        with self._database.writing() as session:
            row = session.get(TokenRow, token_id)
            if row is None:
                raise NotFound(f"no token {token_id!r}", mend="`gts token list` shows the ids")
            row.revoked_at = row.revoked_at or now()
            session.flush()
            return _from_row(row)

    def _note_use(self, token: Token) -> None:
        # To the minute: a write per request would make every read wait for the database's write lock.
        if token.last_used_at is None or now() - token.last_used_at > _USED_EVERY:
            # Whoever only reads must not be refused because nothing can be written.
            with suppress(DBAPIError), self._database.writing() as session:
                session.execute(update(TokenRow).where(TokenRow.id == token.id).values(last_used_at=now()))


def _from_row(row: TokenRow) -> Token:
    return Token(
        id=row.id,
        owner=row.owner,
        name=row.name,
        kind=row.kind,
        scopes=frozenset(Scope(scope) for scope in row.scopes.split()),
        repositories=None if row.repositories is None else frozenset(row.repositories.split()),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode("utf-8", "surrogatepass")), _CHECKSUM_CHARS)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
