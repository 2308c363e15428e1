"""Leads from the admin API of a console, which need not be on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

import httpx
from pydantic import TypeAdapter, ValidationError

from leadgateway import __version__
from leadgateway.commands.exits import NEGATIVE, UNAVAILABLE, USAGE, fail
from leadgateway.commands.source import Export, Outcome, Proposal
from leadgateway.json import JsonValue
from leadgateway.store.bulk import BulkAction, BulkKind, BulkWish
from leadgateway.store.search import FoundLead, LeadFilter, Page
from leadgateway.store.statistics import Bucket, Statistics
from leadgateway.store.status import LeadStatus
from leadgateway.store.tail import Step

ACTOR_HEADER = "X-Leadgateway-Actor"
"""Who acts, beside a token that several people know."""

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_PAGE = 500
_PAGE_WITH_BODIES = 50
_LONGEST_NAME = 64

_LEADS = TypeAdapter(list[FoundLead])
_ACTION = TypeAdapter(BulkAction)
_ACTIONS = TypeAdapter(list[BulkAction])
_STEP = TypeAdapter(Step)


class ApiSource:
    """Asks a console."""

    def __init__(self, client: httpx.Client) -> None:
        """Take a client whose base is the API's own and that carries a token, see `console`."""
        self._client = client

    def search(self, leads: LeadFilter, *, limit: int, before: int | None) -> Page:
        """See `LeadSource`."""
        page = self._page(leads, limit=limit, before=before)
        return Page(tuple(_LEADS.validate_python(page["leads"])), page["next_cursor"], page["is_complete"])

    def export(self, leads: LeadFilter, *, bodies: bool) -> Export:
        """See `LeadSource`."""
        total = self._post("leads/count", _filter(leads))
        return Export(total["leads"], total["is_complete"], self._batches(leads, bodies=bodies))

    def _batches(self, leads: LeadFilter, *, bodies: bool) -> Iterator[list[tuple[FoundLead, JsonValue]]]:
        before: int | None = None
        while True:
            limit = _PAGE_WITH_BODIES if bodies else _PAGE
            page = self._page(leads, limit=limit, before=before, bodies=bodies)
            contents = [lead.pop("body", None) for lead in page["leads"]]
            yield list(zip(_LEADS.validate_python(page["leads"]), contents, strict=True))
            before = page["next_cursor"]
            if before is None:
                return

    def _page(self, leads: LeadFilter, *, limit: int, before: int | None, bodies: bool = False) -> Any:
        asked = _filter(leads) | {"limit": limit, "cursor": before}
        return self._post("leads/search", asked | ({"bodies": True} if bodies else {}))

    def story(self, lead_id: int) -> Mapping[str, Any] | None:
        """See `LeadSource`."""
        found = self._found(f"leads/{lead_id}", contents="true")
        return found if isinstance(found, dict) else None

    def follow(self, *, route: str | None, lines: int) -> Iterator[Sequence[Step]]:
        """See `LeadSource`."""
        query = {"lines": str(lines)} | ({"route": route} if route else {})
        with self._client.stream("GET", "leads/tail", params=query) as answer:
            if answer.is_error:
                answer.read()
                raise _refused(answer)
            for line in answer.iter_lines():
                yield [_STEP.validate_python(json.loads(line))] if line else []
        raise fail("The console ended. Call it again to go on.", UNAVAILABLE)

    def statistics(
        self, *, received_from: datetime, received_before: datetime, bucket: timedelta, route: str | None
    ) -> Statistics:
        """See `LeadSource`."""
        query = {
            "received_from": received_from.isoformat(),
            "received_before": received_before.isoformat(),
            "bucket_seconds": str(int(bucket.total_seconds())),
        }
        told = self._found("statistics", **query, **({"route": route} if route else {}))
        return Statistics(
            total=told["total"],
            by_status=_counts(told["by_status"]),
            by_route={name: _counts(counts) for name, counts in told["by_route"].items()},
            by_reject_code=told["by_reject_code"],
            by_time=tuple(
                Bucket(datetime.fromisoformat(each["start"]), _counts(each["by_status"])) for each in told["by_time"]
            ),
        )

    def act(self, lead_ids: Sequence[int], wish: BulkWish, *, person: str) -> Outcome:
        """See `LeadSource`."""
        if wish.kind is BulkKind.REJECT and not wish.reason:
            raise fail("--reason: say why; the console wants to know of each lead that is rejected", USAGE)
        named = {"reason": wish.reason, "code": wish.code, "route": wish.route}
        body = {name: value for name, value in named.items() if value is not None}
        done: list[int] = []
        refused: dict[int, str] = {}
        for lead_id in lead_ids:
            answer = self._send("POST", f"leads/{lead_id}/{wish.kind.value}", json=body, person=person)
            if answer.status_code == HTTPStatus.NOT_FOUND:
                refused[lead_id] = "there is no such lead"
            elif answer.status_code == HTTPStatus.CONFLICT:
                detail = str(answer.json()["detail"])
                refused[lead_id] = detail.removeprefix(f"Nothing was done to lead {lead_id}: ").removesuffix(".")
            else:
                _taken(answer)
                done.append(lead_id)
        return Outcome(tuple(done), refused)

    def propose(self, leads: LeadFilter, wish: BulkWish) -> Proposal:
        """See `LeadSource`. The leads are looked up anew when it begins, so what came meanwhile is meant too."""
        asked = {"kind": wish.kind.value, "filter": _filter(leads), "reason": wish.reason, "code": wish.code}
        total = self._post("bulk-actions", asked | {"dry_run": True})["total"]
        return Proposal(total, partial(self._begin, asked | {"dry_run": False}))

    def _begin(self, asked: Mapping[str, Any], person: str) -> BulkAction:
        return _ACTION.validate_python(self._post("bulk-actions", asked, person=person))

    def bulk_action(self, action_id: int) -> BulkAction | None:
        """See `LeadSource`."""
        found = self._found(f"bulk-actions/{action_id}")
        return None if found is None else _ACTION.validate_python(found)

    def bulk_actions(self) -> Sequence[BulkAction]:
        """See `LeadSource`."""
        return _ACTIONS.validate_python(self._found("bulk-actions")["bulk_actions"])

    def cancel(self, action_id: int, *, person: str) -> BulkAction | None:
        """See `LeadSource`."""
        answer = self._send("POST", f"bulk-actions/{action_id}/cancel", person=person)
        if answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            return None
        return _ACTION.validate_python(_taken(answer))

    def _found(self, path: str, **query: str) -> Any:
        answer = self._send("GET", path, query=query)
        return None if answer.status_code == HTTPStatus.NOT_FOUND else _taken(answer)

    def _post(self, path: str, body: Mapping[str, Any], *, person: str | None = None) -> Any:
        return _taken(self._send("POST", path, json=body, person=person))

    def _send(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        person: str | None = None,
    ) -> httpx.Response:
        name = " ".join((person or "").split())[:_LONGEST_NAME]
        headers = {ACTOR_HEADER.encode(): name.encode()} if name else {}
        return self._client.request(method, path, json=json, params=query, headers=headers)


