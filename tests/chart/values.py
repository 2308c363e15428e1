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
    "console": {
        "replicas": 2,
        "publicUrl": "https://leads.example.com",
        "existingSecret": "given-console",
        "proxy": {
            "header": "X-Auth-Request-Email",
            "networks": ["10.0.0.0/8", "fd00::/8"],
            "operators": ["ann@example.com", "ben@example.com"],
        },
        "service": {"annotations": {"example.com/load-balancer": "internal"}},
        "podLabels": {"example.com/c": "d"},
        "priorityClassName": "system-cluster-critical",
    },
    "worker": {
        "allowPrivateNetworks": True,
        "deletedRouteRetention": {"payloadDays": 0.5, "recordsDays": 3650},
        "autoscaling": {"enabled": True, "kind": "keda"},
    },
    "tracing": {
        "enabled": True,
        "endpoint": "http://collector.observability:4318",
        "sampler": "parentbased_traceidratio",
        "samplerArgument": "0.01",
    },
    "admission": {"enabled": True, "failurePolicy": "Fail", "certificate": {"source": "cert-manager"}},
    "metrics": {
        "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {
            "enabled": True,
            "labels": {"release": "prometheus"},
            "runbookUrl": "https://wiki.example.com/lead-gateway/runbooks/",
        },
        "dashboards": {
            "labels": {"grafana_dashboard": "1", "team": "leads"},
            "annotations": {"grafana_folder": "Lead Gateway"},
        },
    },
    "networkPolicy": {
        "enabled": True,
        "webhookFrom": [{"namespaceSelector": {"matchLabels": {"ingress": "true"}}}],
        "consoleFrom": [{"podSelector": {"matchLabels": {"app": "proxy"}}}],
        "collectorTo": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}],
    },
}
MATRIX: dict[str, Values] = {
    "default": {},
    "external databases": EXTERNAL,
    "namespaced operator": NAMESPACED,
    "trial": TRIAL,
    "everything": EVERYTHING,
    "no console": {"console": {"enabled": False}},
    "workers scaled by CPU": {"worker": {"autoscaling": {"enabled": True, "kind": "hpa"}}},
}
