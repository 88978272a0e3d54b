"""The triggers of migration 0007 with a fixed order of tables on SQLite.

SQLite read all labels of the run for each new one, because it has no statistics of a table that was just
filled. Now it looks for the other radiographs of the patient first, and then for their labels.
"""

from django.db import migrations

LABEL, CASE = "training_snapshotlabel", "cases_case"
REFUSED = "a patient is in two parts of one split"
# A cross join keeps its order; the plus keeps the index of the cases.
ELSEWHERE = f"""EXISTS (
    SELECT 1 FROM {CASE} own
    CROSS JOIN {CASE} other ON other.site_id = own.site_id AND other.patient_ref = own.patient_ref
    CROSS JOIN {LABEL} label ON label.case_id = other.id
    WHERE own.id = NEW.case_id AND +label.run_id = NEW.run_id AND label.id <> NEW.id
        AND label.part NOT IN ('excluded', NEW.part))"""
CONDITIONS = {
    "insert": ("INSERT", ELSEWHERE.replace(" AND label.id <> NEW.id", "")),  # its id is -1 before the insertion
    "update": ("UPDATE OF part, case_id, run_id", ELSEWHERE),
}


def create_triggers(apps, schema_editor):
    if schema_editor.connection.vendor != "sqlite":
        return
    for name, (change, condition) in CONDITIONS.items():
        schema_editor.execute(f"DROP TRIGGER IF EXISTS training_one_part_{name}", params=None)
        schema_editor.execute(
            f"""CREATE TRIGGER training_one_part_{name} BEFORE {change} ON {LABEL}
            WHEN NEW.part <> 'excluded' AND {condition}
            BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END""",
            params=None,
        )


class Migration(migrations.Migration):
    dependencies = [("training", "0007_one_part_per_patient")]
    operations = [migrations.RunPython(create_triggers, migrations.RunPython.noop)]
