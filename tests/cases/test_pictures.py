"""Pictures of a case: who may have them, what they are, and what stands on record."""

from __future__ import annotations

import io
from datetime import datetime

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from diagnostics.accounts import services as accounts
from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import storage
from diagnostics.cases.models import Case
from diagnostics.cases.services import admission
from diagnostics.registry.models import ModelVersion
from ml.images.bit_depth import pack, read_bit_depth
from tests.cases.answered import answer_case
from tests.cases.conftest import SendRadiograph
from tests.radiographs import radiograph_dicom, radiograph_jpeg, radiograph_png


@pytest.fixture
def answered(send_radiograph: SendRadiograph, version: ModelVersion) -> Case:
    case = send_radiograph(1)
    answer_case(case, version)
    return case


@pytest.fixture
def insider(client: Client, technician: User) -> Client:
    client.force_login(technician)
    return client


def address(case: Case, picture: str, *more: str) -> str:
    return reverse(f"cases:{picture}", args=[case.pk, *more])


def opened(response) -> Image.Image:
    return Image.open(io.BytesIO(response.content))


def test_the_radiograph_is_our_own_copy_and_never_the_upload(
    insider: Client, send_radiograph: SendRadiograph
) -> None:
    case = send_radiograph(3)
    response = insider.get(address(case, "radiograph"))
    assert response["Content-Type"] == "image/png"
    assert response.content != radiograph_png(3)
    assert (opened(response).mode, opened(response).size) == ("L", (256, 256))


def test_pictures_stay_private_and_are_taken_for_nothing_else(insider: Client, answered: Case) -> None:
    for url in (
        address(answered, "radiograph"),
        address(answered, "overlay"),
        address(answered, "heat", "covid-19"),
    ):
        response = insider.get(url)
        assert response["Cache-Control"] == "private, no-cache"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Disposition"] == "inline"


def test_the_heat_is_a_layer_that_is_clear_where_nothing_raised_the_score(
    insider: Client, answered: Case
) -> None:
    layer = opened(insider.get(address(answered, "heat", "covid-19")))
    assert layer.mode == "RGBA"
    # Rows 2 and 3, columns 5 and 6 of 8 are hot: their middle lies at (0.75, 0.375).
    opaque = np.asarray(layer)[..., 3]
    down, across = opaque.shape
    assert opaque[down * 3 // 8, across * 6 // 8] > 128
    assert opaque[down * 7 // 8, across // 8] == 0


def test_a_class_without_a_map_is_not_found(insider: Client, answered: Case) -> None:
    assert insider.get(address(answered, "heat", "other")).status_code == 404


def test_there_is_no_heat_before_the_machine_has_answered(
    insider: Client, send_radiograph: SendRadiograph
) -> None:
    case = send_radiograph(2)
    assert insider.get(address(case, "heat", "normal")).status_code == 404
    assert insider.get(address(case, "overlay")).status_code == 404


@pytest.mark.parametrize("finding", ["covid-19", "normal"])
def test_a_stranger_has_no_heat(answered: Case, stranger: User, client: Client, finding: str) -> None:
    client.force_login(stranger)
    assert client.get(address(answered, "heat", finding)).status_code == 404


def test_a_reader_has_no_heat_before_reading(answered: Case, radiologist: User, client: Client) -> None:
    client.force_login(radiologist)
    assert client.get(address(answered, "heat", "covid-19")).status_code == 403
    assert client.get(address(answered, "radiograph")).status_code == 200


def test_a_script_fetches_the_overlay_with_its_token(
    answered: Case, technician: User, client: Client
) -> None:
    token = accounts.make_token(by=technician, now=timezone.now())
    response = client.get(address(answered, "overlay"), headers={"Authorization": f"Token {token}"})
    assert response.status_code == 200
    assert opened(response).format == "PNG"


def test_a_strangers_token_opens_nothing(answered: Case, stranger: User, client: Client) -> None:
    token = accounts.make_token(by=stranger, now=timezone.now())
    response = client.get(address(answered, "overlay"), headers={"Authorization": f"Token {token}"})
    assert response.status_code == 404


def test_a_wrong_token_is_refused(answered: Case, client: Client) -> None:
    response = client.get(address(answered, "overlay"), headers={"Authorization": "Token nonsense"})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Token"


def test_each_showing_of_a_picture_is_one_line_of_the_record(insider: Client, answered: Case) -> None:
    first = insider.get(address(answered, "radiograph"))
    again = insider.get(address(answered, "radiograph"), headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    events = AuditEvent.objects.filter(action=Action.IMAGE_VIEWED, target_id=str(answered.pk))
    assert [event.detail for event in events] == [{"picture": "radiograph"}] * 2


def test_a_refused_picture_leaves_no_line_that_says_it_was_seen(
    answered: Case, stranger: User, client: Client
) -> None:
    client.force_login(stranger)
    client.get(address(answered, "radiograph"))
    assert not AuditEvent.objects.filter(action=Action.IMAGE_VIEWED).exists()


def test_a_jpeg_is_shown_as_png_too(insider: Client, technician: User, now: datetime) -> None:
    case = admission.open_case(radiograph=radiograph_jpeg(5), patient_ref="P-5", by=technician, now=now).case
    assert opened(insider.get(address(case, "radiograph"))).format == "PNG"


def test_the_radiograph_in_depth_is_the_original_before_any_window(
    insider: Client, technician: User, now: datetime
) -> None:
    upload = radiograph_dicom(11, (80, 100), bits=14, WindowCenter=9000, WindowWidth=500)
    case = admission.open_case(radiograph=upload, patient_ref="P-11", by=technician, now=now).case
    response = insider.get(address(case, "pixels"))
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, no-cache"
    assert response.content == pack(read_bit_depth(upload))


def test_the_depth_is_made_once_and_kept(insider: Client, send_radiograph: SendRadiograph) -> None:
    case = send_radiograph(12)
    names = storage.radiograph_files(case.radiograph.pk)
    first = insider.get(address(case, "pixels")).content
    storage.path(names.original).unlink()
    assert insider.get(address(case, "pixels")).content == first


def test_a_radiograph_whose_depth_cannot_be_had_is_not_found_and_its_picture_stays(
    insider: Client, send_radiograph: SendRadiograph
) -> None:
    case = send_radiograph(13)
    storage.path(storage.radiograph_files(case.radiograph.pk).original).write_bytes(
        b"\x89PNG\r\n\x1a\nno more"
    )
    assert insider.get(address(case, "pixels")).status_code == 404
    assert insider.get(address(case, "radiograph")).status_code == 200


def test_each_look_at_the_depth_is_on_record_and_a_look_ahead_says_so(
    insider: Client, send_radiograph: SendRadiograph
) -> None:
    case = send_radiograph(14)
    first = insider.get(address(case, "pixels"), headers={"X-Readroom-Ahead": "yes"})
    again = insider.get(address(case, "pixels"), headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    seen = AuditEvent.objects.filter(action=Action.IMAGE_VIEWED).order_by("pk")
    assert [event.detail["picture"] for event in seen] == ["radiograph ahead", "radiograph in depth"]


def test_a_reader_has_the_depth_of_a_radiograph_before_its_answer_may_be_seen(
    client: Client, radiologist: User, answered: Case
) -> None:
    client.force_login(radiologist)
    assert client.get(address(answered, "pixels")).status_code == 200
    assert client.get(address(answered, "overlay")).status_code == 403
