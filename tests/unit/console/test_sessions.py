"""A session says who somebody is for as long as it lasts, and can't be made by anybody else."""

from __future__ import annotations

from leadgateway_webhook.console.access import person_name
from leadgateway_webhook.console.sessions import Sessions
from leadgateway_webhook.console.signing_in import MOST_FAILURES, WINDOW_SECONDS, Attempts


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_is_read_as_it_was_begun() -> None:
    sessions = Sessions(b"key", seconds=60, clock=Clock())

    read = sessions.read(sessions.begin("Änn", "viewer"))

    assert read is not None
    assert (read.name, read.role, read.ends_at) == ("Änn", "viewer", 1_060.0)


def test_a_session_ends() -> None:
    clock = Clock()
    sessions = Sessions(b"key", seconds=60, clock=clock)
    cookie = sessions.begin("ann", "viewer")

    clock.now += 60

    assert sessions.read(cookie) is None


def test_what_another_key_signed_is_nothing() -> None:
    theirs = Sessions(b"their key", seconds=60, clock=Clock()).begin("ann", "operator")

    assert Sessions(b"our key", seconds=60, clock=Clock()).read(theirs) is None


def test_nonsense_is_no_session() -> None:
    sessions = Sessions(b"key", seconds=60, clock=Clock())
    good = sessions.begin("ann", "viewer")

    for cookie in ("", ".", "a.b", "ä.ö", good[:-1], good + "x", good.replace(".", ""), "=" * 3000, f"{good}.{good}"):
        assert sessions.read(cookie) is None, cookie


def test_no_two_sessions_share_a_form_token() -> None:
    sessions = Sessions(b"key", seconds=60, clock=Clock())
    one, two = sessions.read(sessions.begin("ann", "viewer")), sessions.read(sessions.begin("ann", "viewer"))

    assert one is not None
    assert two is not None
    assert sessions.form_token(one.nonce) != sessions.form_token(two.nonce)


def test_a_name_is_one_line_of_what_can_be_shown() -> None:
    assert person_name("  Ann   Schmidt ") == "Ann Schmidt"
    for given in ("", "  ", "x" * 65, "an\x00n", "a\u202en", "\ud800"):
        assert person_name(given) is None, given


def test_an_address_waits_after_a_few_wrong_passwords_and_no_other_does() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(MOST_FAILURES):
        assert attempts.wait_seconds("10.0.0.1") == 0
        attempts.failed("10.0.0.1")

    assert attempts.wait_seconds("10.0.0.1") > 0
    assert attempts.wait_seconds("10.0.0.2") == 0
    clock.now += WINDOW_SECONDS
    assert attempts.wait_seconds("10.0.0.1") == 0
