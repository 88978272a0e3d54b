"""Migrations keep the previous release running: the upgrade starts with them and stops nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models
from django.db.migrations import operations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from tests.structure.migration_rules import problems, violations
from tests.upgrade.first_version import APPS

# "app.migration" and the problem -> why the previous release does not mind.
PERMITTED: dict[tuple[str, str], str] = {
    (
        "accounts.0003_drop_plain_tokens",
        "RunPython: Raw Python operation",
    ): "empties the table of plain tokens on purpose; the previous release then refuses them",
    (
        "audit.0002_hash_chain",
        "AddConstraint: Create constraint one_event_per_position on model auditevent",
    ): "the previous release leaves the position empty",
    (
        "audit.0003_append_only",
        "RunPython: Raw Python operation",
    ): "creates triggers against changes of events, which the previous release does not make",
    (
        "cases.0007_stat_target",
        "RunPython: Raw Python operation",
    ): "moves the due time of unread STAT cases; the previous release serves STAT first",
    (
        "training.0007_one_part_per_patient",
        "RunPython: Raw Python operation",
    ): "creates triggers against a patient in two parts of a split, which the previous release never stores",
    (
        "review.0003_case_counts",
        "RunPython: Raw Python operation",
    ): "creates triggers that count the cases of both releases",
    (
        "cases.0012_listed_columns",
        "RunPython: Raw Python operation",
    ): "creates triggers that fill columns unknown to the previous release, and fills them",
    (
        "review.0007_search_index",
        "RunPython: Raw Python operation",
    ): "creates indexes, and triggers that keep those of both releases",
    (
        "review.0009_note_changed_cases",
        "RunPython: Raw Python operation",
    ): "creates triggers that note the changes of both releases",
    (
        "review.0010_waiting_counts",
        "RunPython: Raw Python operation",
    ): "creates triggers that count the waiting cases of both releases",
    (
        "review.0011_second_opinions",
        "RunPython: Raw Python operation",
    ): "marks second opinions; the previous release compares the kind, and then does not count them either",
    (
        "training.0008_snapshots_of_any_size",
        "RunPython: Raw Python operation",
    ): "creates the triggers of 0007 again, with the same condition",
}


def test_every_migration_keeps_the_previous_release_running() -> None:
    found = set(violations(frozenset(APPS)))

    assert found - set(PERMITTED) == set(), "make it additive, or permit it here with the reason"
    assert set(PERMITTED) - found == set(), "no longer needed"


@pytest.fixture
def before() -> ProjectState:
    state = ProjectState()
    columns: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=20)),
        ("note", models.TextField(null=True)),
    ]
    state.add_model(ModelState("ward", "Bed", columns))
    return state


@pytest.mark.parametrize(
    "operation",
    [
        operations.CreateModel("Room", [("id", models.BigAutoField(primary_key=True))]),
        operations.AddField("bed", "floor", models.IntegerField(null=True)),
        operations.AddField("bed", "floor", models.IntegerField(default=0, db_default=0)),
        operations.AlterField("bed", "name", models.CharField(max_length=40, choices=[("a", "A")])),
        operations.AddIndex("bed", models.Index(fields=["name"], name="by_name")),
    ],
)
def test_additive_operations_are_permitted(operation: Operation, before: ProjectState) -> None:
    assert list(problems(operation, "ward", before)) == []


@pytest.mark.parametrize(
    "operation",
    [
        operations.AddField("bed", "floor", models.IntegerField(default=0)),
        operations.AddField("bed", "code", models.IntegerField(null=True, unique=True)),
        operations.RemoveField("bed", "note"),
        operations.RenameField("bed", "note", "remark"),
        operations.RenameModel("Bed", "Couch"),
        operations.DeleteModel("Bed"),
        operations.AlterField("bed", "note", models.TextField(default="")),
        operations.AlterField("bed", "name", models.CharField(max_length=10)),
        operations.AlterField("bed", "name", models.CharField(max_length=20, unique=True)),
        operations.AlterField("bed", "name", models.IntegerField()),
        operations.AddConstraint("bed", models.UniqueConstraint(fields=["name"], name="one_name")),
        operations.RunSQL("DROP TABLE ward_bed"),
        operations.SeparateDatabaseAndState(database_operations=[operations.DeleteModel("Bed")]),
    ],
)
def test_an_operation_that_the_previous_release_cannot_survive_is_found(
    operation: Operation, before: ProjectState
) -> None:
    assert len(list(problems(operation, "ward", before))) == 1
