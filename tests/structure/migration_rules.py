"""Rules of a migration that runs while the previous release still serves pages and works on jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.apps import apps
from django.db import connection
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Field, GeneratedField, ManyToManyField

HARMLESS: Final = (
    operations.CreateModel,
    operations.AddIndex,
    operations.RemoveIndex,
    operations.AlterModelOptions,
    operations.AlterModelManagers,
    operations.RemoveConstraint,
)


def violations(first: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield (app.migration, problem) of all migrations of our apps, except `0001_initial` of `first`.

    The previous release does not know a table that the same migration creates, so its columns are free.
    """
    loader = MigrationLoader(None)
    ours = {config.label for config in apps.get_app_configs() if config.name.startswith("diagnostics.")}
    for key in sorted(loader.disk_migrations):
        app, name = key
        if app in ours and not (app in first and name == "0001_initial"):
            state = loader.project_state(key, at_end=False)
            known = set(state.models)
            for operation in loader.disk_migrations[key].operations:
                model = (app, getattr(operation, "model_name", "").lower())
                is_of_new_table = model in state.models and model not in known
                for problem in () if is_of_new_table else problems(operation, app, state):
                    yield f"{app}.{name}", problem
                operation.state_forwards(app, state)


def problems(operation: Operation, app: str, before: ProjectState) -> Iterator[str]:
    """Yield why an operation would break the previous release."""
    if isinstance(operation, operations.SeparateDatabaseAndState):
        for each in operation.database_operations:
            yield from problems(each, app, before)
    elif isinstance(operation, operations.AddField):
        yield from _added(operation)
    elif isinstance(operation, operations.AlterField):
        yield from _altered(operation, app, before)
    elif not isinstance(operation, HARMLESS):
        yield f"{type(operation).__name__}: {operation.describe()}"


def _added(operation: operations.AddField) -> Iterator[str]:
    column = operation.field
    computed = isinstance(column, GeneratedField | ManyToManyField)
    if not (column.null or computed or column.has_db_default()):
        yield f"AddField: the previous release inserts rows without {operation.name}: null or db_default"
    if getattr(column, "unique", False):
        yield f"AddField: {operation.name} is unique"


def _altered(operation: operations.AlterField, app: str, before: ProjectState) -> Iterator[str]:
    model = before.apps.get_model(app, operation.model_name)
    old, new = model._meta.get_field(operation.name), operation.field
    if old.null and not new.null:
        yield f"AlterField: {operation.name} becomes NOT NULL"
    if new.unique and not old.unique:
        yield f"AlterField: {operation.name} becomes unique"
    if _kind(old) != _kind(new):
        yield f"AlterField: {operation.name} changes its type"
    elif (old.max_length or 0) > (new.max_length or 0):
        yield f"AlterField: {operation.name} becomes shorter"


def _kind(column: Field) -> str:
    return str(column.get_internal_type() if not column.is_relation else column.db_type(connection))
