"""Modules that are missing while a library loads, and there again afterwards."""

from __future__ import annotations

import os
import ssl
import sys

import pytest

from leadgateway.optional_imports import left_out, no_authorities


def test_a_module_that_is_left_out_is_missing_and_afterwards_there() -> None:
    with left_out("sched"), pytest.raises(ModuleNotFoundError):
        import sched

    import sched

    assert sched.__name__ == "sched"


def test_what_is_below_a_module_that_is_left_out_is_missing_with_it() -> None:
    with left_out("xmlrpc"), pytest.raises(ModuleNotFoundError):
        import xmlrpc.server

    import xmlrpc.server

    assert xmlrpc.server.__name__ == "xmlrpc.server"


def test_a_module_that_is_loaded_already_stays() -> None:
    before = sys.modules["json"]

    with left_out("json"):
        import json

        assert json is before

    assert sys.modules["json"] is before


def test_an_error_in_between_leaves_nothing_missing() -> None:
    with pytest.raises(ZeroDivisionError), left_out("chunk_of_nothing"):
        1 / 0  # noqa: B018

    assert "chunk_of_nothing" not in sys.modules


def test_a_context_that_is_made_without_authorities_trusts_nobody() -> None:
    with no_authorities():
        context = ssl.create_default_context()

    assert context.get_ca_certs() == []


@pytest.mark.parametrize("named", [{}, {"SSL_CERT_FILE": "/etc/own.pem", "SSL_CERT_DIR": "/etc/own"}])
def test_authorities_that_the_environment_names_are_named_again_afterwards(
    monkeypatch: pytest.MonkeyPatch, named: dict[str, str]
) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in named.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ZeroDivisionError), no_authorities():
        1 / 0  # noqa: B018

    assert {name: value for name, value in os.environ.items() if name.startswith("SSL_CERT")} == named
