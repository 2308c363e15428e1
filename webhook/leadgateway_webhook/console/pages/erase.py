"""*Erase*: a person's request under article 17 GDPR. First it says how many leads are meant, then it erases.

Looking for a person reads every table, before and, as a proof, afterwards, which may take minutes. So the answer is
sent while that goes on, a line for each table; nothing has to be kept between two requests, and any console of several
can answer each of them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Generic, TypeVar

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse

from leadgateway.person import EmailAddress, NoSuchPerson, PhoneNumber
from leadgateway.store.connection import Connection
from leadgateway.store.erasing import Found, Outcome, Sought, erase_whole, look
from leadgateway.store.erasure import erasures
from leadgateway.store.errors import StoreError
from leadgateway.store.execute import rows
from leadgateway.store.looks import Look, record_look
from leadgateway.store.traces import Progress
from leadgateway_webhook.console.access import Principal, operator, viewer
from leadgateway_webhook.console.forms import read_own_form
from leadgateway_webhook.console.parts import database, parts_of, render, stream

LONGEST_REFERENCE = 100
"""Characters; it is a ticket's number, not a story."""
_MOST_LEADS = 500
_HIGHEST_ID = 2**63 - 1
_MOST_AT_ONCE = 2
"""Each reads the whole database."""
_WAIT_SECONDS = 60.0
_REGION = "DE"

Viewer = Annotated[Principal, Depends(viewer)]
Operator = Annotated[Principal, Depends(operator)]
Database = Annotated[Connection, Depends(database)]
T = TypeVar("T")

router = APIRouter(prefix="/erase")
_log = structlog.get_logger(__name__)
_turns = threading.BoundedSemaphore(_MOST_AT_ONCE)


class Unclear(ValueError):
    """Whose data is meant, or whether it is, can't be read from the form; the message repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wrote into the form."""

    email: str = ""
    phone: str = ""
    region: str = _REGION
    ids: str = ""
    reference: str = ""

    @classmethod
    def of(cls, form: Mapping[str, str]) -> Asked:
        """Take the fields of a form."""
        given = {name: " ".join(form.get(name, "").split()) for name in ("email", "phone", "ids", "reference")}
        return cls(**given, region=form.get("region", "").strip().upper() or _REGION)

    def sought(self) -> Sought:
        """Whose data is meant.

        Raises:
            Unclear: Nobody's, or more than one's.
        """
        if [bool(self.email), bool(self.phone), bool(self.ids)].count(True) != 1:
            raise Unclear("Fill in exactly one of e-mail address, phone number and lead numbers.")
        if len(self.reference) > LONGEST_REFERENCE:
            raise Unclear(f"A reference has {LONGEST_REFERENCE} characters at the most.")
        try:
            if self.email:
                return Sought(EmailAddress.parse(self.email))
            if self.phone:
                return Sought(PhoneNumber.parse(self.phone, self.region))
        except NoSuchPerson as error:
            raise Unclear(f"{str(error).capitalize()}.") from None
        return Sought(None, _numbers(self.ids))


class Work(Generic[T]):
    """Something that takes long, done in a thread of its own to its end, whoever still looks on."""

    def __init__(self, do: Callable[[Progress], T]) -> None:
        """Begin. `do` gets what it is to tell its progress to."""
        self._told: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._result: Future[T] = Future()
        # A console that ends does not wait for it: what is unfinished stands in the list of erasures as interrupted.
        threading.Thread(target=self._run, args=(do,), name="erasure", daemon=True).start()

    def progress(self) -> Iterator[str]:
        """A line for each table that was read, as it is; ends with the work."""
        while (line := self._told.get()) is not None:
            yield line

    @property
    def failure(self) -> str:
        """Why it came to nothing, in a sentence; empty: it didn't. Call it after `progress` has ended."""
        error = self._result.exception()
        if error is None:
            return ""
        if isinstance(error, StoreError):
            return f"The database did not let it come to its end: {error}."
        return "A fault of the console's own ended it. Its log says more."

    @property
    def result(self) -> T:
        """What came of it, unless it failed."""
        return self._result.result()

    def _run(self, do: Callable[[Progress], T]) -> None:
        try:
            self._result.set_result(do(self._tell))
        except Exception as error:  # whoever looks on is told, see `failure`
            if not isinstance(error, StoreError):
                _log.error("console.defect", error=type(error).__name__, path="/erase", exc_info=error)
            self._result.set_exception(error)
        finally:
            self._told.put(None)

    def _tell(self, table: str, done: int, pages: int) -> None:
        self._told.put(f"{table}: {100 * done // pages} %" if done < pages else f"{table}: read")


