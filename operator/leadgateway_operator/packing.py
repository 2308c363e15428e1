"""Makes versions of routes ready to be published, and puts them into shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from leadgateway.route.shard import (
    FINGERPRINT_KEY,
    MANIFEST,
    Manifest,
    RouteEntry,
    config_hash,
    file_name,
    fingerprint,
    has_credentials,
    shard_of,
    write_credentials,
    write_entry,
    write_manifest,
)
from leadgateway.route.snapshot import Credentials
from leadgateway_operator.admit import DEFAULT, Need
from leadgateway_operator.evaluate import Version
from leadgateway_operator.observed import ObservedRoute

WITHHELD = "withheld"
"""Stands where the fingerprint of missing credentials would: no credentials have it, so no pod loads the version.
Pods that run an older one go on with it; for the others the path is known and not ready (503), never unknown (404)."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A version with its credentials, ready to be published.

    Attributes:
        shard: Index of the shard it lives in.
        file: Its key in the ConfigMap, and in the Secret.
        entry: What the ConfigMap holds of it; nothing secret.
        credentials: What the Secret holds of it; None: nothing.
        config_hash: Stands for the configuration, credentials included.
        path: The path it claims.
        default: Whether it claims the posts without a path.
    """

    shard: int
    file: str
    entry: bytes
    credentials: bytes | None = field(repr=False)
    config_hash: str
    path: str
    default: bool

    @property
    def need(self) -> Need:
        """What it takes of the things that LeadRoutes compete for."""
        return Need(
            claims=(f"path {self.path}", *((DEFAULT,) if self.default else ())),
            shard=self.shard,
            size=len(self.file) + len(self.entry),
            credentials_size=0 if self.credentials is None else len(self.file) + len(self.credentials),
        )


@dataclass(frozen=True, slots=True)
class ShardFiles:
    """What one shard holds: the files of its ConfigMap and of its Secret."""

    routes: Mapping[str, bytes]
    credentials: Mapping[str, bytes] = field(repr=False)


@dataclass(slots=True)
class Packer:
    """Packs for a fixed number of shards, and each version only once.

    Attributes:
        count: Number of shards.
        fingerprint_key: Key of the credentials' fingerprints.
    """

    count: int
    fingerprint_key: bytes = field(repr=False)
    _packed: dict[tuple[str, int], tuple[bytes | None, Packed]] = field(default_factory=dict, repr=False)

    def __call__(self, route: ObservedRoute, generation: int, version: Version, known: Credentials | None) -> Packed:
        """Pack a version; without credentials so that no pod loads it."""
        credentials = write_credentials(known) if known and has_credentials(known) else None
        memory = b"" if known is None else credentials
        before = self._packed.get((route.uid, generation))
        if before is not None and before[0] == memory:
            return before[1]
        mark = WITHHELD if known is None else None
        if credentials is not None:
            mark = fingerprint(credentials, self.fingerprint_key)
        packed = self._pack(route, version, credentials, mark)
        self._packed[route.uid, generation] = memory, packed
        return packed

    def forget_all_but(self, versions: Iterable[tuple[str, int]]) -> None:
        """Forget what is packed of other versions than these (UID and generation)."""
        self._packed = {key: self._packed[key] for key in versions if key in self._packed}

    def shards(self, published: Iterable[Packed]) -> list[ShardFiles]:
        """Put what is published into shards, all of which are returned, empty ones too."""
        routes: list[dict[str, bytes]] = [{} for _ in range(self.count)]
        credentials: list[dict[str, bytes]] = [{FINGERPRINT_KEY: self.fingerprint_key} for _ in range(self.count)]
        for packed in published:
            routes[packed.shard][packed.file] = packed.entry
            if packed.credentials is not None:
                credentials[packed.shard][packed.file] = packed.credentials
        for index, files in enumerate(routes):
            files[MANIFEST] = write_manifest(Manifest(index, self.count, len(files)))
        return [ShardFiles(*files) for files in zip(routes, credentials, strict=True)]

    def _pack(self, route: ObservedRoute, version: Version, credentials: bytes | None, mark: str | None) -> Packed:
        spec = orjson.loads(version.spec)
        hash_ = config_hash(route.namespace, route.name, spec, mark)
        return Packed(
            shard=shard_of(route.key, self.count),
            file=file_name(route.namespace, route.name),
            entry=write_entry(RouteEntry(route.namespace, route.name, spec, hash_, mark)),
            credentials=credentials,
            config_hash=hash_,
            path=version.path,
            default=version.default,
        )
