"""Where the commands find leads and act on them: one interface, whoever answers.

`store_source` asks the database, `api_source` the admin API of a console. The commands are written once, against
`LeadSource`, and print what either answers in the same way.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Protocol, TypeAlias, get_args, get_origin

from typer.models import OptionInfo

from leadgateway.json import JsonValue
from leadgateway.store.bulk import BulkAction, BulkWish
from leadgateway.store.search import FoundLead, LeadFilter, Page
from leadgateway.store.statistics import Statistics
from leadgateway.store.tail import Step


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an act on leads that were named.

    Attributes:
        done: To these it was done.
        refused: To these it was not, for a reason.
    """

    done: tuple[int, ...]
    refused: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Proposal:
    """An act on many leads that has not begun.

    Attributes:
        total: How many leads are meant.
        begin: Begins it, for a person.
    """

    total: int
    begin: Callable[[str], BulkAction]


@dataclass(frozen=True, slots=True)
class Export:
    """Many leads, a batch at a time.

    Attributes:
        total: About how many.
        is_complete: Whether everything that was accepted can be found yet.
        batches: Leads with what they hold; None where that was not asked for.
    """

    total: int
    is_complete: bool
    batches: Iterable[Sequence[tuple[FoundLead, JsonValue]]]


class LeadSource(Protocol):
    """Finds leads and acts on them. What can't be reached or is refused ends the command, with the remedy."""

    def search(self, leads: LeadFilter, *, limit: int, before: int | None) -> Page:
        """A page of leads, as `store.search.search` finds them."""

    def export(self, leads: LeadFilter, *, bodies: bool) -> Export:
        """All leads that are meant, the newest first."""

    def story(self, lead_id: int) -> Mapping[str, Any] | None:
        """A lead's whole story, as `lead_story.as_json` writes it; None: there is no such lead."""

    def follow(self, *, route: str | None, lines: int) -> Iterator[Sequence[Step]]:
        """What happens to the last `lines` leads and to those that come, for ever."""

    def statistics(
        self, *, received_from: datetime, received_before: datetime, bucket: timedelta, route: str | None
    ) -> Statistics:
        """Count leads, as `store.statistics.statistics` does."""

    def act(self, lead_ids: Sequence[int], wish: BulkWish, *, person: str) -> Outcome:
        """Do something to leads that are named, and answer for each."""

    def propose(self, leads: LeadFilter, wish: BulkWish) -> Proposal:
        """Say to how many leads something would be done."""

    def bulk_action(self, action_id: int) -> BulkAction | None:
        """How far an act on many leads is; None: there is none of this number."""

    def bulk_actions(self) -> Sequence[BulkAction]:
        """The acts on many leads of late, the newest first."""

    def cancel(self, action_id: int, *, person: str) -> BulkAction | None:
        """Call an act off; None: it isn't running (any more), or there is none of this number."""


Source: TypeAlias = Callable[[], AbstractContextManager[LeadSource]]
"""Opens a source. A command opens it once it knows that it was called well."""


def expanded(command: Callable[..., None], /, **makers: Callable[..., Any]) -> Callable[..., None]:
    """A command whose options include those of what it is given.

    Each parameter of the command that has a maker's name is replaced by the maker's own parameters; the command gets a
    function without parameters there, which calls the maker with what stood on the command line. A parameter that the
    command has itself is not taken from a maker. A one-letter option of the source is taken from the command's own
    option, which keeps its long name.

    Args:
        command: A function with keyword parameters as Typer takes them.
        makers: By parameter.
    """
    own = inspect.signature(command, eval_str=True).parameters
    parts = {name: _parameters(maker, but=own) for name, maker in makers.items() if name in own}
    taken = {letter for each in parts.get("source", {}).values() for letter in _letters(each)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in own.items():
        parameters += parts[name].values() if name in parts else [_without(parameter, taken)]

    def call(**given: Any) -> None:
        made = {name: partial(makers[name], **{each: given.pop(each) for each in of}) for name, of in parts.items()}
        command(**made, **given)

    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    call.__doc__ = command.__doc__
    call.__name__ = command.__name__
    return call


def _parameters(maker: Callable[..., Any], *, but: Container[str]) -> Mapping[str, inspect.Parameter]:
    found = inspect.signature(maker, eval_str=True).parameters
    return {name: parameter for name, parameter in found.items() if name not in but}


def _option(parameter: inspect.Parameter) -> OptionInfo | None:
    if get_origin(parameter.annotation) is not Annotated:
        return None
    return next((each for each in get_args(parameter.annotation)[1:] if isinstance(each, OptionInfo)), None)


def _letters(parameter: inspect.Parameter) -> set[str]:
    option = _option(parameter)
    return {name for name in (option and option.param_decls) or () if not name.startswith("--")}


def _without(parameter: inspect.Parameter, letters: set[str]) -> inspect.Parameter:
    option = _option(parameter)
    if option is None or not _letters(parameter) & letters:
        return parameter
    option = copy(option)
    option.param_decls = tuple(name for name in option.param_decls or () if name not in letters)
    return parameter.replace(annotation=Annotated[get_args(parameter.annotation)[0], option])
