"""`leadgateway lead replay | reject | move | bulk`: act on leads that are named, or on all that a filter means."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, TypeAlias

import typer

from leadgateway.commands.actor import Actor, person_of
from leadgateway.commands.columns import print_columns
from leadgateway.commands.exits import INTERRUPTED, NEGATIVE, fail
from leadgateway.commands.lead_filter import Wanted
from leadgateway.commands.output import Output, OutputOption, plain, progress_bar
from leadgateway.commands.source import LeadSource, Source
from leadgateway.store.bulk import BulkAction, BulkKind, BulkState, BulkWish
from leadgateway.store.search import LeadFilter

LARGEST_ID = 2**63 - 1

_POLL_SECONDS = 0.5
_PATIENCE_SECONDS = 20.0
_DONE = {BulkKind.REPLAY: "sent through again", BulkKind.REJECT: "rejected", BulkKind.MOVE: "moved"}

LeadIds: TypeAlias = Annotated[
    list[int] | None,
    typer.Argument(metavar="[ID…]", min=1, max=LARGEST_ID, help="Ids of leads; or choose them by options."),
]
Reason: TypeAlias = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for the audit.")]


@dataclass(frozen=True, slots=True)
class Manner:
    """How leads that are chosen by options are acted on.

    Attributes:
        every: All that can be, if nothing else chooses some.
        dry_run: Only tell how many there are.
        yes: Without asking.
        no_wait: Without watching.
    """

    every: bool
    dry_run: bool
    yes: bool
    no_wait: bool


def manner(
    *,
    every: Annotated[bool, typer.Option("--all", help="All leads to which this can be done.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell how many leads are meant.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Act on many leads without asking.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Begin, and leave the rest to the workers.")] = False,
) -> Manner:
    """The options, see `source.expanded`."""
    return Manner(every=every, dry_run=dry_run, yes=yes, no_wait=no_wait)


def replay(
    *,
    lead_ids: LeadIds = None,
    wanted: Wanted,
    manner: Callable[[], Manner],
    actor: Actor = None,
    reason: Reason = None,
    output: OutputOption = Output.TEXT,
    source: Source,
) -> None:
    """Send leads that were REJECTED or PERMANENTLY_FAILED through again, by the rules of today.

    Each becomes a new delivery round with an Idempotency-Key of its own. Leads are named by id, or chosen by the
    options of `list`: then how many are meant is told first, and whether to go on is asked. The workers carry it out;
    Ctrl-C stops only the watching, `bulk ID --follow` takes it up again, and `bulk ID --cancel` calls it off.

    Exit status: 0 done to all (with --dry-run and --no-wait: it was told), 1 some were refused (each that was named by
    id with the reason), or it was not agreed to, or called off, 130 left to the workers by Ctrl-C, 2 and 3 as for show.
    """
    wish = BulkWish(BulkKind.REPLAY, reason)
    _act_on_either(source, lead_ids, wanted(), wish, manner=manner(), person=person_of(actor), output=output)


def reject(
    *,
    lead_ids: LeadIds = None,
    wanted: Wanted,
    code: Annotated[
        str, typer.Option("--code", metavar="CODE", help="The reject code: capitals, digits and underscores.")
    ] = "REJECTED_BY_PERSON",
    manner: Callable[[], Manner],
    actor: Actor = None,
    reason: Reason = None,
    output: OutputOption = Output.TEXT,
    source: Source,
) -> None:
    """Turn down leads that wait (RECEIVED, READY or FAILED); they are not delivered.

    Leads are named and chosen as for replay.

    Exit status: as for replay.
    """
    _check_code(code)
    wish = BulkWish(BulkKind.REJECT, reason, code=code)
    _act_on_either(source, lead_ids, wanted(), wish, manner=manner(), person=person_of(actor), output=output)


def move(
    *,
    lead_ids: Annotated[list[int], typer.Argument(metavar="ID…", min=1, max=LARGEST_ID, help="Ids of leads.")],
    route: Annotated[
        str,
        typer.Option("--route", metavar="NAMESPACE/NAME", help="The route they go to, as `lead show` names routes."),
    ],
    actor: Actor = None,
    reason: Reason = None,
    output: OutputOption = Output.TEXT,
    source: Source,
) -> None:
    """Give leads to another route, say because theirs was deleted. They are judged and mapped anew there.

    Exit status: 0 done to all, 1 some were refused (each is named with the reason), 2 and 3 as for show.
    """
    if route.count("/") != 1 or not all(route.split("/")):
        raise typer.BadParameter("write NAMESPACE/NAME, like default/solar-saarland", param_hint="--route")
    _act(source, lead_ids, BulkWish(BulkKind.MOVE, reason, route=route), person=person_of(actor), output=output)


def bulk(
    *,
    action_id: Annotated[
        int | None,
        typer.Argument(metavar="[ID]", min=1, max=LARGEST_ID, help="Of an act on many leads; default: list them."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Watch it until it has come to its end.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Call it off; what was done stays done.")] = False,
    actor: Actor = None,
    output: OutputOption = Output.TEXT,
    source: Source,
) -> None:
    """Tell how far acts on many leads are, watch one to its end, or call one off.

    Exit status: 0 told, or with --follow: done to all; 1 there is none of this number, it had come to its end before it
    was called off, or with --follow: some were refused, or it was called off; 130 left to the workers by Ctrl-C; 2 and
    3 as for show.
    """
    if action_id is None:
        if follow or cancel:
            raise typer.BadParameter("name the act: `bulk` lists the last ones with their ids", param_hint="ID")
        with source() as leads:
            _tell_all(leads.bulk_actions(), output)
        return
    with source() as leads:
        if cancel:
            _cancel(leads, action_id, person=person_of(actor))
        action = leads.bulk_action(action_id)
        if action is None:
            raise fail(f"There is no act on many leads with the id {action_id}.", NEGATIVE)
        if follow:
            _end(_watched(leads, action), output)
        else:
            _tell(action, output)


def _cancel(leads: LeadSource, action_id: int, *, person: str) -> None:
    if leads.cancel(action_id, person=person) is None and leads.bulk_action(action_id) is not None:
        raise fail(f"Act {action_id} has come to its end already.", NEGATIVE)


def _act_on_either(
    source: Source,
    lead_ids: Sequence[int] | None,
    chosen: LeadFilter,
    wish: BulkWish,
    *,
    manner: Manner,
    person: str,
    output: Output,
) -> None:
    if _by_id(lead_ids, chosen, manner):
        _act(source, lead_ids or [], wish, person=person, output=output)
    else:
        _act_on_many(source, chosen, wish, manner=manner, person=person, output=output)


def _by_id(lead_ids: Sequence[int] | None, chosen: LeadFilter, manner: Manner) -> bool:
    is_chosen = manner.every or chosen != LeadFilter()
    if lead_ids and is_chosen:
        raise typer.BadParameter("name leads by id or choose them by options, not both")
    if lead_ids and manner.dry_run:
        raise typer.BadParameter("it is for leads that are chosen by options, not for ids", param_hint="--dry-run")
    if not lead_ids and not is_chosen:
        raise typer.BadParameter(
            "name leads by id, or choose them by options such as --status or --since; --all means all of them"
        )
    return bool(lead_ids)


def _act(source: Source, lead_ids: Sequence[int], wish: BulkWish, *, person: str, output: Output) -> None:
    done = _DONE[wish.kind] + (f" to {wish.route}" if wish.route else "")
    with source() as leads:
        acted = leads.act(lead_ids, wish, person=person)
    if output is Output.JSON:
        refused = {str(lead_id): refusal for lead_id, refusal in acted.refused.items()}
        typer.echo(json.dumps({"done": list(acted.done), "refused": refused}, indent=2))
    else:
        for lead_id in acted.done:
            typer.echo(f"lead {lead_id}: {done}")
        for lead_id, refusal in acted.refused.items():
            typer.echo(f"lead {lead_id}: refused: {refusal}", err=True)
    if acted.refused:
        raise typer.Exit(NEGATIVE)


def _act_on_many(
    source: Source, chosen: LeadFilter, wish: BulkWish, *, manner: Manner, person: str, output: Output
) -> None:
    with source() as leads:
        proposal = leads.propose(chosen, wish)
        if manner.dry_run:
            _tell_dry(proposal.total, wish, output)
            return
        if not manner.yes and not _agreed(proposal.total, wish):
            raise typer.Exit(NEGATIVE)
        action = proposal.begin(person)
        if manner.no_wait:
            _tell(action, output)
        else:
            _end(_watched(leads, action), output)


def _tell_dry(total: int, wish: BulkWish, output: Output) -> None:
    if output is Output.JSON:
        typer.echo(json.dumps({"dry_run": True, "kind": wish.kind.value, "total": total}, indent=2))
    else:
        typer.echo(f"{_leads(total)} would be {_DONE[wish.kind]}. Nothing was done.")


def _agreed(total: int, wish: BulkWish) -> bool:
    if not sys.stdin.isatty():
        typer.echo(
            f"{_leads(total)} would be {_DONE[wish.kind]}. Nothing was done. To go on without being asked: --yes",
            err=True,
        )
        return False
    return typer.confirm(f"{_leads(total)} will be {_DONE[wish.kind]}. Go on?", err=True)


def _watched(leads: LeadSource, action: BulkAction) -> BulkAction:
    """Wait for an act's end; a Ctrl-C ends the waiting alone."""
    try:
        return _watch(leads, action)
    except KeyboardInterrupt:
        typer.echo(
            f"Act {action.action_id} goes on without you. To watch it: bulk {action.action_id} --follow; "
            f"to call it off: bulk {action.action_id} --cancel",
            err=True,
        )
        raise typer.Exit(INTERRUPTED) from None


