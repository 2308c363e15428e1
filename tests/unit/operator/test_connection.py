from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from leadgateway_operator.cluster import log_in

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://127.0.0.1:6443"}}]
users: [{name: test, user: {token: test}}]
contexts: [{name: test, context: {cluster: test, user: test}}]
current-context: test
"""


async def _strict_flag(monkeypatch: pytest.MonkeyPatch, path: Path) -> bool:
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    connection = await log_in()
    return bool(connection.as_ssl_context().verify_flags & ssl.VERIFY_X509_STRICT)


def test_an_authority_without_key_usage_is_taken_as_kubectl_takes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Python 3.13 and newer refuse it by default, so this fails there without the operator's own context.
    import asyncio

    path = tmp_path / "config"
    path.write_text(KUBECONFIG)

    assert not asyncio.run(_strict_flag(monkeypatch, path))
