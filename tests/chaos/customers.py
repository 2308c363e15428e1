"""The customers: one server for all routes, which writes down every request and behaves as a fault tells it to."""

from __future__ import annotations

import time
from typing import Self

from tests.building.customer import Answer, Behaviour, Customer, Received
from tests.chaos.records import Request


class Customers:
    """Enter it to listen."""

    def __init__(self) -> None:
        self._server = Customer()
        self.requests: list[Request] = []
        self.behaviour: dict[str, Behaviour] = {}
        """How the customer of a route behaves; one that is not named answers 200."""

    @property
    def port(self) -> int:
        return self._server.port

    def __enter__(self) -> Self:
        self._server.__enter__()
        self._server.answer_by(self._decide)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__(None, None, None)

    def _decide(self, received: Received) -> Behaviour:
        route = received.path.strip("/")
        behaviour = self.behaviour.get(route, Answer(200, b'{"ok": true}'))
        status = behaviour.status if isinstance(behaviour, Answer) else None
        self.requests.append(Request(time.time(), route, received.idempotency_key, received.body, status))
        return behaviour
