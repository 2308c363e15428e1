"""How many more leads of each route may be worked on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from leadgateway.route.snapshot import RouteSnapshot
from leadgateway_worker.slots import Slots
from tests.building.snapshots import a_route


def route(name: str, *, concurrency: int = 16, paused: bool = False) -> RouteSnapshot:
    plain = a_route()
    return replace(plain, name=name, paused=paused, endpoint=replace(plain.endpoint, concurrency=concurrency))


def test_a_route_has_as_many_slots_as_its_concurrency() -> None:
    assert Slots(100).free([route("a", concurrency=16), route("b", concurrency=1)]) == {"default/a": 16, "default/b": 1}


def test_leads_in_hand_take_slots_of_their_own_route_only() -> None:
    slots = Slots(100)
    slots.take("default/a", 10)

    assert slots.free([route("a"), route("b")]) == {"default/a": 6, "default/b": 16}


def test_a_route_without_free_slots_is_left_out() -> None:
    slots = Slots(100)
    slots.take("default/a", 16)

    assert slots.free([route("a")]) == {}


def test_of_a_paused_route_nothing_is_taken() -> None:
    assert Slots(100).free([route("a", paused=True)]) == {}


def test_slots_that_are_given_back_are_free_again() -> None:
    slots = Slots(100)
    slots.take("default/a", 16)
    slots.give_back("default/a", 4)

    assert slots.free([route("a")]) == {"default/a": 4}
    assert slots.total == 12


def test_nothing_is_free_when_the_whole_capacity_is_in_hand() -> None:
    slots = Slots(10)
    slots.take("default/a", 10)

    assert slots.free([route("a"), route("b")]) == {}


def test_a_route_keeps_its_slots_from_the_last_of_the_capacity() -> None:
    slots = Slots(20)
    slots.take("default/a", 14)

    assert slots.free([route("a"), route("b")]) == {"default/b": 6}


@given(st.integers(2, 200), st.lists(st.integers(1, 64), min_size=1, max_size=50))
def test_customers_that_never_answer_always_leave_something(capacity: int, concurrencies: list[int]) -> None:
    """Each greedy route takes all it is given, one after the other, and gives nothing back."""
    routes = [route(f"dead-{number}", concurrency=count) for number, count in enumerate(concurrencies)]
    slots = Slots(capacity)
    for dead in routes[: capacity // 2]:
        slots.take(dead.key, slots.free([dead]).get(dead.key, 0) // 2)

    free: Mapping[str, int] = slots.free([route("alive")])

    assert slots.left >= 1
    assert free["default/alive"] >= 1
