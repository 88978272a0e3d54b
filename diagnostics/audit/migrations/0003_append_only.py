"""Triggers that keep the audit log append-only, on both databases.

A later migration that rebuilds one of the two tables on SQLite drops its triggers and has to create them again.
"""

from django.db import migrations

EVENT, CHECKPOINT = "audit_auditevent", "audit_auditcheckpoint"
CONTENT = ("id", "at", "by_id", "action", "target_kind", "target_id", "site", "detail")
PRUNED = f"EXISTS (SELECT 1 FROM {CHECKPOINT} WHERE position >= OLD.position)"  # no position: not pruned
REFUSED = "audit events are append-only"

SQLITE = (
    f"""CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON {EVENT}
    WHEN OLD.position IS NOT NULL OR NOT ({" AND ".join(f"NEW.{name} IS OLD.{name}" for name in CONTENT)})
    BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END""",
    f"""CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON {EVENT}
    WHEN NOT {PRUNED}
    BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END""",
    # INSERT OR REPLACE deletes the old row without its delete trigger.
    f"""CREATE TRIGGER audit_event_no_replace BEFORE INSERT ON {EVENT}
    WHEN EXISTS (SELECT 1 FROM {EVENT} WHERE id = NEW.id OR position = NEW.position)
    BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END""",
    f"""CREATE TRIGGER audit_checkpoint_no_update BEFORE UPDATE ON {CHECKPOINT}
    BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END""",
    f"""CREATE TRIGGER audit_checkpoint_no_delete BEFORE DELETE ON {CHECKPOINT}
    BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END""",
    f"""CREATE TRIGGER audit_checkpoint_no_replace BEFORE INSERT ON {CHECKPOINT}
    WHEN EXISTS (SELECT 1 FROM {CHECKPOINT} WHERE id = NEW.id OR position = NEW.position)
    BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END""",
)

OLD, NEW = (", ".join(f"{row}.{name}" for name in CONTENT) for row in ("OLD", "NEW"))
POSTGRESQL = (
    f"""CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'restrict_violation'; END $$""",
    f"""CREATE FUNCTION audit_refuse_unless_pruned() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {PRUNED} THEN RETURN OLD; END IF;
        RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'restrict_violation';
    END $$""",
    f"""CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON {EVENT} FOR EACH ROW
    WHEN (OLD.position IS NOT NULL OR ({OLD}) IS DISTINCT FROM ({NEW})) EXECUTE FUNCTION audit_refuse()""",
    f"""CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON {EVENT} FOR EACH ROW
    EXECUTE FUNCTION audit_refuse_unless_pruned()""",
    f"""CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON {EVENT} EXECUTE FUNCTION audit_refuse()""",
    f"""CREATE TRIGGER audit_checkpoint_no_update BEFORE UPDATE ON {CHECKPOINT} FOR EACH ROW
    EXECUTE FUNCTION audit_refuse()""",
    f"""CREATE TRIGGER audit_checkpoint_no_delete BEFORE DELETE ON {CHECKPOINT} FOR EACH ROW
    EXECUTE FUNCTION audit_refuse()""",
    f"""CREATE TRIGGER audit_checkpoint_no_truncate BEFORE TRUNCATE ON {CHECKPOINT}
    EXECUTE FUNCTION audit_refuse()""",
)
STATEMENTS = {"sqlite": SQLITE, "postgresql": POSTGRESQL}


def create_triggers(apps, schema_editor):
    for statement in STATEMENTS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def drop_triggers(apps, schema_editor):
    on_table = schema_editor.connection.vendor == "postgresql"
    for table, name in ((EVENT, "event"), (CHECKPOINT, "checkpoint")):
        for change in ("update", "delete", "truncate", "replace"):
            trigger = f"DROP TRIGGER IF EXISTS audit_{name}_no_{change}"
            schema_editor.execute(f"{trigger} ON {table}" if on_table else trigger, params=None)
    if on_table:
        schema_editor.execute("DROP FUNCTION audit_refuse(), audit_refuse_unless_pruned()", params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_hash_chain")]
    operations = [migrations.RunPython(create_triggers, drop_triggers)]
