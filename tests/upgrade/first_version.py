"""The rows and files of an installation of the first version, and how they return to an empty one.

`first_version.zip` was written by `make_first_version.py` on a checkout of that version.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

ARCHIVE: Final = Path(__file__).with_name("first_version.zip")
ROWS: Final = "rows.json"  # model -> rows; a row maps each column to its value
FILES: Final = "home/"
APPS: Final = ("audit", "accounts", "registry", "cases", "imports", "review", "training")


def rows() -> dict[str, list[dict[str, Any]]]:
    """Return the stored rows of each model."""
    with ZipFile(ARCHIVE) as archive:
        stored: dict[str, list[dict[str, Any]]] = json.loads(archive.read(ROWS))
    return stored


def restore(home: Path) -> None:
    """Migrate the empty database to `0001_initial` of our apps and fill it; unpack the files."""
    from django.core.management.color import no_style
    from django.db import connection, transaction
    from django.db.migrations.executor import MigrationExecutor

    first = [(app, "0001_initial") for app in APPS]
    state = MigrationExecutor(connection).migrate(first)
    models: list[Any] = []
    with transaction.atomic():  # foreign keys are checked at its end
        for label, stored in rows().items():
            model = state.apps.get_model(label)
            model.objects.bulk_create(model(**_columns(model, row)) for row in stored)
            models.append(model)
        with connection.cursor() as cursor:  # the ids above did not come from the sequences
            for statement in connection.ops.sequence_reset_sql(no_style(), models):
                cursor.execute(statement)
    with ZipFile(ARCHIVE) as archive:
        for name in archive.namelist():
            if name.startswith(FILES):
                target = home / name.removeprefix(FILES)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))


def _columns(model: Any, row: dict[str, Any]) -> dict[str, Any]:
    columns = {column.attname: column for column in model._meta.concrete_fields}
    return {name: columns[name].to_python(value) for name, value in row.items()}
