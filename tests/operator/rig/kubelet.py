"""A stand-in for kubelet: mounts the shards of a namespace as folders, in the layout of its atomic writer."""

from __future__ import annotations

import base64
import threading
from contextlib import suppress
from pathlib import Path

import httpx

from leadgateway.route.directory import replace
from tests.operator.rig.api import Api


class Kubelet:
    """Copies every shard into folders below `root` whenever it changes, until it is stopped."""

    def __init__(self, api: Api, namespace: str, root: Path, *, shards: int, interval: float = 0.2) -> None:
        self._api = api
        self._namespace = namespace
        self._root = root
        self._shards = shards
        self._interval = interval
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self.sync()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def sync(self) -> None:
        for index in range(self._shards):
            secret = self._api.find(f"/api/v1/namespaces/{self._namespace}/secrets/lead-gateway-credentials-{index}")
            data = (secret or {}).get("data") or {}
            replace(self._root / f"credentials-{index}", {key: base64.b64decode(data[key]) for key in data}, mode=0o600)
        for index in range(self._shards):
            config = self._api.find(f"/api/v1/namespaces/{self._namespace}/configmaps/lead-gateway-routes-{index}")
            data = (config or {}).get("data") or {}
            replace(self._root / f"routes-{index}", {key: value.encode() for key, value in data.items()})

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            # The API server is stopped in some tests: a kubelet then keeps what it has mounted.
            with suppress(httpx.HTTPError):
                self.sync()
