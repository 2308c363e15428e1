"""Touches the gateway's pods after a write: kubelet then syncs their volumes at once, not within a minute or so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from leadgateway_operator import resources
from leadgateway_operator.cluster import Cluster, ClusterError

_AT_ONCE = 8

_log = logging.getLogger(__name__)


async def nudge(cluster: Cluster, namespace: str, names: Iterable[str], configuration: str) -> None:
    """Write a digest of the configuration into an annotation of each pod.

    A pod that can't be touched is left to kubelet's own pace.

    Args:
        cluster: The API server.
        namespace: Of the pods.
        names: Of the pods.
        configuration: Stands for what is published now.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    body = {"metadata": {"annotations": {resources.CONFIGURATION_ANNOTATION: configuration}}}

    async def one(name: str) -> None:
        async with gate:
            try:
                await cluster.merge(resources.pods(namespace, name), body)
            except ClusterError as error:
                _log.info("pod %s was not touched: %s", name, error)

    await asyncio.gather(*map(one, sorted(set(names))))
