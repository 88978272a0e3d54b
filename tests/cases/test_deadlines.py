"""Reading deadlines: STAT has a turnaround target like the other priorities."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from diagnostics.accounts.models import Site
from diagnostics.cases.deadlines import due_at
from diagnostics.cases.models import Case, Priority
from tests.cases.conftest import SendRadiograph


@pytest.mark.parametrize(("priority", "minutes"), [("stat", 30), ("urgent", 60), ("routine", 240)])
def test_a_case_is_due_after_the_target_of_its_priority(
    site: Site, now: datetime, priority: str, minutes: int
) -> None:
    assert due_at(site, priority, now) == now + timedelta(minutes=minutes)


def test_the_target_of_stat_cases_is_a_setting_of_the_site(
    site: Site, send_radiograph: SendRadiograph, now: datetime
) -> None:
    Site.objects.update(stat_minutes=12)
    case = send_radiograph(1, priority=Priority.STAT)
    assert case.due_at - case.opened_at == timedelta(minutes=12)


def test_the_migration_gives_unread_stat_cases_the_target_and_leaves_others(
    site: Site, send_radiograph: SendRadiograph, now: datetime
) -> None:
    unread, final, routine = (
        send_radiograph(seed, priority=priority)
        for seed, priority in enumerate((Priority.STAT, Priority.STAT, Priority.ROUTINE))
    )
    Case.objects.update(due_at=now)  # when they were opened, as earlier versions stored it for STAT
    Case.objects.filter(pk=final.pk).update(finalized_at=now)
    migration = import_module("diagnostics.cases.migrations.0006_stat_target")
    migration.set_due_times(apps, connection.schema_editor())
    due = dict(Case.objects.values_list("pk", "due_at"))
    assert due == {unread.pk: now + timedelta(minutes=30), final.pk: now, routine.pk: now}
