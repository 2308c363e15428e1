"""The embedded PostgreSQL: made, served, ended, found again, and never left behind."""

import psycopg2
import pytest


def test_a_query_runs_as_a_role_that_is_no_superuser(empty_database_url):
    with psycopg2.connect(empty_database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)
    connection.close()


def test_a_wrong_password_is_refused(postgres_server):
    url = postgres_server.url.replace("leadgateway:", "leadgateway:x", 1)

    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(url)
