"""Writes the shards: ConfigMaps with routes and Secrets with their credentials, only where they differ.

It also watches them, since anybody who may write ConfigMaps here may edit or delete one. Secrets are only looked at by
name: to list those of a namespace is to read them all.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from leadgateway_operator import resources
from leadgateway_operator.cluster import FIELD_MANAGER, Body, Cluster, ClusterError, Invalid, NotFound
from leadgateway_operator.metrics import Metrics

Kind = Literal["routes", "credentials"]
KINDS: tuple[Kind, ...] = ("credentials", "routes")
_AT_ONCE = 4
_WATCH_PAUSE = 1.0
_LOOK_SECONDS = 10.0
_NAME = "lead-gateway-"
_ROUTES_NAME = f"{_NAME}routes-"
_ROUTES_SELECTOR = f"{resources.SHARD_LABEL}=routes"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class ShardName:
    """One ConfigMap or Secret."""

    kind: Kind
    index: int

    @property
    def object_name(self) -> str:
        """Its name in Kubernetes, which is also the name of the volume's folder without the prefix."""
        return f"{_NAME}{self.kind}-{self.index}"

    @property
    def is_secret(self) -> bool:
        """Whether it is a Secret."""
        return self.kind == "credentials"

    def path(self, namespace: str) -> str:
        """Its path in the API."""
        collection = resources.secrets if self.is_secret else resources.configmaps
        return collection(namespace, self.object_name)


Data = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is known of a shard in the API."""

    version: int
    digest: bytes


@dataclass(slots=True)
class Publisher:
    """The shards in one namespace.

    Attributes:
        shards: Number of shards that are to be.
        disturbed: Called when a shard was changed or deleted by somebody else.
    """

    cluster: Cluster
    namespace: str
    metrics: Metrics
    shards: int
    disturbed: Callable[[], None] = field(default=lambda: None)
    _stored: dict[ShardName, _Stored | None] = field(default_factory=dict)
    """None: it has to be read before anything is concluded."""
    _writing: dict[ShardName, int] = field(default_factory=dict)
    """Shards that are being written, with the newest version that the watch has shown meanwhile."""

    async def publish(self, wanted: Mapping[ShardName, Data]) -> int:
        """Make the shards hold exactly this; what is there and not wanted is deleted.

        Credentials go first, so that pods rarely have to wait for them.

        Returns:
            How many were written or deleted.

        Raises:
            ClusterError: The API server could not be reached or refused; some may have been written.
        """
        changes = 0
        for kind in KINDS:
            changes += await self._each(self._put(name, data) for name, data in wanted.items() if name.kind == kind)
        surplus = [name for name in self._stored if name not in wanted]
        return changes + await self._each(self._remove(name) for name in surplus)

    def count(self) -> int:
        """The number of shards that are published."""
        return max((name.index + 1 for name in self._stored), default=0)

    def digest(self) -> str:
        """Stands for everything that is published."""
        known = sorted((name, stored.digest) for name, stored in self._stored.items() if stored)
        return hashlib.sha256(b"".join(digest for _, digest in known)).hexdigest()[:16]

    async def look(self) -> str:
        """Take note of every difference between the API and what was written last.

        Returns:
            The resource version to watch the ConfigMaps from.

        Raises:
            ClusterError: The API server could not be asked.
        """
        version = await self._look_at_routes()
        await self._look_at_credentials()
        return version

    async def watch(self) -> None:
        """Notice what others do to the shards, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_routes())
            tasks.create_task(self._watch_credentials())

    async def _watch_routes(self) -> NoReturn:
        path = resources.configmaps(self.namespace)
        while True:
            try:
                since = await self._look_at_routes()
                async for event in self.cluster.watch_metadata(path, labels=_ROUTES_SELECTOR, since=since):
                    name = _name(event["object"])
                    if name is not None:
                        self._note(name, _version(event["object"]))
            except ClusterError as error:
                _log.debug("watching the shards: %s", error)
            await asyncio.sleep(_WATCH_PAUSE)

    async def _watch_credentials(self) -> NoReturn:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self._look_at_credentials()
            except ClusterError as error:
                _log.debug("looking at the credentials: %s", error)

    async def _look_at_routes(self) -> str:
        path = resources.configmaps(self.namespace)
        items, version = await self.cluster.snapshot_metadata(path, labels=_ROUTES_SELECTOR)
        listed = {name: _version(item) for item in items if (name := _name(item)) is not None}
        absent = {name: int(version) for name in self._stored if name.kind == "routes" and name not in listed}
        for name, seen in (listed | absent).items():
            self._note(name, seen)
        return version

    async def _look_at_credentials(self) -> None:
        for index in range(max(self.shards, self.count())):
            name = ShardName("credentials", index)
            before = self._stored.get(name)
            try:
                self._note(name, _version(await self.cluster.get_metadata(name.path(self.namespace))))
            except NotFound:
                if before is not None and self._stored.get(name) is before:
                    self._stored[name] = None
                    self.disturbed()

    def _note(self, name: ShardName, version: int) -> None:
        """Take a version (or a deletion) that is newer than our own last write for somebody else's."""
        if name in self._writing:
            self._writing[name] = max(version, self._writing[name])
            return
        stored = self._stored.get(name)
        if stored is None or version > stored.version:
            self._stored[name] = None
            self.disturbed()

    async def _each(self, changes: Iterable[Awaitable[bool]]) -> int:
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def one(change: Awaitable[bool]) -> bool:
            async with at_once:
                return await change

        return sum(await asyncio.gather(*map(one, changes)))

    async def _put(self, name: ShardName, data: Data) -> bool:
        digest = _digest(data)
        if name in self._stored and self._stored[name] is None:
            await self._read(name)
        stored = self._stored.get(name)
        if stored is not None and stored.digest == digest:
            return False
        self._writing[name] = 0
        try:
            version = await self._write(name, data)
        finally:
            newest = self._writing.pop(name)
        self._stored[name] = _Stored(version, digest)
        self.metrics.shard_writes.labels(name.kind).inc()
        if newest > version:
            self._note(name, newest)
        return True

    async def _read(self, name: ShardName) -> None:
        try:
            body = await self.cluster.get(name.path(self.namespace))
        except NotFound:
            self._stored.pop(name, None)
            return
        self._stored[name] = _Stored(_version(body), _digest(_data(name, body)))

    async def _write(self, name: ShardName, data: Data) -> int:
        path, body = name.path(self.namespace), _body(name, self.namespace, data)
        try:
            written = await self.cluster.apply(path, body)
        except Invalid:
            # Somebody has made it immutable: only a new object can hold something else.
            await self.cluster.delete(path)
            written = await self.cluster.apply(path, body)
        # Apply takes back what others have changed, but leaves keys that they have added.
        foreign = {
            part: dict.fromkeys(written[part].keys() - body["data"].keys())
            for part in ("data", "binaryData")
            if (written.get(part) or {}).keys() - body["data"].keys()
        }
        if foreign:
            written = await self.cluster.merge(path, foreign)
        return _version(written)

    async def _remove(self, name: ShardName) -> bool:
        await self.cluster.delete(name.path(self.namespace))
        self._stored.pop(name, None)
        self.metrics.shard_writes.labels(name.kind).inc()
        return True


