"""Paths, the default route and room in a shard are held by one LeadRoute at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from leadgateway_operator.admit import Admission, Claimant, Conflict, Crowded, Need, admit

SOFT, HARD = 900, 1000


def need(*claims: str, shard: int = 0, size: int = 10, credentials_size: int = 0) -> Need:
    return Need(claims, shard, size, credentials_size)


def claimant(name: str, *, day: int, running: Need | None = None, wanted: Need | None = None) -> Claimant:
    return Claimant(f"team/{name}", f"2026-01-{day:02}T00:00:00Z", running, wanted)


def decide(*claimants: Claimant) -> Admission:
    return admit(claimants, soft_limit=SOFT, hard_limit=HARD)


def test_the_holder_of_a_path_keeps_it_when_an_older_leadroute_is_edited_onto_it() -> None:
    older = claimant("older", day=1, running=need("path:a"), wanted=need("path:b"))
    younger = claimant("younger", day=2, running=need("path:b"))

    answer = decide(older, younger)

    assert answer.denied == {"team/older": Conflict("path:b", "team/younger")}
    assert answer.kept == {"team/older", "team/younger"}


def test_a_free_path_goes_to_the_oldest_that_asks() -> None:
    answer = decide(claimant("young", day=2, wanted=need("path:a")), claimant("old", day=1, wanted=need("path:a")))

    assert answer.admitted == {"team/old"}
    assert answer.denied == {"team/young": Conflict("path:a", "team/old")}


def test_of_two_made_in_the_same_second_the_first_by_name_gets_the_path() -> None:
    answer = decide(claimant("b", day=1, wanted=need("path:x")), claimant("a", day=1, wanted=need("path:x")))

    assert answer.admitted == {"team/a"}


def test_a_path_that_its_holder_gives_up_goes_to_the_one_that_waits_in_the_same_decision() -> None:
    waiting = claimant("waiting", day=1, wanted=need("path:a"))
    moving = claimant("moving", day=2, running=need("path:a"), wanted=need("path:b"))

    answer = decide(waiting, moving)

    assert answer.admitted == {"team/waiting", "team/moving"}
    assert answer.denied == {}


def test_two_leadroutes_that_want_each_others_path_both_stay_where_they_are() -> None:
    one = claimant("one", day=1, running=need("path:a"), wanted=need("path:b"))
    two = claimant("two", day=2, running=need("path:b"), wanted=need("path:a"))

    answer = decide(one, two)

    assert answer.kept == {"team/one", "team/two"}
    assert answer.denied == {
        "team/one": Conflict("path:b", "team/two"),
        "team/two": Conflict("path:a", "team/one"),
    }


def test_a_new_version_that_takes_the_same_as_the_running_one_is_admitted() -> None:
    answer = decide(claimant("solar", day=1, running=need("path:a"), wanted=need("path:a")))

    assert answer.admitted == {"team/solar"}


def test_a_full_shard_takes_in_no_more_and_says_how_much_room_there_is() -> None:
    running = claimant("running", day=2, running=need("path:a", size=850))
    new = claimant("new", day=1, wanted=need("path:b", size=51))

    answer = decide(running, new)

    assert answer.denied == {"team/new": Crowded(shard=0, need=51, room=50)}


def test_a_leadroute_that_alone_exceeds_a_shard_is_denied() -> None:
    answer = decide(claimant("huge", day=1, wanted=need("path:a", size=SOFT + 1)))

    assert answer.denied == {"team/huge": Crowded(shard=0, need=SOFT + 1, room=SOFT)}


def test_a_version_that_does_not_fit_leaves_the_running_one_in_place() -> None:
    answer = decide(claimant("solar", day=1, running=need("path:a", size=800), wanted=need("path:a", size=901)))

    assert answer.kept == {"team/solar"}
    assert answer.denied == {"team/solar": Crowded(shard=0, need=901, room=900)}


def test_a_shard_over_its_limit_still_lets_a_leadroute_shrink() -> None:
    answer = decide(
        claimant("shrinks", day=1, running=need("path:a", size=600), wanted=need("path:a", size=500)),
        claimant("other", day=2, running=need("path:b", size=390)),
    )

    assert answer.admitted == {"team/shrinks"}


def test_credentials_have_a_limit_of_their_own() -> None:
    answer = decide(claimant("solar", day=1, wanted=need("path:a", size=1, credentials_size=SOFT + 1)))

    assert isinstance(answer.denied["team/solar"], Crowded)


def test_a_longer_secret_does_not_end_a_route_that_runs_already() -> None:
    answer = decide(claimant("solar", day=1, running=need("path:a", credentials_size=SOFT + 50)))

    assert answer.kept == {"team/solar"}


needs = st.builds(need, st.sampled_from(["path:a", "path:b", "path:c", "path:d"]), size=st.integers(1, 500))
defaults = st.builds(lambda taken: replace(taken, claims=(*taken.claims, "default")), needs)
claimants = st.lists(
    st.tuples(st.integers(1, 4), st.none() | needs | defaults, st.none() | needs | defaults), max_size=7
).map(lambda rows: [claimant(str(i), day=day, running=r, wanted=w) for i, (day, r, w) in enumerate(rows)])


def outcome(answer: Admission, given_: Sequence[Claimant]) -> dict[str, Need]:
    held = {c.key: (c.wanted or c.running) if c.key in answer.admitted else c.running for c in given_}
    return {key: taken for key, taken in held.items() if taken and key in answer.admitted | answer.kept}


@given(claimants)
def test_no_claim_is_ever_held_twice_and_no_shard_overflows(given_: list[Claimant]) -> None:
    held = outcome(decide(*given_), given_)

    claims = [claim for taken in held.values() for claim in taken.claims]
    assert len(claims) == len(set(claims))
    assert sum(taken.size for taken in held.values()) <= HARD


@given(claimants.flatmap(lambda given_: st.tuples(st.just(given_), st.permutations(given_))))
def test_the_order_in_which_leadroutes_are_seen_changes_nothing(
    orders: tuple[list[Claimant], list[Claimant]],
) -> None:
    assert decide(*orders[0]) == decide(*orders[1])


@given(claimants)
def test_an_operator_that_starts_afresh_decides_the_same(given_: list[Claimant]) -> None:
    first = decide(*given_)
    held = outcome(first, given_)
    # What was admitted is now recorded as running; what was denied still asks.
    recorded = [
        replace(c, running=held.get(c.key, c.running), wanted=None if c.key in first.admitted else c.wanted)
        for c in given_
    ]

    second = decide(*recorded)

    assert outcome(second, recorded) == held
    assert second.admitted == frozenset()
