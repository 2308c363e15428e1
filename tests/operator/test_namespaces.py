"""One operator serves all namespaces, or those that it is told."""

from __future__ import annotations

from tests.operator.rig.gateway import Gateway
from tests.operator.rig.waiting import wait_until


def test_leadroutes_of_all_namespaces_are_served(gateway: Gateway) -> None:
    other = gateway.make_namespace("other")
    gateway.apply("solar", path="one")
    gateway.start_operator(WATCH_NAMESPACES="")

    gateway.apply("solar", other, path="two")

    gateway.wait_for("solar", "Accepted", "True")
    gateway.wait_for("solar", "Accepted", "True", namespace=other)
    assert {f"{gateway.team}.solar.json", f"{other}.solar.json"} <= gateway.published()


def test_only_the_namespaces_of_a_list_are_served(gateway: Gateway) -> None:
    other, foreign = gateway.make_namespace("other"), gateway.make_namespace("foreign")
    gateway.start_operator(WATCH_NAMESPACES=f"{gateway.team}, {other}")

    for namespace, path in ((foreign, "three"), (other, "two"), (gateway.team, "one")):
        gateway.apply("solar", namespace, path=path)

    for namespace in (gateway.team, other):
        gateway.wait_for("solar", "Accepted", "True", namespace=namespace)
    assert gateway.published() == {f"{gateway.team}.solar.json", f"{other}.solar.json"}
    assert gateway.status("solar", foreign) == {}


def test_a_path_is_unique_over_namespaces(gateway: Gateway) -> None:
    other = gateway.make_namespace("other")
    gateway.start_operator(WATCH_NAMESPACES=f"{gateway.team},{other}")
    gateway.apply("solar", path="one")
    gateway.wait_for("solar", "Accepted", "True")

    gateway.apply("wind", other, path="one")

    condition = gateway.wait_for("wind", "Accepted", "False", "PathConflict", namespace=other)
    assert f"{gateway.team}/solar" in condition["message"]


def test_an_operator_that_starts_before_the_namespace_serves_it_later(gateway: Gateway) -> None:
    name = f"later-{gateway.suffix}"
    gateway.start_operator(WATCH_NAMESPACES=f"{gateway.team},{name}")

    gateway.make_namespace("later")
    gateway.apply("solar", name)

    gateway.wait_for("solar", "Accepted", "True", namespace=name)


def test_a_namespace_that_is_no_longer_served_gives_its_paths_up(gateway: Gateway) -> None:
    other = gateway.make_namespace("other")
    gateway.start_operator(WATCH_NAMESPACES=f"{gateway.team},{other}")
    gateway.apply("solar", other, path="one")
    gateway.wait_for("solar", "Accepted", "True", namespace=other)
    gateway.operator.stop()

    gateway.start_operator()

    wait_until(lambda: gateway.published() == set(), within=20, what="the route going")
    gateway.apply("solar", path="one")
    gateway.wait_for("solar", "Accepted", "True")
