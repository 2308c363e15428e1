"""What the chart renders under which values."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
import yaml

from leadgateway.commands.kubectl import SECRET_ANNOTATION
from tests.chart.rendering import CHART, REPOSITORY, Rendered, RenderingFailed, helm, render
from tests.chart.values import EVERYTHING, EXTERNAL, MATRIX, NAMESPACED, TRIAL

ROLES = ("webhook", "worker", "console", "operator")
OWN = [f"Deployment/lead-gateway-{role}" for role in ROLES]


@pytest.fixture(scope="module", params=list(MATRIX.values()), ids=list(MATRIX))
def rendered(request: pytest.FixtureRequest) -> Rendered:
    return render(request.param)


@pytest.fixture(scope="module")
def default() -> Rendered:
    return render()


def containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*spec.get("initContainers", ()), *spec["containers"]]


def environment(spec: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in spec["containers"][index]["env"]}


def test_helm_finds_nothing_to_say_about_the_chart() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))


def test_a_label_of_its_own_replaces_a_common_one() -> None:
    own = {"podLabels": {"team": "pods"}}
    values = {"commonLabels": {"team": "all"}, "webhook": own, "worker": own, "console": own, "operator": own}
    values["metrics"] = {"dashboards": {"labels": {"team": "graphs"}}}

    rendered = render(values)

    assert rendered.text.count("team: pods") == len(ROLES)
    assert rendered.one("ConfigMap", "lead-gateway-grafana-overview")["metadata"]["labels"]["team"] == "graphs"
    assert re.search(r"( *)team: \w+\n\1team: ", rendered.text) is None


def test_the_crd_of_the_chart_is_the_generated_one() -> None:
    assert (CHART / "files" / "leadroutes.yaml").read_text() == (REPOSITORY / "crds" / "leadroutes.yaml").read_text()


def test_the_crd_outlives_the_release(default: Rendered) -> None:
    (crd,) = default.all("CustomResourceDefinition")
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert crd["spec"]["names"]["kind"] == "LeadRoute"


def test_the_crd_can_be_left_to_somebody_else() -> None:
    assert not render({"crds": {"install": False}}).all("CustomResourceDefinition")


def test_every_pod_meets_the_restricted_pod_security_standard(rendered: Rendered) -> None:
    for name, spec in rendered.pods().items():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in containers(spec):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name


def test_only_the_operator_gets_a_service_account_token(rendered: Rendered) -> None:
    having = [name for name, spec in rendered.pods().items() if spec["automountServiceAccountToken"]]
    assert having == ["Deployment/lead-gateway-operator"]


def test_no_environment_is_filled_from_services_by_chance(rendered: Rendered) -> None:
    # A Service named "postgres" would otherwise set POSTGRES_PORT.
    assert all(spec["enableServiceLinks"] is False for spec in rendered.pods().values())


def test_every_container_asks_for_resources_and_has_a_memory_limit(rendered: Rendered) -> None:
    for name, spec in rendered.pods().items():
        for container in containers(spec):
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
            assert "memory" in container["resources"]["limits"], name


@pytest.mark.parametrize("name", OWN)
def test_every_role_has_all_three_probes_at_its_status_port(default: Rendered, name: str) -> None:
    container = default.pods()[name]["containers"][0]
    paths = {kind: container[kind]["httpGet"]["path"] for kind in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {"startupProbe": "/healthz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
    assert all(container[kind]["httpGet"]["port"] == "status" for kind in paths)


@pytest.mark.parametrize(("role", "before"), [("webhook", 5), ("worker", 0), ("console", 0)])
def test_a_pod_has_longer_to_end_than_its_process_takes(role: str, before: int) -> None:
    spec = render({role: {"gracePeriodSeconds": 90}}).pods()[f"Deployment/lead-gateway-{role}"]
    assert environment(spec)[f"LEADGATEWAY_{role.upper()}_GRACE_SECONDS"] == "90"
    assert spec["terminationGracePeriodSeconds"] == before + 90 + 10


def test_a_webhook_pod_leaves_its_service_before_it_stops_listening(default: Rendered) -> None:
    container = default.pods()["Deployment/lead-gateway-webhook"]["containers"][0]
    assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]


@pytest.mark.parametrize("role", ["webhook", "worker", "console"])
def test_pods_that_touch_the_database_await_the_schema(default: Rendered, role: str) -> None:
    (waiting,) = default.pods()[f"Deployment/lead-gateway-{role}"]["initContainers"]
    assert waiting["args"] == ["migrate", "--wait", "600"]


@pytest.mark.parametrize("role", ["webhook", "worker"])
def test_pods_spread_over_nodes_and_zones(default: Rendered, role: str) -> None:
    spread = default.pods()[f"Deployment/lead-gateway-{role}"]["topologySpreadConstraints"]
    assert [entry["topologyKey"] for entry in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    assert {entry["whenUnsatisfiable"] for entry in spread} == {"ScheduleAnyway"}


@pytest.mark.parametrize("role", ["webhook", "worker"])
def test_each_shard_is_mounted_as_a_folder_and_may_be_missing(role: str) -> None:
    spec = render({"routes": {"shards": 3}}).pods()[f"Deployment/lead-gateway-{role}"]
    mounts = {mount["mountPath"]: mount for mount in spec["containers"][0]["volumeMounts"]}
    assert {
        f"/etc/lead-gateway/{kind}-{shard}" for kind in ("routes", "credentials") for shard in range(3)
    } < mounts.keys()
    assert not any("subPath" in mount for mount in mounts.values())
    sources = [volume.get("configMap") or volume.get("secret") for volume in spec["volumes"]]
    assert [source["optional"] for source in sources if source] == [True] * 6


def test_the_operator_writes_as_many_shards_as_the_pods_mount() -> None:
    operator = render({"routes": {"shards": 3}}).pods()["Deployment/lead-gateway-operator"]
    assert environment(operator)["LEADGATEWAY_OPERATOR_SHARDS"] == "3"


def test_there_is_one_operator_at_a_time(default: Rendered) -> None:
    spec = default.one("Deployment", "lead-gateway-operator")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_the_operator_asks_the_pods_through_services_with_a_status_port(default: Rendered) -> None:
    operator = environment(default.pods()["Deployment/lead-gateway-operator"])
    for role in ("webhook", "worker"):
        service = default.one("Service", operator[f"LEADGATEWAY_OPERATOR_{role.upper()}_SERVICE"])
        assert [port["name"] for port in service["spec"]["ports"]] == ["status"]
        assert service["spec"]["selector"]["app.kubernetes.io/component"] == role


def test_lead_sources_can_not_reach_the_status_port(default: Rendered) -> None:
    assert [port["targetPort"] for port in default.one("Service", "lead-gateway-webhook")["spec"]["ports"]] == ["http"]


def test_the_console_has_a_service_apart_from_the_one_that_takes_leads(default: Rendered) -> None:
    found = default.one("Service", "lead-gateway-console")
    assert found["metadata"]["annotations"] == {SECRET_ANNOTATION: "lead-gateway-console"}
    service = found["spec"]
    assert service["type"] == "ClusterIP"
    assert service["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
    assert service["selector"]["app.kubernetes.io/component"] == "console"


def test_the_console_gets_the_routes_but_none_of_their_credentials(default: Rendered) -> None:
    volumes = default.pods()["Deployment/lead-gateway-console"]["volumes"]
    assert [volume["name"] for volume in volumes] == ["tmp", *(f"routes-{shard}" for shard in range(8))]
    assert not any("secret" in volume for volume in volumes)


def test_what_opens_the_console_comes_from_a_secret_and_each_key_may_be_missing(default: Rendered) -> None:
    given = environment(default.pods()["Deployment/lead-gateway-console"])
    for key in ("password", "viewer-password", "token", "viewer-token", "session-key"):
        reference = given[f"LEADGATEWAY_CONSOLE_{key.upper().replace('-', '_')}"]
        assert reference == {"secretKeyRef": {"name": "lead-gateway-console", "key": key, "optional": True}}
    assert "LEADGATEWAY_CONSOLE_PROXY_HEADER" not in given


def test_a_proxy_that_knows_people_is_believed_from_its_own_addresses() -> None:
    given = environment(render(EVERYTHING).pods()["Deployment/lead-gateway-console"])
    assert given["LEADGATEWAY_CONSOLE_PROXY_HEADER"] == "X-Auth-Request-Email"
    assert given["LEADGATEWAY_CONSOLE_PROXY_NETWORKS"] == "10.0.0.0/8,fd00::/8"
    assert given["LEADGATEWAY_CONSOLE_PROXY_OPERATORS"] == "ann@example.com,ben@example.com"
    assert given["LEADGATEWAY_CONSOLE_PUBLIC_URL"] == "https://leads.example.com"


def test_nothing_of_the_console_is_left_where_it_is_not_wanted() -> None:
    rendered = render({"console": {"enabled": False}, "networkPolicy": {"enabled": True}})
    assert not [found for found in rendered.objects if found["metadata"]["name"].endswith("-console")]


def test_an_operator_for_all_namespaces_watches_by_a_cluster_role(default: Rendered) -> None:
    names = [role["metadata"]["name"] for role in default.all("ClusterRole")]
    assert "lead-gateway-default-operator" in names
    assert [role["metadata"]["namespace"] for role in default.all("Role")] == ["default"]


def test_a_namespaced_operator_gets_rights_in_those_namespaces_only() -> None:
    rendered = render(NAMESPACED)
    assert sorted(role["metadata"]["namespace"] for role in rendered.all("Role")) == [
        "default",
        "default",
        "kube-public",
    ]
    assert not rendered.all("ClusterRoleBinding")
    operator = environment(rendered.pods()["Deployment/lead-gateway-operator"])
    assert operator["LEADGATEWAY_OPERATOR_WATCH_NAMESPACES"] == "default,kube-public"


def test_the_operator_has_no_right_to_everything(rendered: Rendered) -> None:
    rules = [rule for kind in ("Role", "ClusterRole") for role in rendered.all(kind) for rule in role["rules"]]
    assert not [rule for rule in rules if "*" in rule["verbs"] + rule["resources"] + rule["apiGroups"]]


def rights(rules: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    """Each single right, so that rules can be told apart from how they are written."""
    return {
        (group, resource, name, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", ["*"])
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize(
    ("kind", "name"), [("ClusterRole", "lead-gateway-default-operator"), ("Role", "lead-gateway-operator-publish")]
)
def test_the_operator_has_the_rights_that_its_own_tests_prove(default: Rendered, kind: str, name: str) -> None:
    documents = yaml.safe_load_all((REPOSITORY / "operator" / "rbac.yaml").read_text())
    (proven,) = [found for found in documents if found["kind"] == kind]
    assert rights(default.one(kind, name)["rules"]) == rights(proven["rules"])


def test_an_operator_that_removes_surplus_shards_may_delete_them() -> None:
    rendered = render({"routes": {"shards": 2, "formerShards": 3}})
    assert ("", "configmaps", "lead-gateway-routes-2", "delete") in rights(
        rendered.one("Role", "lead-gateway-operator-publish")["rules"]
    )
    operator = environment(rendered.pods()["Deployment/lead-gateway-operator"])
    assert operator["LEADGATEWAY_OPERATOR_SHARDS"] == "2"


def test_every_value_is_described_in_the_file_and_in_the_schema() -> None:
    text = (CHART / "values.yaml").read_text()
    schema = json.loads((CHART / "values.schema.json").read_text())
    comments: dict[str, str] = {}
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        if found := re.match(r"( *)# ?(.*)", line):
            comment.append(found[2])
        elif found := re.match(r"( *)(\w+):", line):
            path = [*path[: len(found[1]) // 2], found[2]]
            comments[".".join(path)] = " ".join(comment)
            comment = []
        else:
            comment = []
    for name, text_above in comments.items():
        if ".resources." in name:
            continue  # as in a container, which Kubernetes describes
        described = schema
        for part in name.split("."):
            described = described["properties"][part]
        if "properties" not in described or text_above:
            assert text_above, f"{name} has no comment"
            assert described["description"].split() == text_above.split(), name


def test_editors_and_viewers_of_a_namespace_may_edit_and_view_lead_routes(default: Rendered) -> None:
    roles = {
        label.removeprefix("rbac.authorization.k8s.io/aggregate-to-"): role["rules"][0]["verbs"]
        for role in default.all("ClusterRole")
        for label in role["metadata"]["labels"]
        if "aggregate-to" in label
    }
    change = ["create", "update", "patch", "delete", "deletecollection"]
    assert roles == {"view": ["get", "list", "watch"], "edit": change, "admin": change}


def test_the_databases_are_named_by_secrets_by_default(default: Rendered) -> None:
    webhook = environment(default.pods()["Deployment/lead-gateway-webhook"])
    assert webhook["DATABASE_URL"] == {"secretKeyRef": {"name": "lead-gateway-database", "key": "url"}}
    assert webhook["REDIS_URL"] == {"secretKeyRef": {"name": "lead-gateway-redis", "key": "url"}}
    assert not default.all("StatefulSet")
    assert not default.all("Secret")


def test_an_external_database_can_be_named_in_the_values() -> None:
    rendered = render(EXTERNAL)
    worker = environment(rendered.pods()["Deployment/lead-gateway-worker"])
    assert (worker["POSTGRES_HOST"], worker["POSTGRES_PORT"]) == ("db.example.com", "5433")
    assert worker["POSTGRES_PASSWORD"] == {"secretKeyRef": {"name": "our-database", "key": "password"}}
    assert "DATABASE_URL" not in worker


def test_migrations_can_log_in_as_the_owner_of_the_tables() -> None:
    rendered = render(EXTERNAL)
    (job,) = rendered.all("Job")
    env = environment(job["spec"]["template"]["spec"])
    assert env["DATABASE_URL"] == {"secretKeyRef": {"name": "our-database-owner", "key": "url"}}


def test_the_job_has_another_name_for_another_image() -> None:
    names = {render({"image": {"tag": tag}}).all("Job")[0]["metadata"]["name"] for tag in ("1", "2")}
    assert len(names) == 2
    assert all(name.startswith("lead-gateway-migrate-1-") for name in names)


def test_the_trial_databases_replace_the_external_ones() -> None:
    rendered = render(TRIAL)
    webhook = environment(rendered.pods()["Deployment/lead-gateway-webhook"])
    assert webhook["POSTGRES_HOST"] == "lead-gateway-postgresql"
    assert webhook["REDIS_URL"] == {"secretKeyRef": {"name": "given-valkey", "key": "url"}}
    assert "DATABASE_URL" not in webhook
    (database,) = rendered.all("StatefulSet")
    assert database["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"postgresql": {"enabled": True}}, "postgresql.existingSecret"),
        ({"valkey": {"enabled": True}}, "valkey.existingSecret"),
        ({"admission": {"enabled": True}}, "admission.certificate.existingSecret"),
        ({"console": {"existingSecret": ""}}, "console.existingSecret"),
    ],
    ids=["postgresql", "valkey", "admission", "console"],
)
def test_nothing_is_generated_that_can_not_be_kept(values: dict[str, Any], named: str) -> None:
    with pytest.raises(RenderingFailed, match=f"{named} has to name a Secret"):
        render(values)


def test_a_misspelt_value_is_refused_by_name() -> None:
    with pytest.raises(RenderingFailed, match="replcias"):
        render({"webhook": {"replcias": 3}})


def test_a_certificate_of_ones_own_needs_its_authority() -> None:
    admission = {"enabled": True, "certificate": {"source": "existing", "existingSecret": "tls"}}
    with pytest.raises(RenderingFailed, match="caBundle"):
        render({"admission": admission})


def test_a_certificate_of_ones_own_is_taken() -> None:
    authority = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
    certificate = {"source": "existing", "existingSecret": "tls", "caBundle": authority}
    rendered = render({"admission": {"enabled": True, "certificate": certificate}})
    (webhook,) = rendered.all("ValidatingWebhookConfiguration")[0]["webhooks"]
    assert webhook["clientConfig"]["caBundle"] == authority
    volumes = rendered.pods()["Deployment/lead-gateway-operator"]["volumes"]
    assert {"name": "admission", "secret": {"secretName": "tls", "defaultMode": 0o440}} in volumes


def test_cert_manager_makes_and_injects_the_certificate() -> None:
    rendered = render(TRIAL)
    (certificate,) = rendered.all("Certificate")
    assert certificate["spec"]["dnsNames"] == ["lead-gateway-admission.default.svc"]
    (configuration,) = rendered.all("ValidatingWebhookConfiguration")
    assert configuration["metadata"]["annotations"] == {
        "cert-manager.io/inject-ca-from": "default/lead-gateway-admission"
    }
    assert configuration["webhooks"][0]["failurePolicy"] == "Ignore"


def test_admission_asks_about_the_watched_namespaces_only() -> None:
    rendered = render({**TRIAL, **NAMESPACED})
    (webhook,) = rendered.all("ValidatingWebhookConfiguration")[0]["webhooks"]
    assert webhook["namespaceSelector"]["matchExpressions"][0]["values"] == ["default", "kube-public"]


def test_an_autoscaler_alone_sets_the_number_of_pods() -> None:
    rendered = render(EVERYTHING)
    for role in ("webhook", "worker"):
        assert "replicas" not in rendered.one("Deployment", f"lead-gateway-{role}")["spec"]
    assert [hpa["metadata"]["name"] for hpa in rendered.all("HorizontalPodAutoscaler")] == ["lead-gateway-webhook"]


@pytest.mark.parametrize(("offers", "kind"), [(["keda.sh/v1alpha1"], "ScaledObject"), ([], "HorizontalPodAutoscaler")])
def test_workers_scale_by_due_leads_where_the_cluster_has_keda(offers: list[str], kind: str) -> None:
    rendered = render({"worker": {"autoscaling": {"enabled": True}}}, api_versions=offers)
    scalers = [*rendered.all("ScaledObject"), *rendered.all("HorizontalPodAutoscaler")]
    assert [scaler["kind"] for scaler in scalers] == [kind]


def test_keda_counts_due_leads_as_the_workers_log_in() -> None:
    values = {"worker": {"autoscaling": {"enabled": True, "kind": "keda"}}}
    (trigger,) = render(values).all("ScaledObject")[0]["spec"]["triggers"]
    assert trigger["metadata"]["connectionFromEnv"] == "DATABASE_URL"
    (trigger,) = render({**EXTERNAL, **values}).all("ScaledObject")[0]["spec"]["triggers"]
    assert trigger["metadata"]["passwordFromEnv"] == "POSTGRES_PASSWORD"
    assert (trigger["metadata"]["host"], trigger["metadata"]["port"]) == ("db.example.com", "5433")


@pytest.mark.parametrize(
    ("enabled", "offers", "count"),
    [
        ("auto", [], 0),
        ("auto", ["monitoring.coreos.com/v1/PodMonitor"], 1),
        (True, [], 1),
        (False, ["monitoring.coreos.com/v1/PodMonitor"], 0),
    ],
)
def test_pods_are_monitored_where_the_cluster_can(enabled: str | bool, offers: list[str], count: int) -> None:
    values = {"metrics": {"podMonitor": {"enabled": enabled}}}
    assert len(render(values, api_versions=offers).all("PodMonitor")) == count


@pytest.mark.parametrize(
    ("enabled", "offers", "count"),
    [
        ("auto", [], 0),
        ("auto", ["monitoring.coreos.com/v1/PrometheusRule"], 1),
        (True, [], 1),
        (False, ["monitoring.coreos.com/v1/PrometheusRule"], 0),
    ],
)
def test_alerts_are_shipped_where_the_cluster_can_read_them(enabled: str | bool, offers: list[str], count: int) -> None:
    values = {"metrics": {"prometheusRule": {"enabled": enabled}}}
    assert len(render(values, api_versions=offers).all("PrometheusRule")) == count


def test_the_alerts_of_a_release_ask_for_its_own_series_and_link_to_its_runbooks() -> None:
    (rule,) = render(EVERYTHING).all("PrometheusRule")
    shipped = [entry for group in rule["spec"]["groups"] for entry in group["rules"]]
    generated = yaml.safe_load((CHART / "alerts" / "lead-gateway.rules.yaml").read_text())

    assert [entry["expr"] for entry in shipped] == [
        entry["expr"].replace('namespace=~".*"', 'namespace="default"')
        for group in generated["groups"]
        for entry in group["rules"]
    ]
    links = [entry["annotations"]["runbook_url"] for entry in shipped if "alert" in entry]
    assert "https://wiki.example.com/lead-gateway/runbooks/LeadGatewayNoWorker.md" in links
    assert all(link.startswith("https://wiki.example.com/lead-gateway/runbooks/LeadGateway") for link in links)


def dashboards(rendered: Rendered) -> dict[str, Any]:
    """The shipped dashboards by the name of their ConfigMap."""
    return {
        found["metadata"]["name"]: json.loads(content)
        for found in rendered.all("ConfigMap")
        for name, content in found["data"].items()
        if name.endswith(".json")
    }


def test_dashboards_are_shipped_for_the_sidecar_of_grafana_to_find(default: Rendered) -> None:
    generated = {path.stem: json.loads(path.read_text()) for path in (CHART / "dashboards").iterdir()}

    assert dashboards(default) == {f"lead-gateway-grafana-{name}": page for name, page in generated.items()}
    for name in dashboards(default):
        assert default.one("ConfigMap", name)["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_dashboards_link_to_the_console_of_the_installation() -> None:
    pages = dashboards(render(EVERYTHING))
    variables = pages["lead-gateway-grafana-route"]["templating"]["list"]
    (console,) = [variable for variable in variables if variable["name"] == "console"]
    assert console["query"] == console["current"]["value"] == "https://leads.example.com"


def test_dashboards_can_be_left_out() -> None:
    assert not dashboards(render({"metrics": {"dashboards": {"enabled": False}}}))


def test_an_http_route_without_a_gateway_is_refused() -> None:
    with pytest.raises(RenderingFailed, match="parentRefs"):
        render({"webhook": {"httpRoute": {"enabled": True}}})


def test_ingress_and_http_route_lead_to_the_webhook_alone() -> None:
    rendered = render(EVERYTHING)
    (path,) = rendered.one("Ingress", "lead-gateway-webhook")["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"] == {"name": "lead-gateway-webhook", "port": {"name": "http"}}
    (rule,) = rendered.one("HTTPRoute", "lead-gateway-webhook")["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": "lead-gateway-webhook", "port": 80}]


def test_no_policy_restricts_the_network_unless_asked(default: Rendered) -> None:
    assert not default.all("NetworkPolicy")


def test_policies_cover_every_long_running_pod() -> None:
    rendered = render(EVERYTHING)
    covered = {
        policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for policy in rendered.all("NetworkPolicy")
    }
    assert covered == {"webhook", "worker", "console", "operator", "migrate", "postgresql", "valkey"}
    assert all(policy["spec"]["policyTypes"] == ["Ingress", "Egress"] for policy in rendered.all("NetworkPolicy"))


def test_leads_of_deleted_routes_are_kept_as_long_as_the_values_say(default: Rendered) -> None:
    given = environment(render(EVERYTHING).pods()["Deployment/lead-gateway-worker"])
    usual = environment(default.pods()["Deployment/lead-gateway-worker"])
    names = [f"LEADGATEWAY_WORKER_DELETED_ROUTE_{part}_DAYS" for part in ("PAYLOAD", "RECORDS")]

    assert [given[name] for name in names] == ["0.5", "3650"]
    assert [usual[name] for name in names] == ["90", "365"]
    with pytest.raises(RenderingFailed, match="payloadDays"):
        render({"worker": {"deletedRouteRetention": {"payloadDays": 0}}})


def test_workers_may_not_reach_private_addresses_unless_the_installation_allows_it() -> None:
    strict = render({"networkPolicy": {"enabled": True}}).one("NetworkPolicy", "lead-gateway-worker")
    open_ = render(EVERYTHING).one("NetworkPolicy", "lead-gateway-worker")
    assert "10.0.0.0/8" in strict["spec"]["egress"][-1]["to"][0]["ipBlock"]["except"]
    assert open_["spec"]["egress"][-1]["to"][0]["ipBlock"]["except"] == ["169.254.0.0/16"]


def test_nothing_is_traced_unless_asked(default: Rendered) -> None:
    assert "OTEL_" not in default.text
    assert "LEADGATEWAY_TRACING" not in default.text
    worker = environment(default.pods()["Deployment/lead-gateway-worker"])
    assert worker["LEADGATEWAY_WORKER_PASS_TRACE_CONTEXT"] == "false"


def test_webhooks_and_workers_send_spans_to_the_collector_and_may_reach_it() -> None:
    rendered = render(EVERYTHING)

    for role in ("webhook", "worker"):
        told = environment(rendered.pods()[f"Deployment/lead-gateway-{role}"])
        assert told["LEADGATEWAY_TRACING"] == "on"
        assert told["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector.observability:4318"
        assert told["OTEL_TRACES_SAMPLER"] == "parentbased_traceidratio"
        assert told["OTEL_TRACES_SAMPLER_ARG"] == "0.01"
        egress = rendered.one("NetworkPolicy", f"lead-gateway-{role}")["spec"]["egress"]
        assert {"ports": [{"port": 4318}], "to": EVERYTHING["networkPolicy"]["collectorTo"]} in egress
    for role in ("console", "operator"):
        assert "LEADGATEWAY_TRACING" not in environment(rendered.pods()[f"Deployment/lead-gateway-{role}"])


def test_tracing_without_an_endpoint_is_refused() -> None:
    with pytest.raises(RenderingFailed, match=r"tracing\.endpoint is needed"):
        render({"tracing": {"enabled": True}})


@pytest.mark.parametrize(
    ("values", "expectation"),
    [
        ({}, "refused"),
        ({"worker": {"allowPrivateNetworks": True}}, "received"),
        ({"tests": {"endpointUrl": "https://customer.example/leads"}}, "delivered"),
    ],
)
def test_the_release_test_expects_what_the_installation_allows(values: dict[str, Any], expectation: str) -> None:
    (pod,) = render(values).all("Pod")
    assert environment(pod["spec"])["EXPECT"] == expectation


def test_only_a_development_release_may_change_its_own_files() -> None:
    webhook = render({"development": {"reload": True}}).pods()["Deployment/lead-gateway-webhook"]["containers"][0]
    assert webhook["securityContext"]["readOnlyRootFilesystem"] is False
    assert webhook["command"] == ["python", "-m", "leadgateway.dev.reload"]
    assert webhook["args"] == ["webhook"]


def test_a_long_release_name_stays_within_the_limits_of_names() -> None:
    text = helm("template", "a" * 53, str(CHART), "--namespace=default")
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("  name: ")]
    assert max(map(len, names)) <= 63
