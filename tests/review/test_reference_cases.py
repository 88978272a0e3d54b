"""Reference cases: who sets and retires them, and that they are excluded from training."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Radiograph
from diagnostics.errors import NotAllowed
from diagnostics.review.errors import CaseNotRead
from diagnostics.review.models import (
    Consensus,
    ConsensusStatus,
    ReadingPolicy,
    ReferenceCase,
)
from diagnostics.review.selectors import (
    training_labels,
)
from diagnostics.review.services import control_cases, reference_cases
from tests.review.conftest import Admit
from tests.review.control_cases import (
    REFERENCE,
    add_control,
    sign,
)

pytestmark = pytest.mark.usefixtures("media_root")


def test_a_retired_reference_case_is_added_to_no_worklist(
    control_policy: ReadingPolicy,
    reference_case: Case,
    radiologist: User,
    administrator: User,
    admit: Admit,
    now: datetime,
) -> None:
    reference_cases.retire_reference_case(case=reference_case, by=administrator, now=now)
    assert control_cases.add_after_reading(sign(admit(1), radiologist, "normal", now), now, REFERENCE) is None


def test_reference_cases_and_control_cases_are_never_used_for_training(
    control_policy: ReadingPolicy,
    reference_case: Case,
    radiologist: User,
    second_radiologist: User,
    other_site: Site,
    stranger: User,
    admit: Admit,
    now: datetime,
) -> None:
    plain = admit(1)
    control = add_control(plain, radiologist, now)
    sign(control, radiologist, "covid-19", now)
    elsewhere = admit(2, at=other_site)  # the same radiograph at another hospital
    Radiograph.objects.filter(case=elsewhere).update(pixel_sha256=reference_case.radiograph.pixel_sha256)
    sign(elsewhere, stranger, "normal", now)
    assert Consensus.objects.get(case=elsewhere).status == ConsensusStatus.FINAL
    assert [reading.case for reading in training_labels.training_readings()] == [plain]
    ReferenceCase.objects.all().delete()
    assert {reading.case for reading in training_labels.training_readings()} == {
        plain,
        reference_case,
        elsewhere,
    }


def test_only_administrators_set_a_reference_standard_and_not_of_an_open_case(
    reference_case: Case, radiologist: User, administrator: User, admit: Admit, now: datetime
) -> None:
    with pytest.raises(NotAllowed):
        reference_cases.set_reference_case(
            case=reference_case, finding="normal", basis="ct", by=radiologist, now=now
        )
    waiting, imported = admit(1), admit(2)
    Case.objects.filter(pk=imported.pk).update(on_worklist=False)
    imported.refresh_from_db()
    with pytest.raises(CaseNotRead):
        reference_cases.set_reference_case(
            case=waiting, finding="normal", basis="ct", by=administrator, now=now
        )
    reference_cases.set_reference_case(
        case=imported, finding="normal", basis="collection", by=administrator, now=now
    )
    assert AuditEvent.objects.filter(action=Action.REFERENCE_CASE_SET).count() == 2


def test_the_pages_set_and_retire_a_reference_case(client: Client, administrator: User, admit: Admit) -> None:
    case = admit(1)
    Case.objects.filter(pk=case.pk).update(on_worklist=False)
    client.force_login(administrator)
    address = reverse("review:reference-case", args=[case.pk])
    assert address in client.get(reverse("cases:case", args=[case.pk])).content.decode()
    assert client.get(address).status_code == 200
    wrong = client.post(address, {"finding": "cannot-judge", "basis": "ct"})
    assert wrong.status_code == 400
    assert not ReferenceCase.objects.exists()
    client.post(address, {"finding": "covid-19", "basis": "ct"})
    listed = client.get(reverse("review:reference-cases")).content.decode()
    assert "COVID-19" in listed
    assert "read by 0 of 0 readers" in listed
    client.post(reverse("review:retire-reference-case", args=[case.pk]))
    assert ReferenceCase.objects.get().retired_at is not None
    assert "retired" in client.get(reverse("review:reference-cases")).content.decode()
