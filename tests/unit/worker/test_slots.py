"""How many more leads of each route may be worked on."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from leadgateway.route.snapshot import RouteSnapshot
from leadgateway_worker.slots import Slots
from tests.building.snapshots import a_route


def route(name: str, *, concurrency: int = 16, paused: bool = False) -> RouteSnapshot:
    plain = a_route()
    return replace(plain, name=name, paused=paused, endpoint=replace(plain.endpoint, concurrency=concurrency))


def by_key(*routes: RouteSnapshot) -> dict[str, RouteSnapshot]:
    return {one.key: one for one in routes}


def test_a_route_has_as_many_slots_as_its_concurrency() -> None:
    assert Slots(100).free(by_key(route("a", concurrency=16), route("b", concurrency=1))) == {
        "default/a": 16,
        "default/b": 1,
    }


def test_leads_in_hand_take_slots_of_their_own_route_only() -> None:
    slots = Slots(100)
    slots.take("default/a", 10)

    assert slots.free(by_key(route("a"), route("b"))) == {"default/a": 6, "default/b": 16}


def test_a_route_without_free_slots_is_left_out() -> None:
    slots = Slots(100)
    slots.take("default/a", 16)

    assert slots.free(by_key(route("a"))) == {}


def test_of_a_paused_route_nothing_is_taken() -> None:
    assert Slots(100).free(by_key(route("a", paused=True))) == {}


def test_slots_that_are_given_back_are_free_again() -> None:
    slots = Slots(100)
    slots.take("default/a", 16)
    slots.give_back("default/a", 4)

    assert slots.free(by_key(route("a"))) == {"default/a": 4}
    assert slots.total == 12


def test_nothing_is_free_when_the_whole_capacity_is_in_hand() -> None:
    slots = Slots(10)
    slots.take("default/a", 10)

    assert slots.free(by_key(route("a"), route("b"))) == {}


def test_a_route_keeps_its_slots_from_the_last_of_the_capacity() -> None:
    slots = Slots(20)
    slots.take("default/a", 14)

    assert slots.free(by_key(route("a"), route("b"))) == {"default/b": 6}


@given(st.integers(2, 500), st.lists(st.integers(1, 256), min_size=1, max_size=40))
def test_customers_that_never_answer_leave_something_for_another(capacity: int, concurrencies: list[int]) -> None:
    """All are served together, in whatever order, and none gives anything back."""
    dead = [route(f"dead-{number}", concurrency=count) for number, count in enumerate(concurrencies)]
    slots = Slots(capacity)
    while slots.left > len(dead) and (free := slots.free(by_key(*dead))):
        limit = slots.most_at_once
        for key, count in free.items():
            taken = min(count, limit)
            slots.take(key, taken)
            limit -= taken
            if not limit:
                break

    assert slots.left >= 1
    assert slots.free(by_key(*dead, route("alive")))["default/alive"] >= 1


@given(st.integers(1, 500))
def test_a_single_route_can_use_the_whole_capacity_but_for_its_last_part(capacity: int) -> None:
    slots = Slots(capacity)
    while free := slots.free(by_key(route("a", concurrency=1000))):
        slots.take("default/a", min(free["default/a"], slots.most_at_once))

    assert slots.total >= capacity // 2