@router.get("")
def index(request: Request, principal: Viewer, connection: Database, ids: str = "") -> Response:
    """The form, and what was erased of late."""
    return _page(request, principal, connection, Asked(ids=ids if ids.isascii() and ids.isdigit() else ""))


@router.post("/preview")
async def preview(request: Request, principal: Operator, connection: Database) -> Response:
    """How many leads are meant, and where the person stands in them. Nothing is erased."""
    asked = Asked.of(await read_own_form(request, parts_of(request).access, principal))

    def found(alone: Connection, progress: Progress) -> Found:
        seen = look(alone, asked.sought(), progress=progress)
        record_look(alone, Look("search", len(seen.lead_ids)), person=principal.name)
        return seen

    return await run_in_threadpool(
        _answer, request, principal, connection, asked, template="erase_preview.html", do=found
    )


@router.post("/begin")
async def begin(request: Request, principal: Operator, connection: Database) -> Response:
    """Erase, and prove it."""
    form = await read_own_form(request, parts_of(request).access, principal)
    asked = Asked.of(form)

    def erased(alone: Connection, progress: Progress) -> Outcome:
        sought = asked.sought()
        return erase_whole(
            alone,
            sought,
            look(alone, sought, progress=progress),
            person=principal.name,
            reference=asked.reference or None,
            wait=_WAIT_SECONDS,
            progress=progress,
        )

    if form.get("confirmed") != "yes":
        problem = "Nothing was erased: tick that it is to be erased for good."
        return await run_in_threadpool(_page, request, principal, connection, asked, problem=problem)
    return await run_in_threadpool(
        _answer, request, principal, connection, asked, template="erase_done.html", do=erased
    )


def _answer(
    request: Request,
    principal: Principal,
    connection: Connection,
    asked: Asked,
    *,
    template: str,
    do: Callable[[Connection, Progress], T],
) -> Response:
    try:
        asked.sought()
    except Unclear as unclear:
        return _page(request, principal, connection, asked, problem=str(unclear))
    if not _turns.acquire(blocking=False):
        raise HTTPException(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "Others are looking for a person right now, which reads everything. Try later.",
        )
    work = Work(lambda progress: _alone(request, do, progress))
    return StreamingResponse(
        stream(request, template, principal, asked=asked, work=work), media_type="text/html; charset=utf-8"
    )


def _alone(request: Request, do: Callable[[Connection, Progress], T], progress: Progress) -> T:
    """Do it on a connection that no time limit of ours ends, and that nobody else gets afterwards."""
    try:
        with parts_of(request).engine.connect() as connection:
            try:
                rows(connection, "SET statement_timeout = 0")
                return do(connection, progress)
            finally:
                connection.invalidate()
    finally:
        _turns.release()


def _page(
    request: Request, principal: Principal, connection: Connection, asked: Asked, *, problem: str = ""
) -> Response:
    return render(
        request,
        "erase.html",
        principal,
        status=HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK,
        asked=asked,
        problem=problem,
        erasures=erasures(connection, limit=50),
    )


def _numbers(text: str) -> list[int]:
    parts = text.replace(",", " ").split()
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 20]
    if len(numbers) < len(parts) or any(not 1 <= number <= _HIGHEST_ID for number in numbers):
        raise Unclear("Lead numbers: write them as 12, 4711.")
    if len(numbers) > _MOST_LEADS:
        raise Unclear(f"At the most {_MOST_LEADS} leads at once.")
    return numbers
