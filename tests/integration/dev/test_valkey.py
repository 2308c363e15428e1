"""The embedded Valkey."""

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def test_it_answers(valkey_url):
    with redis.Redis.from_url(valkey_url) as client:
        client.set("a", "b")
        assert client.get("a") == b"b"


def test_without_the_password_it_answers_nothing(valkey_server):
    client = redis.Redis(unix_socket_path=str(valkey_server._socket), retry=Retry(NoBackoff(), 0))

    with client, pytest.raises(redis.exceptions.AuthenticationError):
        client.get("a")
