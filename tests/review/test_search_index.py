"""The indexes of the search and the columns of lists, which triggers keep, follow each change of a row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.patients.models import Patient
from diagnostics.review.selectors import search_index
from tests.review.conftest import Admit

TRIGGERS = [
    f"search_{kind}_{event}" for kind in ("case", "patient") for event in ("added", "changed", "removed")
]


def found(site: Site, text: str) -> int:
    return len(search_index.cases([site.pk], text, 10)) + len(search_index.patients([site.pk], text, 10))


def indexed() -> set[tuple[str, ...]]:
    """Return all indexed texts, after a check of the full-text tables against them."""
    texts: set[tuple[str, ...]] = set()
    with connection.cursor() as cursor:
        for kind, columns in (("case", "accession, reference"), ("patient", "name")):
            table = f"search_{kind}_text"
            cursor.execute(f"INSERT INTO {table}({table}, rank) VALUES ('integrity-check', 1)")
            cursor.execute(f"SELECT key, {columns} FROM search_{kind}")
            texts |= set(cursor.fetchall())
    return texts


def stored() -> set[tuple[str, ...]]:
    cases: Any = Case.objects.values_list("pk", "accession_number", "patient_ref")
    patients: Any = Patient.objects.values_list("pk", "name")
    return {(pk.hex, *texts) for pk, *texts in (*cases, *patients)}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has indexes on the columns")
def test_every_change_of_a_case_or_patient_changes_the_indexed_texts(
    admit: Admit, site: Site, radiologist: User, now: datetime
) -> None:
    first, second = admit(1, patient="4711"), admit(2, patient="4712")
    bare = Case.objects.create(site=site, patient_ref="4799", opened_by=radiologist, opened_at=now)
    anna = Patient.objects.create(site=site, reference="4711", name="MEIER, Anna")
    Patient.objects.bulk_create([Patient(site=site, reference=f"B-{n}", name=f"BULK {n}") for n in range(3)])
    steps = (
        lambda: Case.objects.filter(pk=first.pk).update(patient_ref="0815"),
        lambda: Case.objects.update(accession_number="NEW-1"),
        lambda: Case.objects.filter(pk=second.pk).update(withdrawn_at=now),
        lambda: Patient.objects.filter(pk=anna.pk).update(name="SCHMIDT, Anna"),
        lambda: Patient.objects.bulk_update([Patient(pk=anna.pk, name="")], ["name"]),
        bare.delete,
        Patient.objects.all().delete,
    )
    assert indexed() == stored()
    for step in steps:
        step()
        assert indexed() == stored()


def test_a_corrected_or_deleted_text_is_no_longer_found(
    admit: Admit, site: Site, radiologist: User, now: datetime
) -> None:
    case = Case.objects.create(site=site, patient_ref="OLD-REF", opened_by=radiologist, opened_at=now)
    patient = Patient.objects.create(site=site, reference="OLD-REF", name="OLDNAME, Anna")
    assert (found(site, "old-ref"), found(site, "oldname")) == (1, 1)

    Case.objects.filter(pk=case.pk).update(patient_ref="NEW-REF")
    Patient.objects.filter(pk=patient.pk).update(name="NEWNAME, Anna")
    assert (found(site, "old-ref"), found(site, "oldname")) == (0, 0)
    assert (found(site, "new-ref"), found(site, "newname")) == (1, 1)

    case.delete()
    patient.delete()
    assert (found(site, "new-ref"), found(site, "newname")) == (0, 0)


@pytest.mark.django_db
def test_the_indexes_exist_after_all_migrations() -> None:
    """A migration that rebuilds the table of cases or patients on SQLite has to create the triggers again."""
    if connection.vendor == "postgresql":
        statement, wanted = "SELECT indexname FROM pg_indexes WHERE indexname LIKE 'search_%'", 3
    else:
        statement, wanted = (
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'search_%'",
            6,
        )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        names = sorted(row[0] for row in cursor.fetchall())
    assert len(names) == wanted
    assert connection.vendor == "postgresql" or names == TRIGGERS


@pytest.mark.django_db
def test_the_triggers_of_the_columns_of_lists_exist_after_all_migrations() -> None:
    table = "pg_trigger WHERE tgname" if connection.vendor == "postgresql" else "sqlite_master WHERE name"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {table} LIKE 'cases_listed_%'")
        assert cursor.fetchone()[0] == 2


def test_lost_indexes_are_created_again_by_a_command(admit: Admit, site: Site) -> None:
    admit(1, patient="4711-1")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SET CONSTRAINTS ALL IMMEDIATE"
            )  # an index is not created while checks are pending
            cursor.execute("DROP INDEX search_patient_ref")
        else:
            cursor.execute("DROP TRIGGER search_case_added")
    missed = admit(2, patient="4711-2")
    call_command("create_search_index", verbosity=0)

    later = admit(3, patient="4711-3")
    assert {missed.pk, later.pk} < set(search_index.cases([site.pk], "4711-", 10))
    test_the_indexes_exist_after_all_migrations()


def test_the_columns_of_lists_follow_the_radiograph(admit: Admit, now: datetime) -> None:
    case = admit(1)
    case.radiograph.study_at, case.radiograph.view = now, "AP"
    case.radiograph.save()
    case.refresh_from_db()
    assert (case.listed_study_at, case.listed_view) == (now, "AP")

    type(case.radiograph).objects.update(study_at=None, view="")
    case.refresh_from_db()
    assert case.listed_study_at is not None
    assert (case.listed_study_at.year, case.listed_view) == (1, "")