def _name(body: Body) -> ShardName | None:
    """The shard that a ConfigMap is; None for one that only carries the label."""
    prefix, _, index = str(body["metadata"].get("name", "")).rpartition("-")
    if f"{prefix}-" != _ROUTES_NAME or not index.isdecimal() or index != str(int(index)):
        return None
    return ShardName("routes", int(index))


def _version(body: Body) -> int:
    """The resource version, which grows with every change of any object (Kubernetes' KEP-5504)."""
    return int(body["metadata"]["resourceVersion"])


def _body(name: ShardName, namespace: str, data: Data) -> Body:
    encode = _to_base64 if name.is_secret else bytes.decode
    return {
        "apiVersion": "v1",
        "kind": "Secret" if name.is_secret else "ConfigMap",
        "metadata": {
            "name": name.object_name,
            "namespace": namespace,
            "labels": {resources.SHARD_LABEL: name.kind, "app.kubernetes.io/managed-by": FIELD_MANAGER},
        },
        "data": {key: encode(value) for key, value in data.items()},
        **({"type": "Opaque"} if name.is_secret else {}),
    }


def _data(name: ShardName, body: Body) -> Data:
    """What a shard holds now, keys that do not belong there included."""
    data: Mapping[str, str] = body.get("data") or {}
    found = {key: base64.b64decode(value) if name.is_secret else value.encode() for key, value in data.items()}
    return found | {f"binaryData/{key}": value.encode() for key, value in (body.get("binaryData") or {}).items()}


def _to_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _digest(data: Data) -> bytes:
    whole = hashlib.sha256()
    for key in sorted(data):
        for part in (key.encode(), data[key]):
            whole.update(len(part).to_bytes(8, "big"))
            whole.update(part)
    return whole.digest()
