"""What is written into a status, and what is not. Pure, so without a cluster."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from leadgateway_operator.conditions import MAX_MESSAGE, Condition, ConditionType, Reason, merge
from leadgateway_operator.event_log import event_body
from leadgateway_operator.fleet import Fleet, Pod, Report, Role, pods_of
from leadgateway_operator.observed import ObservedRoute
from leadgateway_operator.packing import Packed
from leadgateway_operator.plan import Running, Standing
from leadgateway_operator.status import Change, report

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ROUTE = ObservedRoute("uid", "team", "solar", 3, "2026-01-01T00:00:00Z", deleting=False, spec=b"{}")
PACKED = Packed(0, "team.solar.json", b"{}", None, "hash-a", "sun", default=False)
ACCEPTED = Condition(ConditionType.ACCEPTED, "True", Reason.ACCEPTED, "valid")
PASSED = Condition(ConditionType.TESTS_PASSED, "True", Reason.NO_TESTS, "none")
STANDING = Standing(ROUTE, ACCEPTED, PASSED, Running(3, paused=False, packed=PACKED))


def pod(role: Role, name: str, loaded: str | None) -> Report:
    hashes = None if loaded is None else {"team/solar": loaded}
    return Report(Pod(role, name, "http://x"), hashes)


def fleet(*reports: Report) -> Fleet:
    return Fleet(reports)


ALL = fleet(pod("webhook", "w", "hash-a"), pod("worker", "k", "hash-a"))


def conditions(standing: Standing, of: Fleet) -> dict[str, tuple[str, str]]:
    status = report(standing, of, now=NOW).status
    return {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}


def stored(standing: Standing, of: Fleet) -> Standing:
    """The same once its status has been written."""
    status = report(standing, of, now=NOW).status
    return replace(standing, route=replace(standing.route, status=status))


def test_a_route_that_all_pods_have_loaded_is_ready() -> None:
    assert conditions(STANDING, ALL) == {
        "Accepted": ("True", "Accepted"),
        "TestsPassed": ("True", "NoTests"),
        "Programmed": ("True", "Programmed"),
        "Ready": ("True", "Ready"),
        "Delivering": ("True", "Delivering"),
    }


def test_another_hash_in_one_pod_is_pending() -> None:
    mixed = fleet(*ALL.reports, pod("worker", "old", "hash-b"))

    assert conditions(STANDING, mixed)["Programmed"] == ("False", "Pending")


def test_a_pod_that_lags_behind_outweighs_one_that_is_silent() -> None:
    mixed = fleet(*ALL.reports, pod("worker", "old", "hash-b"), pod("worker", "silent", None))

    assert conditions(STANDING, mixed)["Programmed"] == ("False", "Pending")


def test_a_silent_pod_alone_makes_it_unknown() -> None:
    mixed = fleet(*ALL.reports, pod("webhook", "silent", None))

    assert conditions(STANDING, mixed)["Programmed"] == ("Unknown", "Unreachable")
    assert conditions(STANDING, mixed)["Ready"] == ("Unknown", "Unreachable")


def test_a_role_without_pods_is_named() -> None:
    only = fleet(pod("webhook", "w", "hash-a"))

    assert "worker" in report(STANDING, only, now=NOW).status["conditions"][2]["message"]
    assert conditions(STANDING, only)["Programmed"] == ("False", "NoReplicas")


def test_what_is_stored_already_is_not_written_again() -> None:
    assert report(stored(STANDING, ALL), ALL, now=NOW + timedelta(hours=1)).change is Change.NONE


def test_another_number_of_pods_alone_can_wait() -> None:
    more = fleet(*ALL.reports, pod("worker", "another", "hash-a"))

    assert report(stored(STANDING, ALL), more, now=NOW).change is Change.COUNTS


def test_one_pod_more_that_lags_behind_counts_as_no_new_transition_among_those_that_do() -> None:
    one = fleet(*ALL.reports, pod("worker", "old", "hash-b"))
    two = fleet(*one.reports, pod("worker", "older", "hash-b"))

    assert report(stored(STANDING, one), two, now=NOW).change is Change.COUNTS


def test_a_transition_keeps_the_times_of_what_did_not_change() -> None:
    later = NOW + timedelta(hours=1)
    refused = replace(
        stored(STANDING, ALL), accepted=Condition(ConditionType.ACCEPTED, "False", Reason.INVALID, "spec.path: no")
    )

    wanted = report(refused, ALL, now=later)

    times = {c["type"]: c["lastTransitionTime"] for c in wanted.status["conditions"]}
    assert wanted.change is Change.TRANSITION
    assert times["Accepted"] == times["Ready"] == "2026-01-02T04:04:05Z"
    assert times["TestsPassed"] == "2026-01-02T03:04:05Z"


def test_without_a_running_version_nothing_is_said_of_one() -> None:
    idle = replace(STANDING, running=None, accepted=Condition(ConditionType.ACCEPTED, "False", Reason.INVALID, "no"))

    status = report(idle, ALL, now=NOW).status

    assert (status["url"], status["configHash"], status["replicas"]) == (None, None, None)


def open_since(opened: datetime, *others: Report) -> Fleet:
    worker = replace(pod("worker", "k", "hash-a"), open_breakers={"team/solar": opened, "team/wind": opened})
    return fleet(pod("webhook", "w", "hash-a"), worker, *others)


OPEN = open_since(NOW)


def test_an_open_breaker_keeps_a_route_from_delivering_and_not_from_being_ready() -> None:
    status = report(STANDING, OPEN, now=NOW).status

    ready, delivering = status["conditions"][3:]
    assert (delivering["status"], delivering["reason"]) == ("False", "BreakerOpen")
    assert "open since 2026-01-02T03:04:05Z" in delivering["message"]
    assert (ready["status"], ready["reason"]) == ("True", "Ready")
    assert "see Delivering" in ready["message"]


def test_one_worker_is_enough_to_know_of_an_open_breaker() -> None:
    another = open_since(NOW, pod("worker", "new", "hash-a"), pod("worker", "silent", None))

    assert conditions(STANDING, another)["Delivering"] == ("False", "BreakerOpen")


def test_the_breaker_of_another_route_changes_nothing() -> None:
    other = replace(STANDING, route=replace(ROUTE, name="water"))

    assert conditions(other, OPEN)["Delivering"] == ("True", "Delivering")


def test_a_route_delivers_nothing_while_it_is_paused_without_workers_or_never_accepted() -> None:
    paused = replace(STANDING, running=Running(3, paused=True, packed=PACKED))
    no_worker = fleet(pod("webhook", "w", "hash-a"))
    silent = fleet(pod("webhook", "w", "hash-a"), pod("worker", "k", None))

    assert conditions(paused, OPEN)["Delivering"] == ("False", "Paused")
    assert conditions(STANDING, no_worker)["Delivering"] == ("False", "NoReplicas")
    assert conditions(STANDING, silent)["Delivering"] == ("Unknown", "Unreachable")
    assert conditions(replace(STANDING, running=None), OPEN)["Delivering"] == ("False", "NotAccepted")


def test_a_rejected_generation_leaves_the_one_that_runs_delivering() -> None:
    refused = replace(STANDING, accepted=Condition(ConditionType.ACCEPTED, "False", Reason.INVALID, "spec.path: no"))

    assert conditions(refused, ALL)["Delivering"] == ("True", "Delivering")
    assert conditions(refused, OPEN)["Delivering"] == ("False", "BreakerOpen")


def test_a_breaker_that_opens_or_closes_is_written_at_once_and_one_that_stays_open_never_again() -> None:
    opened = stored(STANDING, OPEN)

    assert report(stored(STANDING, ALL), OPEN, now=NOW).change is Change.TRANSITION
    assert report(opened, OPEN, now=NOW + timedelta(hours=1)).change is Change.NONE
    assert report(opened, ALL, now=NOW).change is Change.TRANSITION


def reasons(standing: Standing, of: Fleet = ALL) -> list[str]:
    return [str(event.reason) for event in report(standing, of, now=NOW).events]


def test_a_first_acceptance_and_its_arrival_in_the_pods_are_events() -> None:
    assert reasons(STANDING) == ["Accepted", "Programmed"]


def test_no_transition_is_no_event() -> None:
    assert reasons(stored(STANDING, ALL)) == []


def test_a_new_generation_is_an_event_though_it_is_as_accepted_as_the_last() -> None:
    next_ = stored(STANDING, ALL)
    next_ = replace(next_, route=replace(next_.route, generation=4), running=Running(4, paused=False, packed=PACKED))

    assert reasons(next_) == ["Accepted"]


def test_other_credentials_under_the_same_generation_are_an_event() -> None:
    rotated = replace(stored(STANDING, ALL), running=Running(3, paused=False, packed=replace(PACKED, config_hash="b")))

    assert reasons(rotated) == ["CredentialsRotated"]


def test_a_breaker_that_opens_and_closes_is_an_event_each_and_a_pause_is_none() -> None:
    paused = replace(stored(STANDING, ALL), running=Running(3, paused=True, packed=PACKED))

    assert reasons(stored(STANDING, ALL), OPEN) == ["BreakerOpen"]
    assert reasons(stored(STANDING, OPEN), ALL) == ["Delivering"]
    assert reasons(paused) == []


def test_an_event_has_the_same_name_whoever_posts_it_within_the_hour() -> None:
    event = report(STANDING, ALL, now=NOW).events[0]

    names = {event_body(event, NOW + timedelta(minutes=m))["metadata"]["name"] for m in (0, 5, 50)}
    assert len(names) == 1
    assert event_body(event, NOW + timedelta(hours=1))["metadata"]["name"] not in names


def test_a_long_message_is_shortened_to_what_people_read() -> None:
    long = Condition(ConditionType.ACCEPTED, "False", Reason.INVALID, "x" * (MAX_MESSAGE + 1))

    (merged,) = merge([], [long], generation=1, now=NOW)

    assert len(merged["message"]) == MAX_MESSAGE
    assert merged["message"].endswith("…")


def endpoint_slice(service: str, *endpoints: dict[str, Any], port_name: str = "status") -> dict[str, Any]:
    return {
        "metadata": {"labels": {"kubernetes.io/service-name": service}},
        "ports": [{"name": "http", "port": 8000}, {"name": port_name, "port": 9100}],
        "endpoints": list(endpoints),
    }


SERVICES: dict[str, Role] = {"lead-gateway-webhook": "webhook"}


def found(*slices: dict[str, Any]) -> list[str]:
    return [one.url for one in pods_of(slices, services=SERVICES, port_name="status")]


def test_pods_are_found_by_the_name_of_their_status_port() -> None:
    ready = {"addresses": ["10.0.0.1"], "conditions": {"ready": True}}

    assert found(endpoint_slice("lead-gateway-webhook", ready)) == ["http://10.0.0.1:9100"]
    assert found(endpoint_slice("lead-gateway-webhook", ready, port_name="metrics")) == []
    assert found(endpoint_slice("another", ready)) == []


def test_a_pod_with_two_address_families_is_one_pod() -> None:
    target = {"kind": "Pod", "name": "webhook-0"}
    four = {"addresses": ["10.0.0.1"], "conditions": {}, "targetRef": target}
    six = {"addresses": ["fd00::1"], "conditions": {}, "targetRef": target}

    assert found(endpoint_slice("lead-gateway-webhook", four), endpoint_slice("lead-gateway-webhook", six)) == [
        "http://10.0.0.1:9100"
    ]
    assert found(endpoint_slice("lead-gateway-webhook", six)) == ["http://[fd00::1]:9100"]


def test_endpoints_without_anything_are_no_pods() -> None:
    assert found({"metadata": {}}, endpoint_slice("lead-gateway-webhook", {"addresses": []})) == []
