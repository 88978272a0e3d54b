"""Triggers that note each case that may add something else to the kept figures.

A later migration that rebuilds one of these tables on SQLite (AlterField, some AddField) drops its triggers
there and has to create them again: `operations = [..., create_triggers_again]`.
"""

from django.db import migrations

CHANGED = "review_changedcase"
PIXELS = "(SELECT pixel_sha256 FROM cases_radiograph WHERE case_id = {row}.case_id)"


def _of_case(row):
    return f"INSERT INTO {CHANGED} (case_id) VALUES ({row}.case_id);"


def _itself(row):
    return f"INSERT INTO {CHANGED} (case_id) VALUES ({row}.id);"


def _itself_if_final(row):
    return f"INSERT INTO {CHANGED} (case_id) SELECT {row}.id WHERE {row}.finalized_at IS NOT NULL;"


def _of_reading(row):
    return f"INSERT INTO {CHANGED} (case_id) SELECT case_id FROM review_reading WHERE id = {row}.reading_id;"


def _if_random(row):
    return f"INSERT INTO {CHANGED} (case_id) SELECT {row}.case_id WHERE {row}.served = 'random';"


def _if_read(row):
    """An AI result counts only beside a reading."""
    return f"""INSERT INTO {CHANGED} (case_id) SELECT {row}.case_id WHERE {row}.status = 'done'
        AND EXISTS (SELECT 1 FROM review_reading WHERE case_id = {row}.case_id);"""


def _with_its_pixels(row):
    """The pixels of a reference case are no training label at any site."""
    return f"""INSERT INTO {CHANGED} (case_id) VALUES ({row}.case_id);
        INSERT INTO {CHANGED} (case_id) SELECT r.case_id FROM accounts_site s, cases_radiograph r
        WHERE r.site_id = s.id AND r.pixel_sha256 = {PIXELS.format(row=row)} AND NOT r.is_control_copy;"""


CASE_COLUMNS = (
    *("site_id", "patient_ref", "copy_of_id", "withdrawn_at", "opened_at", "finalized_at"),
    *("on_worklist", "priority"),
)
# Table -> the statement for a row, and the columns without a change of which an update notes nothing.
TABLES = {
    "review_reading": (_of_case, ("case_id", "by_id", "kind", "finding", "signed_at", "withdrawn_at", "supersedes_id")),
    "review_consensus": (_of_case, ("case_id", "status", "finding")),
    "review_assistedreading": (_of_reading, ("reading_id", "prediction_id", "finding")),
    "review_claim": (_if_random, ("case_id", "served")),
    "review_controlcase": (_of_case, ("case_id", "purpose")),
    "review_referencecase": (_with_its_pixels, ("case_id", "finding")),
    "imports_importedlabel": (_of_case, ("case_id", "finding", "source", "imported_at")),
    "cases_case": (_itself, CASE_COLUMNS),
    "cases_radiograph": (_of_case, ("case_id", "pixel_sha256", "view", "sex")),
    "cases_prediction": (_if_read, ("case_id", "status", "queued_at", "outcome", "finding", "probabilities", "operating_points")),
}
OF_NEW_ROWS = {"cases_case": _itself_if_final, "cases_radiograph": None}  # of the other tables: as in TABLES


def _names(table):
    return {change: f"review_changed_{table}_{change}" for change in ("insert", "update", "delete")}


def _changed(columns, distinct):
    return " OR ".join(f"OLD.{column} {distinct} NEW.{column}" for column in columns)


def _sqlite(table):
    note, columns = TABLES[table]
    names = _names(table)
    if of_new := OF_NEW_ROWS.get(table, note):
        yield f"CREATE TRIGGER {names['insert']} AFTER INSERT ON {table} BEGIN {of_new('NEW')} END"
    yield f"CREATE TRIGGER {names['delete']} AFTER DELETE ON {table} BEGIN {note('OLD')} END"
    yield f"""CREATE TRIGGER {names["update"]} AFTER UPDATE ON {table}
        WHEN {_changed(columns, "IS NOT")} BEGIN {note("OLD")} {note("NEW")} END"""


def _postgresql(table):
    note, columns = TABLES[table]
    names, function, of_new = _names(table), f"review_changed_{table}", OF_NEW_ROWS.get(table, note)
    yield f"""CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN {of_new("NEW") if of_new else ""} RETURN NULL; END IF;
            {note("OLD")}
            IF TG_OP = 'UPDATE' THEN {note("NEW")} END IF;
            RETURN NULL;
        END $$"""
    for change in ("insert", "delete"):
        if change == "delete" or of_new:
            yield f"""CREATE TRIGGER {names[change]} AFTER {change} ON {table} FOR EACH ROW
                EXECUTE FUNCTION {function}()"""
    yield f"""CREATE TRIGGER {names["update"]} AFTER UPDATE ON {table} FOR EACH ROW
        WHEN ({_changed(columns, "IS DISTINCT FROM")}) EXECUTE FUNCTION {function}()"""


def create_triggers(apps, schema_editor):
    drop_triggers(apps, schema_editor)
    statements = _sqlite if schema_editor.connection.vendor == "sqlite" else _postgresql
    for table in TABLES:
        for statement in statements(table):
            schema_editor.execute(statement, params=None)
    schema_editor.execute(f"DELETE FROM {CHANGED}", params=None)
    schema_editor.execute(
        f"""INSERT INTO {CHANGED} (case_id) SELECT case_id FROM review_reading
        UNION SELECT case_id FROM imports_importedlabel UNION SELECT case_id FROM review_controlcase
        UNION SELECT id FROM cases_case WHERE finalized_at IS NOT NULL""",
        params=None,
    )


def drop_triggers(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for table in TABLES:
        for name in _names(table).values():
            schema_editor.execute(
                f"DROP TRIGGER IF EXISTS {name}{f' ON {table}' if is_postgresql else ''}", params=None
            )
        if is_postgresql:
            schema_editor.execute(f"DROP FUNCTION IF EXISTS review_changed_{table}()", params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("review", "0008_kept_figures"),
        ("accounts", "0007_external_identities"),
        ("cases", "0015_control_copies"),
        ("imports", "0002_count_lost_attempts"),
    ]
    operations = [migrations.RunPython(create_triggers, drop_triggers)]
