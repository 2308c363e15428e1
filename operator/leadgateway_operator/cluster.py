"""The Kubernetes API as the operator uses it: a handful of verbs over one authenticated session.

kopf watches and serves admission; everything the operator itself reads and writes goes through here.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import aiohttp
import kopf
import orjson

Body = dict[str, Any]
"""A Kubernetes object as JSON holds it."""

FIELD_MANAGER = "lead-gateway-operator"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_PAGE = 500
_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
_WATCH_SECONDS = 300
_LOGIN_PAUSE = 1.0

_log = logging.getLogger(__name__)


class ClusterError(Exception):
    """The API server refused a request or could not be reached."""


class Forbidden(ClusterError):
    """RBAC or a quota does not allow it (403)."""


class NotFound(ClusterError):
    """The object, or its kind, does not exist."""


class AlreadyExists(ClusterError):
    """An object of that name exists, or was changed meanwhile (409)."""


class Invalid(ClusterError):
    """The API server says that the object can't be stored as it is (422)."""


class Expired(ClusterError):
    """A watch can't continue from where it was: list anew (410)."""


_BY_STATUS: Mapping[int, type[ClusterError]] = {
    403: Forbidden,
    404: NotFound,
    409: AlreadyExists,
    410: Expired,
    422: Invalid,
}