def _watch(leads: LeadSource, action: BulkAction) -> BulkAction:
    moved_at, is_told = time.monotonic(), False
    with progress_bar() as progress:
        while action.state is BulkState.RUNNING:
            progress(action.kind.value, action.processed, action.total)
            time.sleep(_POLL_SECONDS)
            seen = leads.bulk_action(action.action_id)
            if seen is None:
                raise fail(f"Act {action.action_id} is no longer kept.", NEGATIVE)
            if seen.processed > action.processed:
                moved_at, is_told = time.monotonic(), False
            elif not is_told and time.monotonic() - moved_at > _PATIENCE_SECONDS:
                typer.echo("No worker is at it yet; it goes on as soon as one has time.", err=True)
                is_told = True
            action = seen
    return action


def _end(action: BulkAction, output: Output) -> None:
    _tell(action, output)
    if action.refused or action.state is BulkState.CANCELLED:
        raise typer.Exit(NEGATIVE)


def _tell(action: BulkAction, output: Output) -> None:
    if output is Output.JSON:
        typer.echo(json.dumps(_as_json(action), indent=2))
        return
    done = f"Act {action.action_id}: {_leads(action.done)} {_DONE[action.kind]}"
    refused = f", {action.refused} refused since they had changed meanwhile" if action.refused else ""
    if action.state is BulkState.RUNNING:
        refused += f", {action.total - action.processed} to go"
    if action.cancelled_by is not None:
        refused += f", called off by {action.cancelled_by} before {action.total - action.processed} more"
    typer.echo(f"{done}{refused}.")


def _tell_all(actions: Sequence[BulkAction], output: Output) -> None:
    if output is Output.JSON:
        typer.echo(json.dumps({"bulk_actions": [_as_json(each) for each in actions]}, indent=2))
        return
    print_columns(
        ["ID", "WHAT", "STATE", "LEADS", "DONE", "REFUSED", "BEGUN", "BY", "REASON"],
        [
            [
                str(each.action_id),
                each.kind.value,
                each.state.value,
                str(each.total),
                str(each.done),
                str(each.refused),
                f"{each.created_at:%Y-%m-%d %H:%M:%SZ}",
                each.actor,
                each.reason or "",
            ]
            for each in actions
        ],
    )


def _as_json(action: BulkAction) -> dict[str, Any]:
    return {each.name: plain(getattr(action, each.name)) for each in fields(BulkAction)}


def _leads(number: int) -> str:
    return "1 lead" if number == 1 else f"{number} leads"


def _check_code(code: str) -> None:
    letters = code.replace("_", "")
    if not (code.isascii() and letters.isalnum() and code.upper() == code and code[:1].isalpha() and len(code) <= 64):
        raise typer.BadParameter("write capitals, digits and underscores, like WRONG_REGION", param_hint="--code")
