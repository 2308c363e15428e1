"""Who somebody is, signed into a cookie: any console with the same key can check it, and none has to remember it."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import orjson

_MOST_CHARACTERS = 2048


@dataclass(frozen=True, slots=True)
class Session:
    """A person who signed in.

    Attributes:
        name: As they gave it.
        role: `viewer` or `operator`.
        nonce: Tells this session from every other.
        ends_at: In seconds since 1970.
    """

    name: str
    role: str
    nonce: str
    ends_at: float


class Sessions:
    """Makes and checks sessions, and the tokens that forms carry to show that they are ours."""

    def __init__(self, key: bytes, *, seconds: float, clock: Callable[[], float]) -> None:
        """Hold a key.

        Args:
            key: Whoever has it can be anybody.
            seconds: How long a session is good for.
            clock: Seconds since 1970.
        """
        self._key = key
        self._seconds = seconds
        self._clock = clock

    def begin(self, name: str, role: str) -> str:
        """A new session, as the value of a cookie."""
        content = orjson.dumps([name, role, secrets.token_urlsafe(12), self._clock() + self._seconds])
        return f"{_encode(content)}.{_encode(self._sign(b'session', content))}"

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None where the cookie is not ours, was changed, or is too old."""
        if len(cookie) > _MOST_CHARACTERS:
            return None
        content, signature = map(_decode, cookie.partition(".")[::2])
        if content is None or signature is None:
            return None
        if not hmac.compare_digest(signature, self._sign(b"session", content)):
            return None
        name, role, nonce, ends_at = orjson.loads(content)
        return Session(name, role, nonce, ends_at) if self._clock() < ends_at else None

    def form_token(self, holder: str) -> str:
        """What the forms of one session carry; another site can't know it.

        Args:
            holder: What tells the session from others.
        """
        return _encode(self._sign(b"form", holder.encode()))

    def _sign(self, purpose: bytes, content: bytes) -> bytes:
        return hmac.digest(self._key, purpose + b"\0" + content, "sha256")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
