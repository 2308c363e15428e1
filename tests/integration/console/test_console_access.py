"""Who gets into the console, and what they may there: a real process, asked over HTTP."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from leadgateway.cli import app
from tests.building.console import LOCKED, PASSWORD, TOKEN, VIEWER_PASSWORD, ConsoleProcess, Person
from tests.building.stored_leads import new_lead, store_engine, stored

ROUTE = "default/only-for-people-who-are-known"


@pytest.fixture(scope="module")
def locked(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleProcess]:
    """A console that asks who somebody is, with a lead in it."""
    engine = store_engine(module_database_url)
    with engine.connect() as connection:
        stored(connection, new_lead(route=ROUTE))
    engine.dispose()
    with ConsoleProcess(tmp_path_factory.mktemp("routes"), database=module_database_url, **LOCKED) as console:
        yield console.until_ready()


@pytest.fixture(scope="module")
def unlocked(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleProcess]:
    """A console on this machine that asks nothing."""
    with ConsoleProcess(tmp_path_factory.mktemp("routes"), database=module_database_url) as console:
        yield console.until_ready()


@pytest.fixture
def stranger(locked: ConsoleProcess) -> Iterator[Person]:
    with Person(locked) as person:
        yield person


def test_a_stranger_is_led_to_the_sign_in_page_and_sees_nothing(stranger: Person) -> None:
    answer = stranger.get("/")

    assert answer.url.path == "/login"
    assert ROUTE not in answer.text


def test_after_signing_in_one_is_where_one_wanted_to_go(stranger: Person) -> None:
    shown = stranger.get("/?x=1")
    assert shown.url.params["next"] == "/?x=1"

    answer = stranger.client.post(
        "/login", data={"name": "ann", "password": PASSWORD, "next": "/?x=1"}, headers=stranger.origin
    )

    assert (answer.status_code, answer.url.path, answer.url.query) == (200, "/", b"x=1")
    assert ROUTE in answer.text
    assert "ann" in answer.text


@pytest.mark.parametrize("target", ["//evil.example/", "/\\evil.example", "https://evil.example/", "/login?next=/"])
def test_signing_in_leads_to_no_other_site(stranger: Person, target: str) -> None:
    stranger.client.follow_redirects = False

    answer = stranger.client.post(
        "/login", data={"name": "ann", "password": PASSWORD, "next": target}, headers=stranger.origin
    )

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_the_session_cookie_is_out_of_reach_of_scripts_and_of_other_sites_forms(stranger: Person) -> None:
    stranger.client.follow_redirects = False

    cookie = stranger.sign_in(PASSWORD).headers["set-cookie"]

    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}


def test_a_changed_cookie_opens_nothing(stranger: Person) -> None:
    stranger.sign_in(VIEWER_PASSWORD)
    name, value = next(iter(stranger.client.cookies.items()))
    stranger.client.cookies.clear()
    changed = value.replace(value[3], "A" if value[3] != "A" else "B", 1)
    stranger.client.cookies.set(name, changed)

    assert stranger.get("/").url.path == "/login"


def test_signing_out_ends_the_session_of_the_browser(stranger: Person) -> None:
    stranger.sign_in(PASSWORD)

    assert stranger.send("/logout").url.path == "/login"
    assert stranger.get("/").url.path == "/login"


def test_a_form_without_its_token_does_nothing(stranger: Person) -> None:
    stranger.sign_in(PASSWORD)

    answer = stranger.client.post("/logout", data={"form_token": "made-up"}, headers=stranger.origin)

    assert answer.status_code == 403
    assert "another session" in answer.text
    assert stranger.get("/").url.path == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
def test_another_site_can_make_a_browser_do_nothing(stranger: Person, headers: dict[str, str]) -> None:
    answer = stranger.client.post("/login", data={"name": "ann", "password": PASSWORD}, headers=headers)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_program_with_the_token_gets_in_and_one_without_is_told_how(locked: ConsoleProcess) -> None:
    known = httpx.get(locked.url, headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False)
    wrong = httpx.get(locked.url, headers={"authorization": f"Bearer {TOKEN}x"}, trust_env=False)

    assert ROUTE in known.text
    assert (wrong.status_code, wrong.headers["location"]) == (303, "/login")


def test_passwords_can_not_be_tried_out_quickly(module_database_url: str, tmp_path: Path) -> None:
    with ConsoleProcess(tmp_path, database=module_database_url, **LOCKED) as console, Person(console) as guessing:
        answers = [guessing.sign_in(f"guess number {n}").status_code for n in range(6)]
        late = guessing.sign_in(PASSWORD)

    assert answers == [403] * 5 + [429]
    assert late.status_code == 429
    assert 0 < int(late.headers["retry-after"]) <= 61
    assert "guess number" not in console.output


def test_a_session_outlives_a_restart_where_its_key_is_given(module_database_url: str, tmp_path: Path) -> None:
    lasting = LOCKED | {"LEADGATEWAY_CONSOLE_SESSION_KEY": "k" * 32}
    with ConsoleProcess(tmp_path, database=module_database_url, **lasting) as first, Person(first) as person:
        first.until_ready()
        person.sign_in(PASSWORD)
        cookies = dict(person.client.cookies)

    with ConsoleProcess(tmp_path, database=module_database_url, **lasting) as second, Person(second) as again:
        second.until_ready()
        again.client.cookies.update(cookies)
        assert again.get("/").url.path == "/"
    changed = lasting | {"LEADGATEWAY_CONSOLE_PASSWORD": "another password now"}
    with ConsoleProcess(tmp_path, database=module_database_url, **changed) as third, Person(third) as late:
        late.client.cookies.update(cookies)
        assert late.get("/").url.path == "/login"


def test_a_proxy_names_the_person_and_is_believed_from_its_own_address_only(
    module_database_url: str, tmp_path: Path
) -> None:
    proxied = {
        "LEADGATEWAY_CONSOLE_PROXY_HEADER": "X-Auth-Request-Email",
        "LEADGATEWAY_CONSOLE_PROXY_NETWORKS": "127.0.0.1/32",
        "LEADGATEWAY_CONSOLE_PROXY_OPERATORS": "ann@example.com",
    }
    with ConsoleProcess(tmp_path, database=module_database_url, **proxied) as console:
        console.until_ready()
        ann = httpx.get(console.url, headers={"x-auth-request-email": "ann@example.com"}, trust_env=False)
        ben = httpx.get(console.url, headers={"x-auth-request-email": "ben@example.com"}, trust_env=False)
        nobody = httpx.get(console.url, trust_env=False)
    elsewhere = proxied | {"LEADGATEWAY_CONSOLE_PROXY_NETWORKS": "10.0.0.0/8"}
    with ConsoleProcess(tmp_path, database=module_database_url, **elsewhere) as console:
        forged = httpx.get(console.url, headers={"x-auth-request-email": "ann@example.com"}, trust_env=False)

    assert "ann@example.com</bdi> <small>operator" in ann.text
    assert "ben@example.com</bdi> <small>viewer" in ben.text
    assert (nobody.status_code, forged.status_code) == (303, 303)


def test_on_this_machine_alone_nothing_is_asked(unlocked: ConsoleProcess) -> None:
    answer = httpx.get(unlocked.url, trust_env=False)

    assert answer.status_code == 200
    assert "local</bdi> <small>operator" in answer.text


def test_a_name_that_only_leads_to_this_machine_is_refused(unlocked: ConsoleProcess) -> None:
    answer = httpx.get(unlocked.url, headers={"host": f"rebinding.example:{unlocked.port}"}, trust_env=False)

    assert answer.status_code == 421
    assert ROUTE not in answer.text


def test_every_answer_forbids_what_a_hostile_lead_could_use(locked: ConsoleProcess) -> None:
    for path in ("/login", "/", "/nowhere", "/static/console.css"):
        headers = httpx.get(f"{locked.url}{path}", trust_env=False).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        if not path.startswith("/static"):
            assert headers["cache-control"] == "no-store"


def test_what_is_not_there_is_said_on_a_page(locked: ConsoleProcess) -> None:
    answer = httpx.get(f"{locked.url}/nowhere", trust_env=False)

    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


def test_elsewhere_it_refuses_to_start_without_asking_who_comes() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "leadgateway", "console", "--host=0.0.0.0", "--port=0", "--status-port=0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert "LEADGATEWAY_CONSOLE_PASSWORD" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_database_it_runs_and_says_so(tmp_path: Path) -> None:
    with ConsoleProcess(tmp_path, database="postgresql://a:b@127.0.0.1:1/c") as console:
        page = httpx.get(console.url, trust_env=False, timeout=30)
        ready = httpx.get(f"{console.status}/readyz", trust_env=False)
        alive = httpx.get(f"{console.status}/healthz", trust_env=False)
        status = console.end(signal.SIGINT)

    assert (page.status_code, ready.status_code, alive.status_code) == (503, 503, 200)
    assert "The database can&#39;t be reached" in page.text
    assert status == 0
    assert "Traceback" not in console.output


def test_help_names_every_option_with_its_variable_and_default() -> None:
    shown = CliRunner().invoke(app, ["console", "--help"], env={"COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"})

    assert shown.exit_code == 0
    for word in ("--host", "--port", "LEADGATEWAY_CONSOLE_PORT", "8001", "--status-port", "9103", "--config-dir"):
        assert word in shown.stdout
