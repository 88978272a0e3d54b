"""Triggers that keep a patient of a run's snapshot in one part of the split, on both databases.

A patient is a site with a patient reference; excluded labels do not count. A later migration that rebuilds
`training_snapshotlabel` on SQLite drops the triggers and has to create them again.
"""

from django.db import migrations

LABEL, CASE = "training_snapshotlabel", "cases_case"
REFUSED = "a patient is in two parts of one split"
ELSEWHERE = f"""EXISTS (
    SELECT 1 FROM {CASE} own
    JOIN {CASE} other ON other.site_id = own.site_id AND other.patient_ref = own.patient_ref
    JOIN {LABEL} label ON label.case_id = other.id
    WHERE own.id = NEW.case_id AND label.run_id = NEW.run_id AND label.id <> NEW.id
        AND label.part NOT IN ('excluded', NEW.part))"""

SQLITE = tuple(
    # The id of a new row is -1 before its insertion.
    f"""CREATE TRIGGER training_one_part_{name} BEFORE {change} ON {LABEL}
    WHEN NEW.part <> 'excluded' AND {ELSEWHERE if name == "update" else ELSEWHERE.replace(" AND label.id <> NEW.id", "")}
    BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"""
    for name, change in (("insert", "INSERT"), ("update", "UPDATE OF part, case_id, run_id"))
)
POSTGRESQL = (
    f"""CREATE FUNCTION training_refuse_second_part() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {ELSEWHERE} THEN RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'check_violation'; END IF;
        RETURN NEW;
    END $$""",
    f"""CREATE TRIGGER training_one_part BEFORE INSERT OR UPDATE OF part, case_id, run_id ON {LABEL}
    FOR EACH ROW WHEN (NEW.part <> 'excluded') EXECUTE FUNCTION training_refuse_second_part()""",
)
STATEMENTS = {"sqlite": SQLITE, "postgresql": POSTGRESQL}


def create_triggers(apps, schema_editor):
    for statement in STATEMENTS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def drop_triggers(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP TRIGGER IF EXISTS training_one_part ON {LABEL}", params=None)
        schema_editor.execute("DROP FUNCTION training_refuse_second_part()", params=None)
        return
    for name in ("insert", "update"):
        schema_editor.execute(f"DROP TRIGGER IF EXISTS training_one_part_{name}", params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0006_progress_details"),
        ("cases", "0001_initial"),
    ]
    operations = [migrations.RunPython(create_triggers, drop_triggers)]
