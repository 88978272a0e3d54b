"""The numbers of cases that wait for a reading, by priority and day, kept by triggers on the table of cases.

A later migration that rebuilds the table of cases on SQLite drops its triggers there and has to create them again.
"""

from django.db import migrations

CASES, COUNTS = "cases_case", "review_waitingcount"
COLUMNS = ("site_id", "priority", "due_on")
DAY = {"sqlite": "date({row}.due_at)", "postgresql": "({row}.due_at AT TIME ZONE 'UTC')::date"}
DIFFERENT = {"sqlite": "IS NOT", "postgresql": "IS DISTINCT FROM"}


def _waits(row):
    return (
        f"({row}.finalized_at IS NULL AND {row}.on_worklist AND {row}.withdrawn_at IS NULL"
        f" AND {row}.shown_only_to_id IS NULL)"
    )


def _values(row, vendor):
    return f"{row}.site_id", f"{row}.priority", DAY[vendor].format(row=row)


def _insert(row, change, vendor):
    return (
        f"INSERT INTO {COUNTS} ({', '.join(COLUMNS)}, change)"
        f" SELECT {', '.join(_values(row, vendor))}, {change} WHERE {_waits(row)};"
    )


def _changed(vendor):
    old, new = ((_waits(row), *_values(row, vendor)) for row in ("OLD", "NEW"))
    return " OR ".join(f"{a} {DIFFERENT[vendor]} {b}" for a, b in zip(old, new, strict=True))


def _sqlite():
    add, remove = _insert("NEW", 1, "sqlite"), _insert("OLD", -1, "sqlite")
    yield f"CREATE TRIGGER review_waiting_added AFTER INSERT ON {CASES} BEGIN {add} END"
    yield f"CREATE TRIGGER review_waiting_removed AFTER DELETE ON {CASES} BEGIN {remove} END"
    yield f"""CREATE TRIGGER review_waiting_changed AFTER UPDATE ON {CASES} WHEN {_changed("sqlite")}
        BEGIN {remove} {add} END"""


def _postgresql():
    yield f"""CREATE OR REPLACE FUNCTION review_count_waiting() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'INSERT' THEN {_insert("OLD", -1, "postgresql")} END IF;
            IF TG_OP <> 'DELETE' THEN {_insert("NEW", 1, "postgresql")} END IF;
            RETURN NULL;
        END $$"""
    for name, event in (("added", "INSERT"), ("removed", "DELETE"), ("changed", "UPDATE")):
        condition = f"WHEN ({_changed('postgresql')})" if event == "UPDATE" else ""
        yield f"""CREATE TRIGGER review_waiting_{name} AFTER {event} ON {CASES} FOR EACH ROW {condition}
            EXECUTE FUNCTION review_count_waiting()"""


def create_triggers(apps, schema_editor):
    drop_triggers(apps, schema_editor)
    vendor = schema_editor.connection.vendor
    for statement in _sqlite() if vendor == "sqlite" else _postgresql():
        schema_editor.execute(statement, params=None)
    schema_editor.execute(f"DELETE FROM {COUNTS}", params=None)
    schema_editor.execute(
        f"""INSERT INTO {COUNTS} ({", ".join(COLUMNS)}, change)
        SELECT {", ".join(_values("c", vendor))}, COUNT(*) FROM {CASES} c WHERE {_waits("c")} GROUP BY 1, 2, 3""",
        params=None,
    )


def drop_triggers(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for name in ("added", "removed", "changed"):
        table = f" ON {CASES}" if is_postgresql else ""
        schema_editor.execute(f"DROP TRIGGER IF EXISTS review_waiting_{name}{table}", params=None)
    if is_postgresql:
        schema_editor.execute("DROP FUNCTION IF EXISTS review_count_waiting()", params=None)


class Migration(migrations.Migration):
    dependencies = [("review", "0009_note_changed_cases")]
    operations = [migrations.RunPython(create_triggers, drop_triggers)]
