"""What is written into a LeadRoute's status: what became of it, and whether the pods have followed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Any

from leadgateway_operator.conditions import Condition, ConditionType, Reason, clip, merge
from leadgateway_operator.event_log import RouteEvent
from leadgateway_operator.fleet import ROLES, Fleet, Tally
from leadgateway_operator.plan import Standing
from leadgateway_operator.resources import PUBLIC_PREFIX


class Change(Enum):
    """How a status differs from the stored one."""

    NONE = auto()
    COUNTS = auto()
    """Only the numbers of pods, as with every rollout, and then for every LeadRoute at once: can wait."""
    TRANSITION = auto()


@dataclass(frozen=True, slots=True)
class Report:
    """A status as it should be.

    Attributes:
        status: The patch of the status; None removes a field.
    """

    change: Change
    status: Mapping[str, Any]
    events: tuple[RouteEvent, ...]


def report(standing: Standing, fleet: Fleet, *, now: datetime) -> Report:
    """Compare what is with what the LeadRoute's status says.

    Args:
        standing: What became of the LeadRoute.
        fleet: The pods.
        now: The time of what has changed.
    """
    route, running = standing.route, standing.running
    tallies = [fleet.tally(role, route.key, running.packed.config_hash if running else None) for role in ROLES]
    conditions = _conditions(standing, tallies, fleet.breaker_opened_at(route.key))
    status = {
        "observedGeneration": route.generation,
        "conditions": merge(route.status.get("conditions", ()), conditions, generation=route.generation, now=now),
        "url": f"{PUBLIC_PREFIX}{running.packed.path}" if running else None,
        "configHash": running.packed.config_hash if running else None,
        "replicas": {tally.role: str(tally) for tally in tallies} if running else None,
    }
    change = _change(route.status, status)
    events = tuple(_events(standing, conditions)) if change is Change.TRANSITION else ()
    return Report(change, status, events)


def _conditions(standing: Standing, tallies: list[Tally], breaker_opened_at: datetime | None) -> list[Condition]:
    programmed = _programmed(standing, tallies)
    (workers,) = (tally for tally in tallies if tally.role == "worker")
    delivering = _delivering(standing, workers, breaker_opened_at)
    return [standing.accepted, standing.tests_passed, programmed, _ready(standing, programmed, delivering), delivering]


def _programmed(standing: Standing, tallies: list[Tally]) -> Condition:
    kind = ConditionType.PROGRAMMED
    running = standing.running
    if running is None or not standing.accepted.is_true:
        message = f"generation {standing.route.generation} is not accepted; see Accepted"
        return Condition(kind, "False", Reason.NOT_ACCEPTED, message)
    absent = [tally.role for tally in tallies if tally.total == 0]
    if absent:
        message = f"no ready {' and no ready '.join(absent)} pod was found by its Service; see that they run"
        return Condition(kind, "False", Reason.NO_REPLICAS, message)
    waiting = [tally for tally in tallies if tally.loaded + tally.unreachable < tally.total]
    if waiting:
        message = ", ".join(f"{tally} {tally.role} pods have loaded it" for tally in waiting)
        return Condition(kind, "False", Reason.PENDING, f"{message}; the others follow within seconds")
    silent = [tally for tally in tallies if tally.unreachable]
    if silent:
        message = ", ".join(f"{tally.unreachable} of {tally.total} {tally.role} pods" for tally in silent)
        return Condition(kind, "Unknown", Reason.UNREACHABLE, f"{message} could not be asked over the status port")
    return Condition(kind, "True", Reason.PROGRAMMED, "every webhook and worker pod has loaded it")


def _ready(standing: Standing, programmed: Condition, delivering: Condition) -> Condition:
    for condition in (standing.accepted, standing.tests_passed, programmed):
        if not condition.is_true:
            return Condition(ConditionType.READY, condition.status, condition.reason, condition.message)
    if standing.running and standing.running.paused:
        return Condition(ConditionType.READY, "True", Reason.PAUSED, "paused: leads are accepted and wait")
    if delivering.reason is Reason.BREAKER_OPEN:  # which is the customer's matter, not the LeadRoute's
        message = "leads are accepted and checked, and wait for the customer; see Delivering"
        return Condition(ConditionType.READY, "True", Reason.READY, message)
    return Condition(ConditionType.READY, "True", Reason.READY, "leads are accepted, checked and delivered")


def _delivering(standing: Standing, workers: Tally, breaker_opened_at: datetime | None) -> Condition:
    """Whether leads go out as they come: said of the version that runs, whatever became of this generation."""
    kind = ConditionType.DELIVERING
    if standing.running is None:
        return Condition(kind, "False", Reason.NOT_ACCEPTED, "no generation was accepted yet; see Accepted")
    if standing.running.paused:
        return Condition(kind, "False", Reason.PAUSED, "paused: leads are accepted and wait")
    if breaker_opened_at is not None:
        message = (
            f"the circuit breaker is open since {breaker_opened_at:%Y-%m-%dT%H:%M:%SZ}: the customer takes hardly any "
            "lead, so one is tried now and then, and all others wait; none is lost and none uses up a retry"
        )
        return Condition(kind, "False", Reason.BREAKER_OPEN, message)
    if workers.total == 0:
        return Condition(kind, "False", Reason.NO_REPLICAS, "no ready worker pod was found by its Service")
    if workers.unreachable == workers.total:
        return Condition(kind, "Unknown", Reason.UNREACHABLE, "no worker pod could be asked over its status port")
    return Condition(kind, "True", Reason.DELIVERING, "leads are sent to the customer as they come")


def _change(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> Change:
    if _essence(stored) != _essence(wanted):
        return Change.TRANSITION
    same = all(stored.get(name) == value for name, value in wanted.items())
    return Change.NONE if same else Change.COUNTS


def _essence(status: Mapping[str, Any]) -> tuple[object, ...]:
    """Everything but numbers of pods and the messages that repeat them."""
    conditions = sorted(
        (str(c.get("type")), str(c.get("status")), str(c.get("reason")), c.get("observedGeneration"), _lasting(c))
        for c in status.get("conditions", ())
    )
    return status.get("observedGeneration"), status.get("url"), status.get("configHash"), tuple(conditions)


def _lasting(condition: Mapping[str, Any]) -> str:
    counts = condition.get("reason") in {Reason.PENDING, Reason.NO_REPLICAS, Reason.UNREACHABLE}
    return "" if counts else str(condition.get("message"))


def _events(standing: Standing, conditions: Iterable[Condition]) -> Iterable[RouteEvent]:
    """Yield what a person cares about of the transitions.

    `Ready` and `TestsPassed` would only repeat the others, and so does `Delivering` but for a breaker.
    """
    route = standing.route
    stored = {str(c.get("type")): c for c in route.status.get("conditions", ())}
    for condition in conditions:
        before = stored.get(condition.type, {})
        same = (before.get("status"), before.get("reason")) == (condition.status, condition.reason)
        is_new_generation = before.get("observedGeneration") != route.generation
        if condition.type == ConditionType.ACCEPTED:
            # Another mistake under the same reason is news too.
            if not same or is_new_generation or before.get("message") != clip(condition.message):
                yield _event(standing, condition)
        elif condition.type == ConditionType.PROGRAMMED and condition.reason in _TELLING and not same:
            yield _event(standing, condition)
        elif condition.type == ConditionType.DELIVERING and not same:
            if condition.reason is Reason.BREAKER_OPEN:
                yield _event(standing, condition)
            elif before.get("reason") == Reason.BREAKER_OPEN and condition.is_true:
                yield _event(
                    standing, replace(condition, message="the circuit breaker has closed: the customer is back")
                )
    if _is_rotated(standing):
        message = "the credentials have changed; pods load them without a restart"
        yield RouteEvent(
            route.namespace, route.name, route.uid, route.generation, "Normal", Reason.CREDENTIALS_ROTATED, message
        )


_TELLING = {Reason.PROGRAMMED, Reason.NO_REPLICAS, Reason.UNREACHABLE}


def _event(standing: Standing, condition: Condition) -> RouteEvent:
    route, running = standing.route, standing.running
    message = condition.message
    if condition.reason is Reason.PROGRAMMED and running is not None:
        message = f"{message} (hash {running.packed.config_hash})"
    return RouteEvent(
        route.namespace,
        route.name,
        route.uid,
        route.generation,
        "Normal" if condition.is_true else "Warning",
        condition.reason,
        message,
    )


def _is_rotated(standing: Standing) -> bool:
    """The same generation runs with another hash: only its credentials can have changed."""
    stored, running = standing.route.status, standing.running
    return (
        running is not None
        and standing.accepted.is_true
        and stored.get("observedGeneration") == running.generation
        and stored.get("configHash") not in (None, running.packed.config_hash)
    )
