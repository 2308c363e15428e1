"""The sets of values that the static checks go through, each a way in which somebody would install the gateway."""

from __future__ import annotations

from typing import Any

Values = dict[str, Any]

EXTERNAL: Values = {
    "database": {"host": "db.example.com", "port": 5433, "existingSecret": "our-database"},
    "redis": {"existingSecret": "our-redis", "urlKey": "redis-url"},
    "migrations": {"existingSecret": "our-database-owner"},
}
NAMESPACED: Values = {"operator": {"watchNamespaces": ["default", "kube-public"]}}
TRIAL: Values = {
    "postgresql": {"enabled": True, "existingSecret": "given-postgresql"},
    "valkey": {"enabled": True, "existingSecret": "given-valkey"},
    "admission": {"enabled": True, "certificate": {"source": "cert-manager"}},
    "worker": {"allowPrivateNetworks": True},
}
EVERYTHING: Values = {
    "commonLabels": {"team": "leads"},
    "image": {"digest": "sha256:" + "0" * 64, "pullSecrets": [{"name": "registry"}]},
    "postgresql": {"enabled": True, "existingSecret": "given-postgresql"},
    "valkey": {"enabled": True, "existingSecret": "given-valkey"},
    "webhook": {
        "ingress": {
            "enabled": True,
            "className": "public",
            "tls": [{"secretName": "tls", "hosts": ["leads.example.com"]}],
        },
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}], "hostnames": ["leads.example.com"]},
        "autoscaling": {"enabled": True},
        "service": {"type": "LoadBalancer", "annotations": {"example.com/load-balancer": "internal"}},
        "podAnnotations": {"example.com/a": "b"},
        "podLabels": {"example.com/c": "d"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "leads", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "priorityClassName": "system-cluster-critical",
        "extraEnv": [{"name": "TZ", "value": "UTC"}],
    },
    "worker": {"allowPrivateNetworks": True, "autoscaling": {"enabled": True, "kind": "keda"}},
    "admission": {"enabled": True, "failurePolicy": "Fail", "certificate": {"source": "cert-manager"}},
    "metrics": {"podMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
    "networkPolicy": {"enabled": True, "webhookFrom": [{"namespaceSelector": {"matchLabels": {"ingress": "true"}}}]},
}
MATRIX: dict[str, Values] = {
    "default": {},
    "external databases": EXTERNAL,
    "namespaced operator": NAMESPACED,
    "trial": TRIAL,
    "everything": EVERYTHING,
    "workers scaled by CPU": {"worker": {"autoscaling": {"enabled": True, "kind": "hpa"}}},
}
