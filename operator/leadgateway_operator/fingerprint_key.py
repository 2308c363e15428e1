"""The key of the credentials' fingerprints: made once, and kept in a Secret of its own beside the shards."""

from __future__ import annotations

import base64
import binascii
import logging
import secrets

from leadgateway.route.shard import FINGERPRINT_KEY
from leadgateway_operator import resources
from leadgateway_operator.cluster import FIELD_MANAGER, AlreadyExists, Body, Cluster, NotFound

_BYTES = 32

_log = logging.getLogger(__name__)


class UnusableKey(Exception):
    """The Secret holds no key; the message says what to do."""


async def find_key(cluster: Cluster, namespace: str) -> bytes:
    """Read the key, or make it where there is none.

    With another key every hash changes, once: pods load each route anew, and nothing else happens.

    Raises:
        UnusableKey: The Secret is there without a key.
        ClusterError: The API server could not be reached or refused.
    """
    path = resources.secrets(namespace, resources.FINGERPRINT_SECRET)
    try:
        return _key(await cluster.get(path))
    except NotFound:
        _log.info("making a new fingerprint key")
    try:
        return _key(await cluster.create(resources.secrets(namespace), _secret(namespace)))
    except AlreadyExists:  # another operator was faster
        return _key(await cluster.get(path))


def _secret(namespace: str) -> Body:
    key = base64.b64encode(secrets.token_bytes(_BYTES)).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": resources.FINGERPRINT_SECRET,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": FIELD_MANAGER},
        },
        "type": "Opaque",
        "data": {FINGERPRINT_KEY: key},
    }


def _key(secret: Body) -> bytes:
    try:
        key = base64.b64decode((secret.get("data") or {})[FINGERPRINT_KEY], validate=True)
    except (KeyError, binascii.Error):
        key = b""
    if len(key) < _BYTES:
        raise UnusableKey(
            f"Secret {resources.FINGERPRINT_SECRET} has no {FINGERPRINT_KEY} of at least {_BYTES} bytes; delete it and "
            "a new one is made"
        )
    return key
