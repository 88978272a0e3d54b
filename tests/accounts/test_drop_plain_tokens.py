"""The migration that deletes the tokens of the earlier version."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

from django.db import connection

MIGRATION = import_module("diagnostics.accounts.migrations.0003_drop_plain_tokens")


def drop() -> None:
    MIGRATION.drop_plain_tokens(None, SimpleNamespace(connection=connection))


def test_an_upgrade_deletes_the_plain_tokens_and_keeps_their_table_for_the_old_code(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE authtoken_token (key varchar(40) PRIMARY KEY, user_id char(32))")
        cursor.execute("INSERT INTO authtoken_token VALUES ('0123456789', 'a')")

        drop()

        cursor.execute("SELECT COUNT(*) FROM authtoken_token")
        assert cursor.fetchone() == (0,)


def test_a_new_home_has_no_such_table(db: None) -> None:
    drop()

    assert "authtoken_token" not in connection.introspection.table_names()