@contextmanager
def console(url: str, token: str) -> Iterator[ApiSource]:
    """A console at an address, for as long as the block runs; what goes wrong with it ends the command.

    Args:
        url: Of the console, without the API's path.
        token: An operator's or a viewer's.
    """
    headers = {"authorization": f"Bearer {token}", "user-agent": f"leadgateway/{__version__}"}
    try:
        with httpx.Client(base_url=f"{url}/api/v1/", headers=headers, timeout=_TIMEOUT, trust_env=False) as client:
            yield ApiSource(client)
    except httpx.HTTPError as error:
        raise fail(
            f"The console does not answer ({type(error).__name__}). Is its pod ready? Call it again in a moment.",
            UNAVAILABLE,
        ) from None
    except (ValidationError, KeyError, json.JSONDecodeError):
        raise fail(
            f"The console answered what version {__version__} does not understand: it is of another version. Install "
            "the one of the gateway in the cluster.",
            NEGATIVE,
        ) from None


def _taken(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise _refused(answer)
    return answer.json()


def _refused(answer: httpx.Response) -> Exception:
    status = answer.status_code
    if status == HTTPStatus.UNAUTHORIZED:
        return fail(
            "The console does not know this token. Is the Secret newer than the console's pod (restart it), or the "
            "--token-file of another gateway?",
            NEGATIVE,
        )
    detail = _detail(answer)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return fail(detail, USAGE)
    return fail(detail, UNAVAILABLE if status >= HTTPStatus.INTERNAL_SERVER_ERROR else NEGATIVE)


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The console answered {answer.status_code}."


def _filter(leads: LeadFilter) -> dict[str, Any]:
    named = {
        "route": leads.route,
        "status": sorted(leads.statuses),
        "reject_code": leads.reject_code,
        "received_from": leads.received_from and leads.received_from.isoformat(),
        "received_before": leads.received_before and leads.received_before.isoformat(),
        "email": leads.email,
        "phone": leads.phone,
        "correlation_id": leads.correlation_id and str(leads.correlation_id),
        "fields": [f"{field.path}={field.value}" for field in leads.fields],
    }
    return {name: value for name, value in named.items() if value}


def _counts(told: Mapping[str, int]) -> dict[LeadStatus, int]:
    return {LeadStatus(status): count for status, count in told.items()}
