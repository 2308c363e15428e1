"""`leadgateway operator`: watches LeadRoutes in a cluster and publishes what webhook and workers run."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import kopf
import kubernetes.config
import typer
from prometheus_client import REGISTRY

from leadgateway.settings import LogSettings, load
from leadgateway.telemetry.logs import configure_logging
from leadgateway_operator.fingerprint_key import UnusableKey
from leadgateway_operator.kopf_logs import quieten
from leadgateway_operator.process import run
from leadgateway_operator.settings import OperatorSettings

_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_FAILED = 1

_log = logging.getLogger(__name__)


def operator(  # noqa: PLR0917 - options, which Typer passes by name
    namespace: Annotated[
        str | None,
        typer.Option(
            envvar="LEADGATEWAY_OPERATOR_NAMESPACE",
            show_default="the operator's own, else the kubeconfig's",
            help="Namespace of the gateway's pods and shards.",
        ),
    ] = None,
    watch_namespaces: Annotated[
        str | None,
        typer.Option(
            envvar="LEADGATEWAY_OPERATOR_WATCH_NAMESPACES",
            show_default="all",
            help="Namespaces whose LeadRoutes are served, separated by commas.",
        ),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(
            envvar="LEADGATEWAY_OPERATOR_SHARDS",
            show_default="8",
            help="Number of ConfigMaps (and Secrets) that hold the routes.",
        ),
    ] = None,
    status_host: Annotated[
        str | None,
        typer.Option(
            envvar="LEADGATEWAY_OPERATOR_STATUS_HOST", show_default="127.0.0.1", help="Address of the status port."
        ),
    ] = None,
    status_port: Annotated[
        int | None,
        typer.Option(
            envvar="LEADGATEWAY_OPERATOR_STATUS_PORT",
            show_default="9102",
            help="Port of /metrics, /healthz and /readyz.",
        ),
    ] = None,
    admission_port: Annotated[
        int | None,
        typer.Option(
            envvar="LEADGATEWAY_OPERATOR_ADMISSION_PORT",
            show_default="none is served",
            help="Port of the admission webhook.",
        ),
    ] = None,
) -> None:
    """Turn the LeadRoutes of a cluster into the configuration that webhook and workers load.

    Talks to the cluster of the pod's service account, or of the kubeconfig: it runs in a pod and on a laptop alike.
    docs/operator.md lists the variables that have no option.
    """
    settings = load(
        OperatorSettings,
        namespace=namespace,
        watch_namespaces=watch_namespaces,
        shards=shards,
        status_host=status_host,
        status_port=status_port,
        admission_port=admission_port,
    )
    logs = load(LogSettings)
    configure_logging("operator", format=logs.format, level=logs.level)
    quieten()
    try:
        own = settings.namespace or _default_namespace()
        # Not uvloop: when the API server goes away while connections are being made, it takes a file descriptor that
        # was closed and given out again for one of its own, and raises a RuntimeError in aiohttp.
        asyncio.run(run(settings, own, REGISTRY))
    except (kopf.LoginError, UnusableKey, OSError) as error:
        typer.echo(f"the operator can't start: {error}", err=True)
        raise typer.Exit(_FAILED) from error
    except ExceptionGroup as errors:
        _log.exception("the operator ends; started anew it continues from what the cluster holds")
        raise typer.Exit(_FAILED) from errors


def _default_namespace() -> str:
    """The namespace of the pod, or of the kubeconfig's current context."""
    if _OWN_NAMESPACE.exists():
        return _OWN_NAMESPACE.read_text().strip()
    try:
        _, context = kubernetes.config.list_kube_config_contexts()  # type: ignore[no-untyped-call]
    except kubernetes.config.ConfigException as error:
        raise kopf.LoginError("there is neither a service account nor a kubeconfig; set KUBECONFIG") from error
    return str(context["context"].get("namespace") or "default")
