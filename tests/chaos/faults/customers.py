"""Customers that are slow, verbose, rude, broken, unreachable or not whom they claim to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.building.customer import Answer, Behaviour, Drip, Drop, Raw, Silence
from tests.chaos.faults.fault import Fault
from tests.chaos.routes import HASTY, NARROW, PLAIN
from tests.chaos.stack import Stack

During = Callable[[Stack], AbstractContextManager[None]]

_BIG = Answer(200, b"x" * 10_000_000)


def _behaving(route: str, behaviour: Behaviour) -> During:
    @contextmanager
    def during(stack: Stack) -> Iterator[None]:
        stack.customers.behaviour[route] = behaviour
        yield
        del stack.customers.behaviour[route]

    return during


def _at(route: str, url: str) -> During:
    """Elsewhere; `{port}` is where the customers really are."""

    @contextmanager
    def during(stack: Stack) -> Iterator[None]:
        with stack.routes.changed(route, endpoint={"url": url.format(port=stack.customers.port, route=route)}):
            yield

    return during


def _faults() -> Iterator[Fault]:
    behaviours: dict[str, tuple[str, Behaviour]] = {
        "answers late": (NARROW, Answer(200, after=0.8)),
        "answers after the timeout": (HASTY, Answer(200, after=2.0)),
        "answers 10 MB": (PLAIN, _BIG),
        "answers a byte a second": (NARROW, Drip(interval=1.0)),
        "hangs up": (PLAIN, Drop()),
        "hangs up in the middle": (HASTY, Drop(b"HTTP/1.1 200 OK\r\nContent-Le")),
        "answers 500": (PLAIN, Answer(500, b"down for an hour")),
        "answers 400": (HASTY, Answer(400, b"no")),
        "says nothing": (NARROW, Silence()),
        "speaks no HTTP": (HASTY, Raw(b"220 mail.example ESMTP\r\n")),
    }
    for words, (route, behaviour) in behaviours.items():
        yield Fault(f"customer {words}", "customers", f"customer-{route}", (2, 60), _behaving(route, behaviour))
    yield Fault(
        "customer's name unknown", "customers", "routes", (2, 20), _at(PLAIN, "http://customer.invalid/{route}")
    )
    yield Fault("customer without TLS", "customers", "routes", (2, 20), _at(HASTY, "https://127.0.0.1:{port}/{route}"))


FAULTS = (*_faults(),)
