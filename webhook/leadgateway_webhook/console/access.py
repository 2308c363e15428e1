"""Who asks, and what they may: every page and every part of the API takes a `Principal` from here, or shows nothing.

A program brings a Bearer token. A person signs in with a password and has a session, or comes through a proxy that
knows them. Where none of these is set the console listens on this machine only (`ConsoleSettings` sees to that), and
whoever can reach it there is an operator called `local`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import cast

from fastapi import Request
from pydantic import SecretStr

from leadgateway.commands.api_source import ACTOR_HEADER
from leadgateway.settings import ConsoleSettings, is_loopback
from leadgateway_webhook.console.sessions import Session, Sessions

LONGEST_NAME = 64
"""Characters of a person's name, which goes into the audit with everything they do."""


class Role(StrEnum):
    """What somebody may do."""

    VIEWER = "viewer"
    """Look."""
    OPERATOR = "operator"
    """Look, and act on leads."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Attributes:
        name: For the audit.
        role: What they may.
        holder: What their forms are bound to.
        signs_out: Whether they have a session here that they can end.
    """

    name: str
    role: Role
    holder: str = ""
    signs_out: bool = False

    @property
    def may_act(self) -> bool:
        """Whether they may do more than look."""
        return self.role is Role.OPERATOR


class NotSignedIn(Exception):
    """Nobody knows who asks."""


class NotAllowed(Exception):
    """Whoever asks may only look."""


class ForeignHost(Exception):
    """The console was called by a name that isn't its own, as a website does that wants to reach into this machine."""


class Access:
    """Decides who somebody is, by the settings of one console."""

    def __init__(self, settings: ConsoleSettings, clock: Callable[[], float] = time.time) -> None:
        """Take the settings.

        Args:
            settings: The console's.
            clock: Seconds since 1970.
        """
        self._settings = settings
        self.sessions = Sessions(_session_key(settings), seconds=settings.session_hours * 3600, clock=clock)
        self.cookie = "__Host-leadgateway" if settings.is_secure else "leadgateway"

    @property
    def is_open(self) -> bool:
        """Whether nothing is asked of who comes."""
        return self._settings.is_open

    @property
    def takes_passwords(self) -> bool:
        """Whether a person can sign in with a password."""
        return bool(self._settings.password or self._settings.viewer_password)

    @property
    def is_secure(self) -> bool:
        """Whether the cookie goes over TLS only."""
        return self._settings.is_secure

    @property
    def public_url(self) -> str | None:
        """Where people open it, if that is known."""
        return self._settings.public_url

    @property
    def session_seconds(self) -> int:
        """How long a session is good for."""
        return int(self._settings.session_hours * 3600)

    def principal(self, request: Request) -> Principal:
        """Who sent a request.

        Raises:
            NotSignedIn: It doesn't say, or not believably.
            ForeignHost: It came by a name that isn't this machine's, to a console that asks nothing.
        """
        authorization = request.headers.get("authorization")
        if authorization is not None:
            return self._bearer(authorization, request.headers.get(ACTOR_HEADER))
        if self.is_open:
            _refuse_foreign_hosts(request)
        session = self.session(request)
        if session is not None:
            return Principal(session.name, Role(session.role), session.nonce, signs_out=True)
        proxied = self._proxied(request)
        if proxied is not None:
            return proxied
        if self.is_open:
            return Principal("local", Role.OPERATOR, "local")
        raise NotSignedIn

    def session(self, request: Request) -> Session | None:
        """The session of a request, if it has one."""
        cookie = request.cookies.get(self.cookie)
        return None if cookie is None else self.sessions.read(cookie)

    def role_of(self, password: str) -> Role | None:
        """What a password lets somebody do; None: it is no password of ours."""
        # Both are compared, so that the time tells nothing.
        is_operator = _is_same(password, self._settings.password)
        is_viewer = _is_same(password, self._settings.viewer_password)
        if is_operator:
            return Role.OPERATOR
        return Role.VIEWER if is_viewer else None

    def is_form_of(self, principal: Principal, token: str) -> bool:
        """Whether a form that carries `token` is one that was given to `principal`."""
        return hmac.compare_digest(self.sessions.form_token(principal.holder).encode(), token.encode())

    def _bearer(self, authorization: str, actor: str | None) -> Principal:
        scheme, _, token = authorization.partition(" ")
        is_operator = _is_same(token.strip(), self._settings.token)
        is_viewer = _is_same(token.strip(), self._settings.viewer_token)
        if scheme.lower() != "bearer" or not (is_operator or is_viewer):
            raise NotSignedIn
        holder = "token" if is_operator else "viewer token"
        role = Role.OPERATOR if is_operator else Role.VIEWER
        return Principal(_bearer_name(actor, holder), role, "token")

    def _proxied(self, request: Request) -> Principal | None:
        header = self._settings.proxy_header
        if header is None or request.client is None or not self._is_proxy(request.client.host):
            return None
        name = person_name(request.headers.get(header, ""))
        if name is None:
            return None
        operators = self._settings.proxy_operators
        role = Role.OPERATOR if "*" in operators or name in operators else Role.VIEWER
        return Principal(name, role, f"proxy:{name}")

    def _is_proxy(self, address: str) -> bool:
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(peer, "ipv4_mapped", None)
        return any((mapped or peer) in network for network in self._settings.proxy_networks)


def viewer(request: Request) -> Principal:
    """Who asks, for what everybody may who is known (a FastAPI dependency).

    Raises:
        NotSignedIn, ForeignHost: See `Access.principal`.
    """
    return cast("Access", request.app.state.access).principal(request)


def operator(request: Request) -> Principal:
    """Who asks, for what only operators may (a FastAPI dependency).

    Raises:
        NotAllowed: They may only look.
        NotSignedIn, ForeignHost: See `Access.principal`.
    """
    principal = viewer(request)
    if not principal.may_act:
        raise NotAllowed
    return principal


def person_name(given: str) -> str | None:
    """A name as the audit keeps it; None where there is none, it is too long, or it holds what can't be shown."""
    name = " ".join(given.split())
    shown = all(not unicodedata.category(character).startswith("C") for character in name)
    return name if name and shown and len(name) <= LONGEST_NAME else None


def _bearer_name(actor: str | None, holder: str) -> str:
    """Who has a token, for the audit: several people may have the same, and can say who they are, as at the sign-in."""
    if actor is None:
        return holder
    # A header is bytes; HTTP libraries have them as Latin-1.
    said = person_name(actor.encode("latin-1").decode("utf-8", "replace")[: LONGEST_NAME - len(holder) - 3])
    return holder if said is None else f"{said} ({holder})"


def _session_key(settings: ConsoleSettings) -> bytes:
    """A key that changes with the passwords, so that a changed one ends the sessions that the old one began."""
    key = settings.session_key.get_secret_value().encode() if settings.session_key else secrets.token_bytes(32)
    passwords = [
        secret.get_secret_value() if secret else "" for secret in (settings.password, settings.viewer_password)
    ]
    return hmac.digest(key, hashlib.sha256("\0".join(passwords).encode()).digest(), "sha256")


def _is_same(given: str, secret: SecretStr | None) -> bool:
    return secret is not None and hmac.compare_digest(given.encode(), secret.get_secret_value().encode())


def _refuse_foreign_hosts(request: Request) -> None:
    # A name of an attacker's that leads to 127.0.0.1 (DNS rebinding) would let any website read everything here.
    host = request.url.hostname or ""
    if not is_loopback(host):
        raise ForeignHost