class Cluster:
    """One session with the API server; logs in anew when its credentials have expired."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._server = ""
        self._login = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._log_in(None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str) -> Body:
        """Read one object.

        Raises:
            NotFound: There is none.
            ClusterError: It could not be read.
        """
        return await self._request("GET", path)

    async def get_metadata(self, path: str) -> Body:
        """Read the metadata alone of one object.

        Raises:
            NotFound: There is none.
            ClusterError: It could not be read.
        """
        return await self._request("GET", path, accept=_METADATA)

    async def read_all(self, path: str, *, labels: str = "") -> list[Body]:
        """Read all objects of one kind."""
        return [item async for item in self._pages(path, labels=labels, accept="application/json")]

    def list_metadata(self, path: str, *, labels: str = "") -> AsyncIterator[Body]:
        """Read the metadata alone of all objects of one kind: the newest state, not a cached one."""
        return self._pages(path, labels=labels, accept=_METADATA_LIST)

    async def snapshot_metadata(self, path: str, *, labels: str) -> tuple[list[Body], str]:
        """Read the metadata alone of a few objects, with the resource version to watch from."""
        page = await self._request("GET", path, params={"labelSelector": labels}, accept=_METADATA_LIST)
        return page["items"] or [], page["metadata"]["resourceVersion"]

    async def create(self, path: str, body: Body) -> Body:
        """Create an object under the collection `path`.

        Raises:
            AlreadyExists: One of that name exists.
            ClusterError: It could not be created.
        """
        return await self._request("POST", path, params={"fieldManager": FIELD_MANAGER}, body=body)

    async def apply(self, path: str, body: Body) -> Body:
        """Create or change an object by server-side apply; fields that others changed are taken back.

        Raises:
            Invalid: The API server can't store it, for instance because it is immutable.
            ClusterError: It could not be written.
        """
        params = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._request("PATCH", path, params=params, body=body, content_type=_APPLY)

    async def merge(self, path: str, body: Body) -> Body:
        """Change some fields of an object that exists (null removes one).

        Returns:
            Its metadata alone.

        Raises:
            NotFound: It does not exist.
            ClusterError: It could not be written.
        """
        params = {"fieldManager": FIELD_MANAGER}
        return await self._request("PATCH", path, params=params, body=body, content_type=_MERGE, accept=_METADATA)

    async def delete(self, path: str) -> None:
        """Delete an object; one that is gone already is no error."""
        try:
            await self._request("DELETE", path)
        except NotFound:
            return

    async def watch_metadata(self, path: str, *, labels: str, since: str) -> AsyncIterator[Body]:
        """Yield watch events with the objects' metadata until the server ends the stream.

        Args:
            path: Collection.
            labels: Label selector.
            since: Resource version of a list.

        Raises:
            Expired: `since` is too old.
            ClusterError: The watch could not be opened or broke.
        """
        params = {
            "watch": "true",
            "labelSelector": labels,
            "resourceVersion": since,
            "timeoutSeconds": str(_WATCH_SECONDS),
            "allowWatchBookmarks": "true",
        }
        limits = aiohttp.ClientTimeout(total=_WATCH_SECONDS + 1, sock_connect=60, sock_read=90)
        async with self._open("GET", path, params=params, accept=_METADATA, limits=limits) as response:
            await _raise_for(response, path)
            async for line in _lines(response.content):
                event: Body = orjson.loads(line)
                if event["type"] == "ERROR":
                    code = event["object"].get("code")
                    raise _BY_STATUS.get(code, ClusterError)(f"the watch of {path} ended with {code}")
                yield event

    async def _pages(self, path: str, *, labels: str, accept: str) -> AsyncIterator[Body]:
        params = {"limit": str(_PAGE)}
        if labels:
            params["labelSelector"] = labels
        while True:
            page = await self._request("GET", path, params=params, accept=accept)
            for item in page.get("items") or ():
                yield item
            token = page.get("metadata", {}).get("continue")
            if not token:
                return
            params["continue"] = token

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Body | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Body:
        async with self._open(
            method, path, params=params, body=body, content_type=content_type, accept=accept, limits=_TIMEOUT
        ) as response:
            await _raise_for(response, path)
            answer: Body = orjson.loads(await response.read())
            return answer

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Body | None = None,
        content_type: str = "application/json",
        accept: str,
        limits: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        data = None if body is None else orjson.dumps(body)
        headers = {"Accept": accept, "Content-Type": content_type}
        try:
            for last in (False, True):
                session = self._session
                assert session is not None, "use the cluster as a context manager"
                async with session.request(
                    method, self._server + path, params=params, data=data, headers=headers, timeout=limits
                ) as response:
                    if response.status == 401 and not last:
                        await self._log_in(session)
                        continue
                    yield response
                    return
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterError(f"{method} {path}: {type(error).__name__}") from error

    async def _log_in(self, stale: aiohttp.ClientSession | None) -> None:
        async with self._login:
            if self._session is not stale:
                return  # another request has logged in meanwhile
            if stale is not None:
                await asyncio.sleep(_LOGIN_PAUSE)
            info = await log_in()
            self._server = info.server.rstrip("/")
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=32, ssl=info.as_ssl_context()),
                headers=info.as_http_headers(),
                trust_env=False,
            )
            if stale is not None:
                await stale.close()


async def log_in() -> kopf.ConnectionInfo:
    """Find the API server and credentials: the pod's service account, or else the kubeconfig.

    Raises:
        kopf.LoginError: There is neither.
    """
    # In a thread: a kubeconfig may name a program that asks a cloud for a token.
    info = await asyncio.to_thread(kopf.login_via_client, logger=_log, settings=kopf.OperatorSettings())
    if info is None:
        raise kopf.LoginError("the kubernetes package is not installed")
    return _Connection(**{entry.name: getattr(info, entry.name) for entry in dataclasses.fields(info)})


class _Connection(kopf.ConnectionInfo):
    """As kopf's, but it takes authorities that kubectl takes.

    From Python 3.13 on, certificates have to meet RFC 5280 to the letter, which those of many clusters do not: their
    authority was made without the key usage extension, or without an authority key identifier.
    """

    def as_ssl_context(self) -> ssl.SSLContext:
        context = super().as_ssl_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Split a stream into lines; aiohttp's own iteration fails on one of more than 128 KiB, as large objects make."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line


async def _raise_for(response: aiohttp.ClientResponse, path: str) -> None:
    """Raise for an error status, with the server's sentence unless it might repeat a secret."""
    if response.status < 400:
        return
    message = "" if "/secrets" in path else _sentence(await response.read())
    kind = _BY_STATUS.get(response.status, ClusterError)
    raise kind(f"{response.method} {path}: {response.status} {message}".rstrip())


def _sentence(answer: bytes) -> str:
    try:
        status = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(status, dict) or status.get("kind") != "Status":
        return ""
    return str(status.get("message", ""))[:300]
