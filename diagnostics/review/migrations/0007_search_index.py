"""Trigram indexes for the search of cases and patients.

PostgreSQL: GIN indexes of the extension `pg_trgm`. Where the extension may not be created, the migration says so
and the search reads all rows; `manage.py create_search_index` creates the indexes later.

SQLite: tables of the searched texts with full-text indexes by trigram, kept by triggers on the tables of cases and
patients. A later migration that rebuilds one of these tables on SQLite drops its triggers there and has to run
`create_search_index` again.
"""

from django.db import ProgrammingError, migrations, transaction

EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
POSTGRESQL = tuple(
    f"CREATE INDEX IF NOT EXISTS {name} ON {table} USING gin (UPPER({column}::text) gin_trgm_ops)"
    for name, table, column in (
        ("search_accession_number", "cases_case", "accession_number"),
        ("search_patient_ref", "cases_case", "patient_ref"),
        ("search_patient_name", "patients_patient", "name"),
    )
)
# Kind -> the table of its rows, and its searched columns: name in the index -> column.
SQLITE = {
    "case": ("cases_case", {"accession": "accession_number", "reference": "patient_ref"}, "opened_at"),
    "patient": ("patients_patient", {"name": "name"}, "rowid"),
}


def create_search_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        _create_postgresql(schema_editor)
        return
    drop_search_index(apps, schema_editor)
    for kind in SQLITE:
        for statement in _sqlite(kind):
            schema_editor.execute(statement, params=None)


def drop_search_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in ("search_accession_number", "search_patient_ref", "search_patient_name"):
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}", params=None)
        return
    for kind in SQLITE:
        for event in ("added", "removed", "changed"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS search_{kind}_{event}", params=None)
        for table in (f"search_{kind}_text", f"search_{kind}"):
            schema_editor.execute(f"DROP TABLE IF EXISTS {table}", params=None)


def _create_postgresql(schema_editor):
    try:
        with transaction.atomic(using=schema_editor.connection.alias):
            schema_editor.execute(EXTENSION, params=None)
    except ProgrammingError:
        print(
            "\nThe extension pg_trgm may not be created by this database user: the search of cases reads all"
            f" rows.\nAs an administrator of the database run: {EXTENSION};"
            "\nthen: manage.py create_search_index"
        )
        return
    for statement in POSTGRESQL:
        schema_editor.execute(statement, params=None)


def _sqlite(kind):
    table, columns, order = SQLITE[kind]
    names, text = ", ".join(columns), f"search_{kind}_text"

    def of(row):
        return ", ".join(f"{row}.{column}" for column in columns.values())

    def old(row):
        return ", ".join(f"{row}.{name}" for name in columns)

    changed = " OR ".join(f"OLD.{each} IS NOT NEW.{each}" for each in ("site_id", *columns.values()))
    assigned = ", ".join(f"{name} = NEW.{column}" for name, column in columns.items())
    stored = f"FROM search_{kind} row WHERE row.key = OLD.id"
    unindex = f"INSERT INTO {text}({text}, rowid, {names}) SELECT 'delete', row.id, {old('row')} {stored};"
    index = f"INSERT INTO {text}(rowid, {names}) SELECT row.id, {old('row')} FROM search_{kind} row WHERE row.key = NEW.id;"
    return (
        f"""CREATE TABLE search_{kind} (id INTEGER PRIMARY KEY AUTOINCREMENT, key char(32) NOT NULL UNIQUE,
        site_id char(32) NOT NULL, {", ".join(f"{name} varchar NOT NULL" for name in columns)})""",
        f"CREATE VIRTUAL TABLE {text} USING fts5({names}, content='search_{kind}', content_rowid='id', tokenize='trigram')",
        f"""INSERT INTO search_{kind}(key, site_id, {names})
        SELECT c.id, c.site_id, {of("c")} FROM {table} c ORDER BY c.{order}""",
        f"INSERT INTO {text}({text}) VALUES ('rebuild')",
        f"""CREATE TRIGGER search_{kind}_added AFTER INSERT ON {table} BEGIN
            INSERT INTO search_{kind}(key, site_id, {names}) VALUES (NEW.id, NEW.site_id, {of("NEW")});
            {index} END""",
        f"""CREATE TRIGGER search_{kind}_removed AFTER DELETE ON {table} BEGIN
            {unindex} DELETE FROM search_{kind} WHERE key = OLD.id; END""",
        f"""CREATE TRIGGER search_{kind}_changed AFTER UPDATE ON {table} WHEN {changed} BEGIN
            {unindex} UPDATE search_{kind} SET site_id = NEW.site_id, {assigned} WHERE key = OLD.id;
            {index} END""",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0013_list_indexes"),
        ("patients", "0002_identity_conflicts"),
        ("review", "0006_list_indexes"),
    ]
    operations = [migrations.RunPython(create_search_index, drop_search_index)]
