"""Builders of the objects that tests apply."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from tests.operator.rig.api import Body

LEADROUTES = "/apis/leadgateway.io/v1alpha1"


def leadroute(name: str, namespace: str, **spec: Any) -> Body:
    """A LeadRoute that needs no Secret; `spec` overrides or adds fields."""
    return {
        "apiVersion": "leadgateway.io/v1alpha1",
        "kind": "LeadRoute",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "mapping": {"customer_email": {"from": "email"}, "customer_zip": {"from": "address.zip"}},
            "endpoint": {"url": "https://customer.example/lead/receive"},
            **spec,
        },
    }


def with_token(secret: str, key: str = "token") -> Body:
    """An endpoint that sends a token from a Secret."""
    return {"url": "https://customer.example/lead/receive", "token": {"name": secret, "key": key}}


def secret(name: str, namespace: str, values: Mapping[str, str], *, labelled: bool = True) -> Body:
    """A Secret, labelled for use by LeadRoutes unless told otherwise."""
    labels = {"leadgateway.io/credentials": "true"} if labelled else {}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }


def endpoint_slice(service: str, namespace: str, name: str, *, address: str, port: int, **conditions: bool) -> Body:
    """An EndpointSlice of one pod."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "ports": [{"name": "status", "port": port, "protocol": "TCP"}],
        "endpoints": [
            {
                "addresses": [address],
                "conditions": {"ready": True, **conditions},
                "targetRef": {"kind": "Pod", "name": name, "namespace": namespace},
            }
        ],
    }
