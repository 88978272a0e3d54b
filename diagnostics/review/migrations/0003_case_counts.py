"""The numbers of cases by state, kept by triggers on the table of cases.

A later migration that rebuilds the table of cases on SQLite (AlterField, some AddField) drops its triggers there
and has to create them again: `operations = [..., create_triggers_again]`.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

CASES, COUNTS = "cases_case", "review_casecount"
COLUMNS = ("site_id", "shown_only_to_id", "state", "withdrawn")


def _values(row):
    """Return the columns of a case's count, of NEW, OLD or the table of cases."""
    return (
        f"{row}.site_id",
        f"{row}.shown_only_to_id",
        f"(CASE WHEN {row}.finalized_at IS NOT NULL THEN 'final' WHEN {row}.on_worklist THEN 'open' ELSE 'imported' END)",
        f"({row}.withdrawn_at IS NOT NULL)",
    )


def _insert(row, change):
    return f"INSERT INTO {COUNTS} ({', '.join(COLUMNS)}, change) VALUES ({', '.join(_values(row))}, {change});"


CHANGED = " OR ".join(
    f"{old} IS DISTINCT FROM {new}" for old, new in zip(_values("OLD"), _values("NEW"), strict=True)
)
SQLITE = (
    f"CREATE TRIGGER review_count_added AFTER INSERT ON {CASES} BEGIN {_insert('NEW', 1)} END",
    f"CREATE TRIGGER review_count_removed AFTER DELETE ON {CASES} BEGIN {_insert('OLD', -1)} END",
    f"""CREATE TRIGGER review_count_changed AFTER UPDATE ON {CASES}
    WHEN {CHANGED.replace("IS DISTINCT FROM", "IS NOT")}
    BEGIN {_insert("OLD", -1)} {_insert("NEW", 1)} END""",
)
POSTGRESQL = (
    f"""CREATE OR REPLACE FUNCTION review_count_case() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN {_insert("OLD", -1)} END IF;
        IF TG_OP <> 'DELETE' THEN {_insert("NEW", 1)} END IF;
        RETURN NULL;
    END $$""",
    f"""CREATE TRIGGER review_count_added AFTER INSERT ON {CASES} FOR EACH ROW
    EXECUTE FUNCTION review_count_case()""",
    f"""CREATE TRIGGER review_count_removed AFTER DELETE ON {CASES} FOR EACH ROW
    EXECUTE FUNCTION review_count_case()""",
    f"""CREATE TRIGGER review_count_changed AFTER UPDATE ON {CASES} FOR EACH ROW
    WHEN ({CHANGED}) EXECUTE FUNCTION review_count_case()""",
)
STATEMENTS = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
COUNT_ALL = f"""INSERT INTO {COUNTS} ({", ".join(COLUMNS)}, change)
    SELECT {", ".join(_values("c"))}, COUNT(*) FROM {CASES} c GROUP BY 1, 2, 3, 4"""


def create_triggers(apps, schema_editor):
    drop_triggers(apps, schema_editor)
    for statement in STATEMENTS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)
    schema_editor.execute(f"DELETE FROM {COUNTS}", params=None)
    schema_editor.execute(COUNT_ALL, params=None)


def drop_triggers(apps, schema_editor):
    table = f" ON {CASES}" if schema_editor.connection.vendor == "postgresql" else ""
    for name in ("added", "removed", "changed"):
        schema_editor.execute(f"DROP TRIGGER IF EXISTS review_count_{name}{table}", params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("review", "0002_structured_note"),
        ("accounts", "0001_initial"),
        ("cases", "0011_instance_uid_index"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="CaseCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("state", models.CharField(max_length=8)),
                ("withdrawn", models.BooleanField()),
                ("change", models.IntegerField()),
                (
                    "shown_only_to",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.site",
                    ),
                ),
            ],
        ),
        migrations.RunPython(create_triggers, drop_triggers),
    ]
