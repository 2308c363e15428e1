"""What every answer of the console carries, and which requests it never takes: those that another site made."""

from __future__ import annotations

import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadgateway_webhook.console.metrics import Metrics

# One policy for all: our own style sheet and script, nothing inline, nothing from anywhere else, in no frame.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not no-referrer: with it browsers send "Origin: null" with our own forms.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_NO_STORE = (b"cache-control", b"no-store")
_TLS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSAL = b"This request came from another website, so nothing was done.\n"


class Protection:
    """Puts the headers on whatever the application answers, and answers other sites' requests itself."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, is_secure: bool, public_url: str | None) -> None:
        """Wrap an application.

        Args:
            app: The application.
            metrics: Where requests are counted.
            is_secure: Whether people reach it over TLS only.
            public_url: Where people open it, if that is known.
        """
        self._app = app
        self._metrics = metrics
        self._headers = (*_HEADERS, _TLS_ONLY) if is_secure else _HEADERS
        self._public_host = urlsplit(public_url).netloc if public_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.requests.labels(str(message["status"])).inc()
                self._metrics.seconds.observe(time.monotonic() - began)
                message["headers"] = _with(message.get("headers", ()), self._headers)
            await send(message)

        if self._is_foreign(scope):
            await _refuse(send_protected)
            return
        await self._app(scope, receive, send_protected)

    def _is_foreign(self, scope: Scope) -> bool:
        """Whether a request that does something was made by another site's page.

        Browsers say so in Sec-Fetch-Site, older ones in Origin; what sends neither is no browser, and so carries no
        one's session. A Bearer token is known to no other site.
        """
        if scope["method"] in _SAFE:
            return False
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        site = headers.get(b"sec-fetch-site")
        if site is not None:
            return site not in ("same-origin", "none")
        origin = headers.get(b"origin")
        if origin is None:
            return False
        host = urlsplit(origin).netloc if "://" in origin else None
        return host is None or host not in (headers.get(b"host"), self._public_host)


def _with(headers: Iterable[tuple[bytes, bytes]], ours: tuple[tuple[bytes, bytes], ...]) -> list[tuple[bytes, bytes]]:
    given = list(headers)
    named = {name.lower() for name, _ in given}
    added = ours if b"cache-control" in named else (*ours, _NO_STORE)
    return [*given, *added]


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(_REFUSAL))]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": _REFUSAL})
