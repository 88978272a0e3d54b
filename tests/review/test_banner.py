"""The patient banner of the case page and the reading page, and the priors in it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Priority, Radiograph
from diagnostics.cases.presenters import banner
from diagnostics.cases.selectors import patient as patients
from diagnostics.patients.models import Patient
from tests.review.conftest import Admit, Classify
from tests.review.pages import claim, page_of, revealed

REFERENCE = "MRN-004431"


def studied(case: Case, at: datetime | None) -> Case:
    Radiograph.objects.filter(case=case).update(study_at=at)
    case.refresh_from_db()
    return case


def banner_text(html: str) -> str:
    part = html[html.index('<section class="banner"') :]
    part = part[: part.index("</section>")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part)).strip()


@pytest.fixture
def case(admit: Admit) -> Case:
    """Return a STAT case with everything that a banner can say."""
    case = admit(5, priority=Priority.STAT, patient=REFERENCE)
    Patient.objects.create(
        site=case.site, reference=REFERENCE, name="KURZ, Berta", birth_date=date(1963, 2, 11), sex="F"
    )
    Case.objects.filter(pk=case.pk).update(referrer="ED 2", clinical_question="Dyspnoea, fever 3 d?")
    Radiograph.objects.filter(case=case).update(age=None, sex="")
    return studied(case, datetime(2026, 2, 10, 11, 42, tzinfo=UTC))


@pytest.mark.parametrize(
    ("study_at", "born", "age_in_file", "age"),
    [
        (datetime(2026, 2, 10, 11, tzinfo=UTC), date(1963, 2, 11), 70, 62),  # the day before the birthday
        (datetime(2026, 2, 11, 11, tzinfo=UTC), date(1963, 2, 11), None, 63),
        (datetime(2001, 2, 11, 11, tzinfo=UTC), date(1963, 2, 11), None, 38),  # not the age today
        (None, date(1963, 2, 11), 61, 61),
        (None, date(1963, 3, 2), None, 63),  # opened on 2026-03-02
        (None, None, 61, 61),
        (None, None, None, None),
        (datetime(1960, 1, 1, tzinfo=UTC), date(1963, 2, 11), None, None),  # before birth
    ],
)
def test_the_age_is_that_at_the_study(
    study_at: datetime | None, born: date | None, age_in_file: int | None, age: int | None, admit: Admit
) -> None:
    case = studied(admit(1), study_at)
    case.radiograph.age = age_in_file
    patient = Patient(site=case.site, reference=case.patient_ref, birth_date=born)
    assert banner.age_at_study(case, patient) == age


@pytest.mark.parametrize("address", ["cases:case", "review:case"])
def test_the_banner_names_patient_study_question_and_due_time(
    address: str, case: Case, admit: Admit, reader: Client
) -> None:
    studied(admit(1, patient=REFERENCE), datetime(2024, 3, 7, 8, tzinfo=UTC))
    html = reader.get(reverse(address, args=[case.pk])).content.decode()
    text = banner_text(html)
    assert re.match(r"B\. K\. ID \*{4}431 [A-Z2-7]{8} F 62 Reveal patient M ACC", text)
    for part in (
        "ACC ACC-5",
        "Study 2026-02-10 11:42 PA",
        "STAT due",
        "Question: Dyspnoea, fever 3 d?",
        "Referrer: ED 2",
        "1 prior 2024-03-07 PA",
    ):
        assert part in text
    for hidden in (REFERENCE, "KURZ", "1963"):
        assert hidden not in html


def test_one_key_reveals_the_patient_in_the_banner_and_is_audited(
    case: Case, reader: Client, radiologist: User
) -> None:
    html = reader.get(page_of(case)).content.decode()
    assert re.search(r"Reveal patient <kbd>M</kbd>", html)
    address = re.search(r'hx-post="([^"]+)"\s+hx-target="#patient-identity"', html)
    assert address
    shown = reader.post(
        address[1], headers={"HX-Request": "true", "HX-Target": "patient-identity"}
    ).content.decode()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown)).strip()
    assert text == f"KURZ, Berta ID {REFERENCE} F 62 (1963-02-11)"
    event = AuditEvent.objects.get(action=Action.CASE_VIEWED)
    assert (event.by, event.target_id) == (radiologist, str(case.pk))


def test_priors_are_ordered_and_dated_by_their_study(
    admit: Admit, radiologist: User, reader: Client, now: datetime
) -> None:
    """Uploaded in another order than studied; one later study; one study of an unknown date."""
    case = studied(admit(1, patient="P"), now - timedelta(days=300))
    oldest = studied(admit(9, patient="P"), now - timedelta(days=900))
    newest = studied(admit(8, patient="P"), now - timedelta(days=400))
    studied(admit(2, patient="P"), now - timedelta(days=1))  # uploaded later, studied later
    undated = admit(3, patient="P")
    assert patients.priors(case, radiologist) == [newest, oldest]
    text = banner_text(reader.get(page_of(case)).content.decode())
    assert "2 priors 2025-01-26 PA 2023-09-14 PA" in text

    Case.objects.filter(pk=undated.pk).update(opened_at=now - timedelta(days=500))
    assert patients.priors(case, radiologist) == [newest, undated, oldest]
    assert "2024-10-18 received PA" in banner_text(reader.get(page_of(case)).content.decode())


def test_a_case_without_a_study_date_says_so_and_is_compared_by_its_upload(
    admit: Admit, radiologist: User, reader: Client, now: datetime
) -> None:
    case, prior = admit(5, patient="P"), studied(admit(6, patient="P"), now - timedelta(days=2))
    assert patients.priors(case, radiologist) == [prior]
    text = banner_text(reader.get(page_of(case)).content.decode())
    assert "Study date unknown, received 2026-03-02" in text


def test_a_withdrawn_study_is_no_prior(admit: Admit, radiologist: User, now: datetime) -> None:
    case, prior = admit(5, patient="P"), admit(1, patient="P")
    assert patients.priors(case, radiologist) == [prior]
    Case.objects.filter(pk=prior.pk).update(withdrawn_at=now)
    assert patients.priors(case, radiologist) == []


def test_a_prior_opens_beside_the_radiograph_and_the_older_one_after_it(
    admit: Admit, radiologist: User, reader: Client
) -> None:
    case, newer, older = admit(9, patient="P"), admit(5, patient="P"), admit(1, patient="P")
    claim(case, radiologist)
    html = reader.get(page_of(case)).content.decode()
    assert re.search(rf'href="\?prior={newer.pk}" data-prior', html)
    assert "data-older-prior" not in html
    beside = reader.get(page_of(case), {"prior": str(newer.pk)}).content.decode()
    assert reverse("cases:radiograph", args=[newer.pk]) in beside
    assert re.search(rf'href="\?prior={older.pk}" data-older-prior', beside)
    last = reader.get(page_of(case), {"prior": str(older.pk)}).content.decode()
    assert "data-older-prior" not in last


def test_a_prior_shows_its_thumbnail_and_nothing_of_its_ai_result(
    admit: Admit, classify: Classify, reader: Client
) -> None:
    case, prior = admit(5, patient="P"), admit(1, patient="P")
    classify(prior)
    html = reader.get(page_of(case), {"prior": str(prior.pk)}).content.decode()
    assert f'src="{reverse("cases:thumbnail", args=[prior.pk])}"' in html
    assert revealed(html) == []
