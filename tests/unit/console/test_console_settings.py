"""A console that others can reach asks who they are, or doesn't start."""

from __future__ import annotations

import pytest

from leadgateway.settings import ConsoleSettings, InvalidSettings, is_loopback, load


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_this_machine_s_own_addresses_need_nothing(host: str) -> None:
    assert is_loopback(host)
    assert load(ConsoleSettings, host=host).is_open


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "console.example"])
def test_any_other_address_is_refused_with_the_remedy(host: str) -> None:
    with pytest.raises(InvalidSettings, match=rf"{host}.*LEADGATEWAY_CONSOLE_PASSWORD"):
        load(ConsoleSettings, host=host)


@pytest.mark.parametrize("name", ["password", "viewer_password", "token", "viewer_token"])
def test_any_secret_opens_it_to_others(name: str) -> None:
    assert not load(ConsoleSettings, host="0.0.0.0", **{name: "x" * 20}).is_open


@pytest.mark.parametrize(("name", "length"), [("password", 11), ("token", 19), ("session_key", 31)])
def test_a_secret_that_could_be_guessed_is_refused_without_being_quoted(name: str, length: int) -> None:
    with pytest.raises(InvalidSettings, match=f"LEADGATEWAY_CONSOLE_{name.upper()}") as refused:
        load(ConsoleSettings, **{name: "h" * length})

    assert "hhh" not in str(refused.value)


def test_a_proxy_s_header_is_nothing_without_the_proxy_s_addresses() -> None:
    with pytest.raises(InvalidSettings, match="LEADGATEWAY_CONSOLE_PROXY_NETWORKS"):
        load(ConsoleSettings, host="0.0.0.0", proxy_header="X-Forwarded-User")


@pytest.mark.parametrize("url", ["leads.example.com", "ftp://leads.example.com", "https://leads.example.com/console"])
def test_a_public_url_is_a_website_s_root(url: str) -> None:
    with pytest.raises(InvalidSettings, match="LEADGATEWAY_CONSOLE_PUBLIC_URL"):
        load(ConsoleSettings, public_url=url)


def test_over_tls_sessions_are_for_tls_only() -> None:
    assert load(ConsoleSettings, public_url="https://leads.example.com/").is_secure
    assert not load(ConsoleSettings, public_url="http://127.0.0.1:8001").is_secure
