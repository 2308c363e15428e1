"""HTTP/1.1 as uvicorn speaks it, with the bounds it lacks.

A request's head has a size, a request has a time to arrive, a process has a number of connections, and bytes that are
no HTTP are answered as JSON. Without them a source that sends headers without end fills the memory, and a thousand that
send nothing fill the table of file descriptors. (uvicorn itself bounds the buffer of a body, and idle connections
between two requests.)
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from leadgateway_webhook import answers
from leadgateway_webhook.errors import HeadTooLarge, MalformedRequest, Overloaded, Refusal, RequestTimeout
from leadgateway_webhook.head import new_correlation_id
from leadgateway_webhook.joined_writes import JoinedWrites

MAX_HEAD_BYTES = 32 * 1024
"""Request line and headers; twice what common proxies let through."""
MAX_CONNECTIONS = 4096
REQUEST_SECONDS = 20.0
"""From the first byte of a request (or from the connection) to its last; also for a source to read its answers."""
MAX_DISCARDED_BYTES = 16 * 1024 * 1024
"""What is still read of a body that was refused early, so that its source gets to read the refusal."""

_FRAMING = (b"content-length", b"transfer-encoding")


class IntakeProtocol(HttpToolsProtocol):
    """One connection."""

    count_refusal: Callable[[str], None] = staticmethod(lambda _code: None)
    """Told the code of each refusal that no request is answered with; a subclass may set it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, or refuse, when there are too many connections already."""
        super().connection_made(cast("asyncio.Transport", JoinedWrites(transport, self.loop)))
        self._arriving_since: float | None = self.loop.time()  # of a request; None while none is
        self._blocked_since: float | None = None  # the source does not read its answers
        self._head_bytes = 0  # of the head that is arriving
        self._in_body = False
        self._discarded_bytes = 0
        self._last_words: bytes | None = None  # what ends the connection once requests before it are answered
        if len(self.connections) > MAX_CONNECTIONS:
            self._refuse(Overloaded())

    def data_received(self, data: bytes) -> None:
        """Parse what came, counting what is not bounded elsewhere."""
        if self._last_words is not None or self.transport.is_closing():
            return
        super().data_received(data)
        if not self._in_body:
            self._count_head(len(data))
        elif self.cycle.response_complete:
            self._count_discarded(len(data))
        if self._arriving_since is None and self._is_idle() and self.timeout_keep_alive_task is None:
            # Bytes between two requests (blank lines) have stopped the idle timer; this one goes on.
            self._arriving_since = self.loop.time()

    def on_message_begin(self) -> None:
        """A request's first byte."""
        super().on_message_begin()
        self._arriving_since = self.loop.time()
        self._head_bytes = self._discarded_bytes = 0

    def on_headers_complete(self) -> None:
        """A request's head is whole: hand it on.

        Raises:
            HeadTooLarge: It came whole, and is too large.
            MalformedRequest: It asks for another protocol and has a body, which the parser would take for that one's.
        """
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEAD_BYTES:
            raise HeadTooLarge
        if self.parser.should_upgrade() and any(name in _FRAMING for name, _ in self.headers):
            raise MalformedRequest("A request with a body can't ask for an Upgrade: send it without that header.")
        super().on_headers_complete()
        self._in_body = True

    def on_message_complete(self) -> None:
        """A request is whole."""
        super().on_message_complete()
        self._arriving_since = None
        self._in_body = False
        self._head_bytes = 0

    def on_response_complete(self) -> None:
        """An answer is written: begin the next one, or end the connection if it must end."""
        is_last = not self.pipeline
        super().on_response_complete()
        if self._last_words is not None and is_last:
            self._end(self._last_words)

    def pause_writing(self) -> None:
        """The source doesn't read."""
        super().pause_writing()
        self._blocked_since = self.loop.time()

    def resume_writing(self) -> None:
        """The source reads again."""
        super().resume_writing()
        self._blocked_since = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's sentence says less than ours
        """Answer what is no HTTP, and end the connection: where the next request begins can't be known."""
        error = sys.exception()
        cause = None if error is None else error.__context__
        self._refuse(cause if isinstance(cause, Refusal) else MalformedRequest())

    def end_if_overdue(self, now: float) -> None:
        """End the connection if its source takes too long to send a request or to read an answer.

        Args:
            now: Loop time.
        """
        if self._is_past(self._blocked_since, now):
            self.transport.abort()
        elif not self._is_past(self._arriving_since, now) or self.pipeline:
            return
        elif self._in_body:
            self._refuse(RequestTimeout())
        elif self._is_idle():
            self.transport.close()

    @staticmethod
    def _is_past(since: float | None, now: float) -> bool:
        return since is not None and now - since > REQUEST_SECONDS

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES and self._arriving_since is not None:
            self._refuse(HeadTooLarge())

    def _count_discarded(self, size: int) -> None:
        self._discarded_bytes += size
        if self._discarded_bytes > MAX_DISCARDED_BYTES:
            self.transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer, in its turn, a request that can't be read to its end, and end the connection."""
        if self._last_words is not None or self.transport.is_closing():
            return
        self.count_refusal(refusal.code)
        words = _response(refusal)
        if self._in_body and self.pipeline:
            self.pipeline.popleft()  # the one at fault: it never begins
            self._last_words = words
        elif self._in_body:
            self._end(b"" if self.cycle.response_started else words)
        elif self._is_idle():
            self._end(words)
        else:
            self._last_words = words

    def _end(self, words: bytes) -> None:
        self.transport.write(words)
        self.transport.close()


def _response(refusal: Refusal) -> bytes:
    answer = answers.refused(refusal, new_correlation_id())
    lines = [b"%b: %b\r\n" % header for header in (*answer.headers, (b"connection", b"close"))]
    return b"".join([STATUS_LINE[answer.status], *lines, b"\r\n", answer.body])
