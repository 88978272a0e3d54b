"""An upload whose database session ends after its commit, while PostgreSQL waits for a standby."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.radiographs import individual_radiograph_png
from tests.servers import wait_until
from tests.stack_fixtures import StartStack
from webapp.processes import WEB

pytestmark = [pytest.mark.stack, pytest.mark.nightly]

SQL = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SET synchronous_commit = off")  # of this session alone
    for statement in {statements!r}:
        cursor.execute(statement)
    print(cursor.rowcount if cursor.description else "")
"""
FILES = """
from diagnostics.cases import selectors
from diagnostics.stores.base import problem_of
print([(file.kind, problem_of(file)) for file in selectors.stored_files()])
"""
CLIENTS = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
TERMINATE_OTHERS = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {CLIENTS}"
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


def test_the_files_of_a_committed_case_stay_when_its_session_is_terminated(start_stack: StartStack) -> None:
    with start_stack("production", processes=(WEB,)) as stack:

        def sql(*statements: str) -> str:
            return stack.shell(SQL.format(statements=statements))

        client = stack.api_client("technician")
        radiograph = {"radiograph": ("radiograph.png", individual_radiograph_png(48_001))}
        sql(
            "ALTER ROLE readroom SET synchronous_commit = on",
            "ALTER SYSTEM SET synchronous_standby_names = 'absent'",
            "SELECT pg_reload_conf()",
            TERMINATE_OTHERS,  # new sessions have the setting of the role
        )
        with ThreadPoolExecutor() as pool:
            upload = pool.submit(client.post, "/api/v1/cases/", {"patient_ref": "T-1"}, radiograph)
            wait_until(
                lambda: sql(WAITING) == "1", seconds=60, what=f"the wait for a standby\n{stack.tail()}"
            )
            sql(TERMINATE_OTHERS)
            assert upload.result().status >= 500  # the client learns nothing about the commit
        sql("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")

        assert stack.shell(FILES) == "[('original', None), ('display', None), ('grey', None)]"
        assert client.post("/api/v1/cases/", {"patient_ref": "T-1"}, radiograph).status == 200
