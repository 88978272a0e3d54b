"""Control cases look like any other case, and are visible to one reader only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.accounts.services import create_token
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import storage
from diagnostics.cases.errors import NoFreeReference
from diagnostics.cases.models import Case, Prediction, Radiograph
from diagnostics.cases.selectors import case_with_same_pixels, visible_to
from diagnostics.cases.selectors import patient as patients
from diagnostics.cases.services import control_copies
from diagnostics.review.models import (
    ReadingPolicy,
)
from diagnostics.review.selectors import (
    queues,
)
from ml.images.decoding import decode_radiograph
from tests.radiographs import radiograph_png
from tests.review.conftest import Admit, Classify
from tests.review.control_cases import (
    add_control,
    sign,
)

SECRET_KEYS = ("copy", "control", "reference_case", "shown_only")
SECRET_TEXT = r"gold|known truth|reference (case|standard)|control case|copy|repeat|public-17|ACC-900"
pytestmark = pytest.mark.usefixtures("media_root")


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


def test_a_control_case_is_an_ordinary_case_of_one_reader(
    control_policy: ReadingPolicy,
    reference_case: Case,
    radiologist: User,
    second_radiologist: User,
    third_radiologist: User,
    technician: User,
    administrator: User,
    admit: Admit,
    now: datetime,
) -> None:
    control = add_control(admit(1, patient="MRN-123456"), radiologist, now)
    assert control.copy_of == reference_case
    assert queues.readable_cases(radiologist, now).get() == control
    for other in (second_radiologist, third_radiologist, technician, administrator):
        assert not visible_to(other).filter(pk=control.pk).exists()
        assert control not in patients.priors(reference_case, other)
    assert re.fullmatch(r"MRN-\d{6}", control.patient_ref)
    assert control.patient_ref not in ("MRN-123456", reference_case.patient_ref)
    assert re.fullmatch(r"[A-Za-z]{3}-\d", control.accession_number)
    assert (control.opened_at, control.priority, control.on_worklist) == (now, "routine", True)
    assert control.due_at > now
    assert not patients.priors(control, radiologist)
    assert Prediction.objects.get(case=control).status == "queued"


def test_a_control_case_has_the_original_image_under_its_own_file_names(
    control_policy: ReadingPolicy, reference_case: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    control = add_control(admit(1), radiologist, now)
    old, new = reference_case.radiograph, Radiograph.objects.get(case=control)
    assert (new.view, new.sex, new.age, new.bits) == (old.view, old.sex, old.age, old.bits)
    assert new.pixel_sha256 == old.pixel_sha256
    names = storage.radiograph_files(new.pk)
    assert storage.path(names.display).read_bytes() == storage.radiograph_files(old.pk).display.encode()
    assert storage.path(names.grey).exists()
    assert new.display == names.display
    # Uploading the radiograph again leads to the original.
    assert (
        case_with_same_pixels(site_id=reference_case.site_id, pixel_sha256=old.pixel_sha256) == reference_case
    )


def _responses(client: Client, case: Case, token: dict[str, str]) -> tuple[set[str], list[str]]:
    """Return the keys of the API's response, and the texts of the pages and of the worklist's row."""
    api = client.get(reverse("api-case", args=[case.pk]), headers=token).json()
    pages = [
        client.get(reverse(name, args=[case.pk])).content.decode() for name in ("review:case", "cases:case")
    ]
    states = [client.get(reverse("cases:list"), {"status": each}) for each in ("", "final")]
    rows = [row for each in states for row in re.findall(r"<tr.*?</tr>", each.content.decode(), re.DOTALL)]
    (row,) = (row for row in rows if str(case.pk) in row)
    return _keys(api), [re.sub(r"<[^>]*>", " ", text) for text in (*pages, row)]


def test_no_response_to_a_reader_distinguishes_a_control_case(
    client: Client,
    control_policy: ReadingPolicy,
    reference_case: Case,
    radiologist: User,
    admit: Admit,
    classify: Classify,
    now: datetime,
) -> None:
    control, plain = add_control(admit(1), radiologist, now), admit(2)
    Prediction.objects.filter(case=control).delete()
    for case in (control, plain):
        classify(case)
    client.force_login(radiologist)
    token = {"Authorization": f"Token {create_token(by=radiologist, now=timezone.now())}"}

    def sent(case: Case) -> tuple[set[str], list[str]]:
        return _responses(client, case, token)

    for case in (control, plain):
        keys, texts = sent(case)
        assert not any(word in key for key in keys for word in SECRET_KEYS)
        for text in texts:
            assert not re.search(SECRET_TEXT, text, re.IGNORECASE)
    assert sent(control)[0] == sent(plain)[0]
    for case in (control, plain):
        sign(case, radiologist, "normal", now)
    assert sent(control)[0] == sent(plain)[0]
    signed = [
        client.get(reverse("review:case", args=[case.pk])).content.decode() for case in (control, plain)
    ]
    headings = [re.findall(r"<h\d.*?</h\d>", text, re.DOTALL) for text in signed]
    assert len(headings[0]) == len(headings[1])
    assert "colleague" not in signed[0]


def test_generated_references_keep_the_format_and_are_unused() -> None:
    def generated(text: str, taken: Callable[[str], bool] = lambda _reference: False) -> str:
        return control_copies.similar_reference(text, taken=taken, chance=chance)

    chance = Random(5)
    near = {generated("MRN-00412") for _each in range(50)}
    assert all(re.fullmatch(r"MRN-004\d\d", each) for each in near)
    assert "MRN-00412" not in near
    assert len(near) > 20
    # Hospitals number their patients, so references nearby are taken.
    assert int(generated("MRN-00412", lambda each: int(each[4:]) < 700)[4:]) >= 700
    assert re.fullmatch(r"MRN-0\d{4}", generated("MRN-00000", lambda each: each < "MRN-00200"))
    assert all(generated("90")[0] != "0" for _each in range(50))
    assert re.fullmatch(r"[A-Z][a-z]{9} b", generated("Radiograph b"))
    for text in ("7", "---", ""):
        with pytest.raises(NoFreeReference):
            generated(text, lambda _each: True)


def test_a_control_case_is_no_prior_of_a_patient_with_the_same_reference(
    control_policy: ReadingPolicy, reference_case: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    control = add_control(admit(1), radiologist, now)
    real = admit(2, patient=control.patient_ref)
    Case.objects.filter(pk=real.pk).update(opened_at=now + timedelta(hours=1))
    real.refresh_from_db()
    assert not patients.priors(real, radiologist)


def test_uploading_the_radiograph_again_leads_to_the_original_case(
    client: Client,
    control_policy: ReadingPolicy,
    reference_case: Case,
    radiologist: User,
    admit: Admit,
    now: datetime,
) -> None:
    content = radiograph_png(3)
    Radiograph.objects.filter(case=reference_case).update(
        pixel_sha256=decode_radiograph(content).pixel_sha256
    )
    reference_case.refresh_from_db()
    control = add_control(admit(1), radiologist, now)
    assert control.radiograph.pixel_sha256 == decode_radiograph(content).pixel_sha256
    client.force_login(radiologist)
    radiograph = SimpleUploadedFile("radiograph.png", content, content_type="image/png")
    sent = {"radiographs": radiograph, "patient_ref": reference_case.patient_ref, "priority": "routine"}
    response = client.post(reverse("cases:upload"), sent, HTTP_ACCEPT="application/json")
    (outcome,) = response.json()["results"]
    assert str(reference_case.pk) in json.dumps(outcome)
    assert str(control.pk) not in json.dumps(outcome)


def test_the_database_refuses_a_control_case_without_a_reader(reference_case: Case, admit: Admit) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Case.objects.filter(pk=admit(1).pk).update(copy_of=reference_case)


def test_the_audit_event_names_the_control_case_and_no_patient(
    control_policy: ReadingPolicy, reference_case: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    control = add_control(admit(1), radiologist, now)
    event = AuditEvent.objects.get(action=Action.CONTROL_CASE_ADDED)
    assert (event.by, event.target_id, event.detail["original"]) == (
        None,
        str(control.pk),
        str(reference_case.pk),
    )
    assert control.patient_ref not in json.dumps(event.detail)
