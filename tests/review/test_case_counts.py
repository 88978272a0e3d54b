"""The numbers of cases that triggers keep, compared with counting all rows."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest
from django.core.management import call_command
from django.db import connection

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.review.models import CaseCount
from diagnostics.review.selectors.case_counts import case_counts
from diagnostics.review.services import case_counts as services
from tests.review.conftest import Admit


def _counted() -> Counter[str]:
    counted: Counter[str] = Counter(open=0, final=0, imported=0, withdrawn=0)
    for case in Case.objects.all():
        if case.withdrawn_at:
            counted["withdrawn"] += 1
        elif case.finalized_at:
            counted["final"] += 1
        else:
            counted["open" if case.on_worklist else "imported"] += 1
    return counted


def test_every_change_of_a_case_changes_the_numbers(admit: Admit, radiologist: User, now: datetime) -> None:
    cases = [admit(number) for number in range(6)]
    bare = Case.objects.create(site=cases[0].site, patient_ref="P-bare", opened_by=radiologist, opened_at=now)
    cases.append(admit(6))
    steps = (
        lambda: Case.objects.filter(pk=cases[0].pk).update(finalized_at=now),
        lambda: Case.objects.filter(pk__in=[each.pk for each in cases[1:3]]).update(on_worklist=False),
        lambda: Case.objects.filter(pk__in=[cases[0].pk, cases[3].pk]).update(withdrawn_at=now),
        lambda: Case.objects.filter(pk=cases[3].pk).update(withdrawn_at=None),
        lambda: Case.objects.filter(pk=cases[4].pk).update(accession_number="A-1"),  # changes no number
        bare.delete,
        services.sum_up,
        lambda: Case.objects.filter(pk=cases[6].pk).update(finalized_at=now),
    )
    assert case_counts(radiologist) == {"open": 8, "final": 0, "imported": 0, "withdrawn": 0}
    for step in steps:
        step()
        assert case_counts(radiologist) == _counted()

    assert case_counts(radiologist) == {"open": 3, "final": 1, "imported": 2, "withdrawn": 1}


def test_sums_replace_the_rows_of_changes(admit: Admit, radiologist: User, now: datetime) -> None:
    for number in range(5):
        admit(number)
    Case.objects.update(finalized_at=now)
    before = case_counts(radiologist)
    assert CaseCount.objects.count() == 15  # one for each admission, two for each change

    Case.objects.update(accession_number="A-1")
    assert CaseCount.objects.count() == 15, "a change of something else adds no row"

    services.sum_up()

    assert list(CaseCount.objects.values_list("state", "change")) == [("final", 5)]
    assert case_counts(radiologist) == before


def test_cases_of_other_sites_are_not_counted(admit: Admit, radiologist: User) -> None:
    admit(1)
    radiologist.sites.clear()

    assert sum(case_counts(radiologist).values()) == 0


@pytest.mark.django_db
def test_the_triggers_exist_after_all_migrations() -> None:
    """A migration that rebuilds the table of cases on SQLite has to create them again."""
    table = "pg_trigger WHERE tgname" if connection.vendor == "postgresql" else "sqlite_master WHERE name"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {table} LIKE 'review_count_%'")
        assert cursor.fetchone()[0] == 3


@pytest.mark.django_db(transaction=True)
def test_emptying_all_tables_leaves_no_numbers(site: Site, radiologist: User, now: datetime) -> None:
    Case.objects.create(site=site, patient_ref="P-1", opened_by=radiologist, opened_at=now)

    call_command("flush", interactive=False, verbosity=0)

    assert not CaseCount.objects.exists()
