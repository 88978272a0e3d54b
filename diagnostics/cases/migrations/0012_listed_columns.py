"""The columns of cases by which lists are ordered and filtered: triggers copy them from the radiographs.

A later migration that rebuilds the table of radiographs on SQLite drops its triggers there and has to create them
again: `operations = [..., RunPython(create_triggers)]`.
"""

import datetime

from django.db import migrations, models

CASES, RADIOGRAPHS = "cases_case", "cases_radiograph"
NO_STUDY_TIME = {"sqlite": "'0001-01-01 00:00:00'", "postgresql": "'0001-01-01 00:00:00+00'::timestamptz"}
DIFFERENT = {"sqlite": "IS NOT", "postgresql": "IS DISTINCT FROM"}
FUNCTION = "cases_list_radiograph"


def create_triggers(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    drop_triggers(apps, schema_editor)
    study_at = f"COALESCE(NEW.study_at, {NO_STUDY_TIME[vendor]})"
    copy = f"""UPDATE {CASES} SET listed_study_at = {study_at}, listed_view = NEW.view
        WHERE id = NEW.case_id
        AND (listed_study_at {DIFFERENT[vendor]} {study_at} OR listed_view {DIFFERENT[vendor]} NEW.view);"""
    body = f"BEGIN {copy} END"
    if vendor == "postgresql":
        schema_editor.execute(
            f"""CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN {copy} RETURN NULL; END $$""",
            params=None,
        )
        body = f"FOR EACH ROW EXECUTE FUNCTION {FUNCTION}()"
    for name, event in (("added", "INSERT"), ("changed", "UPDATE OF study_at, view, case_id")):
        schema_editor.execute(
            f"CREATE TRIGGER cases_listed_{name} AFTER {event} ON {RADIOGRAPHS} {body}", params=None
        )


def fill(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    schema_editor.execute(
        f"""UPDATE {CASES} SET listed_study_at = COALESCE(r.study_at, {NO_STUDY_TIME[vendor]}), listed_view = r.view
        FROM {RADIOGRAPHS} r WHERE r.case_id = {CASES}.id""",
        params=None,
    )


def drop_triggers(apps, schema_editor):
    table = f" ON {RADIOGRAPHS}" if schema_editor.connection.vendor == "postgresql" else ""
    for name in ("added", "changed"):
        schema_editor.execute(f"DROP TRIGGER IF EXISTS cases_listed_{name}{table}", params=None)


class Migration(migrations.Migration):
    dependencies = [("cases", "0011_instance_uid_index")]
    operations = [
        migrations.AddField(
            model_name='case',
            name='listed_study_at',
            field=models.DateTimeField(db_default=models.Value(datetime.datetime(1, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), editable=False, null=True),
        ),
        migrations.AddField(
            model_name='case',
            name='listed_view',
            field=models.CharField(db_default=models.Value(''), editable=False, max_length=8, null=True),
        ),
        migrations.RunPython(create_triggers, drop_triggers),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
