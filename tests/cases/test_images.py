"""Images of a case: permissions, content and audit records."""

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
from ml.images.full_depth import pack, read_full_depth
from tests.cases.conftest import SendRadiograph
from tests.cases.predictions import finish_prediction
from tests.radiographs import radiograph_dicom, radiograph_jpeg, radiograph_png


@pytest.fixture
def finished(send_radiograph: SendRadiograph, version: ModelVersion) -> Case:
    case = send_radiograph(1)
    finish_prediction(case, version)
    return case


@pytest.fixture
def member(client: Client, technician: User) -> Client:
    client.force_login(technician)
    return client


def image_url(case: Case, image: str, *more: str) -> str:
    return reverse(f"cases:{image}", args=[case.pk, *more])


def opened(response) -> Image.Image:
    return Image.open(io.BytesIO(response.content))


def test_the_radiograph_is_an_8_bit_png_and_never_the_uploaded_file(
    member: Client, send_radiograph: SendRadiograph
) -> None:
    case = send_radiograph(3)
    response = member.get(image_url(case, "radiograph"))
    assert response["Content-Type"] == "image/png"
    assert response.content != radiograph_png(3)
    assert (opened(response).mode, opened(response).size) == ("L", (256, 256))


def test_images_are_private_and_have_a_fixed_content_type(member: Client, finished: Case) -> None:
    for url in (
        image_url(finished, "radiograph"),
        image_url(finished, "overlay"),
        image_url(finished, "heatmap", "covid-19"),
    ):
        response = member.get(url)
        assert response["Cache-Control"] == "private, no-store"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Disposition"] == "inline"


def test_the_heatmap_is_transparent_where_no_region_raised_the_score(member: Client, finished: Case) -> None:
    layer = opened(member.get(image_url(finished, "heatmap", "covid-19")))
    assert layer.mode == "RGBA"
    # Rows 2 and 3, columns 5 and 6 of 8 are set: their centre is at (0.75, 0.375).
    opaque = np.asarray(layer)[..., 3]
    down, across = opaque.shape
    assert opaque[down * 3 // 8, across * 6 // 8] > 128
    assert opaque[down * 7 // 8, across // 8] == 0


def test_a_class_without_a_heatmap_is_not_found(member: Client, finished: Case) -> None:
    assert member.get(image_url(finished, "heatmap", "other")).status_code == 404


def test_there_is_no_heatmap_before_the_prediction_is_finished(
    member: Client, send_radiograph: SendRadiograph
) -> None:
    case = send_radiograph(2)
    assert member.get(image_url(case, "heatmap", "normal")).status_code == 404
    assert member.get(image_url(case, "overlay")).status_code == 404


@pytest.mark.parametrize("finding", ["covid-19", "normal"])
def test_a_user_of_another_site_finds_no_heatmap(
    finished: Case, stranger: User, client: Client, finding: str
) -> None:
    client.force_login(stranger)
    assert client.get(image_url(finished, "heatmap", finding)).status_code == 404


def test_a_reader_sees_no_heatmap_before_reading(finished: Case, radiologist: User, client: Client) -> None:
    client.force_login(radiologist)
    assert client.get(image_url(finished, "heatmap", "covid-19")).status_code == 403
    assert client.get(image_url(finished, "radiograph")).status_code == 200


def test_the_overlay_is_served_to_a_token(finished: Case, technician: User, client: Client) -> None:
    token = accounts.create_token(by=technician, now=timezone.now())
    response = client.get(image_url(finished, "overlay"), headers={"Authorization": f"Token {token}"})
    assert response.status_code == 200
    assert opened(response).format == "PNG"


def test_the_token_of_a_user_of_another_site_finds_no_overlay(
    finished: Case, stranger: User, client: Client
) -> None:
    token = accounts.create_token(by=stranger, now=timezone.now())
    response = client.get(image_url(finished, "overlay"), headers={"Authorization": f"Token {token}"})
    assert response.status_code == 404


def test_an_invalid_token_is_refused(finished: Case, client: Client) -> None:
    response = client.get(image_url(finished, "overlay"), headers={"Authorization": "Token nonsense"})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Token"


def test_each_view_of_an_image_is_audited_once(member: Client, finished: Case) -> None:
    first = member.get(image_url(finished, "radiograph"))
    again = member.get(image_url(finished, "radiograph"), headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    events = AuditEvent.objects.filter(action=Action.IMAGE_VIEWED, target_id=str(finished.pk))
    assert [event.detail for event in events] == [{"image": "radiograph"}] * 2


def test_a_refused_image_is_not_audited_as_viewed(finished: Case, stranger: User, client: Client) -> None:
    client.force_login(stranger)
    client.get(image_url(finished, "radiograph"))
    assert not AuditEvent.objects.filter(action=Action.IMAGE_VIEWED).exists()


def test_a_jpeg_is_displayed_as_png(member: Client, technician: User, now: datetime) -> None:
    case = admission.open_case(radiograph=radiograph_jpeg(5), patient_ref="P-5", by=technician, now=now).case
    assert opened(member.get(image_url(case, "radiograph"))).format == "PNG"


def test_the_full_depth_pixels_are_those_of_the_original_before_any_window(
    member: Client, technician: User, now: datetime
) -> None:
    upload = radiograph_dicom(11, (80, 100), bits=14, WindowCenter=9000, WindowWidth=500)
    case = admission.open_case(radiograph=upload, patient_ref="P-11", by=technician, now=now).case
    response = member.get(image_url(case, "pixels"))
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, no-store"
    assert response.content == pack(read_full_depth(upload))


def test_the_full_depth_pixels_are_packed_once_and_stored(
    member: Client, send_radiograph: SendRadiograph
) -> None:
    case = send_radiograph(12)
    names = storage.radiograph_files(case.radiograph.pk)
    first = member.get(image_url(case, "pixels")).content
    storage.path(names.original).unlink()
    assert member.get(image_url(case, "pixels")).content == first


def test_a_damaged_original_has_no_full_depth_pixels_but_a_display_image(
    member: Client, send_radiograph: SendRadiograph
) -> None:
    case = send_radiograph(13)
    storage.path(storage.radiograph_files(case.radiograph.pk).original).write_bytes(
        b"\x89PNG\r\n\x1a\ntruncated"
    )
    assert member.get(image_url(case, "pixels")).status_code == 503
    assert member.get(image_url(case, "radiograph")).status_code == 200


def test_each_view_of_full_depth_pixels_is_audited_and_a_prefetch_is_marked(
    member: Client, send_radiograph: SendRadiograph
) -> None:
    case = send_radiograph(14)
    first = member.get(image_url(case, "pixels"), headers={"X-Readroom-Prefetch": "yes"})
    again = member.get(image_url(case, "pixels"), headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    events = AuditEvent.objects.filter(action=Action.IMAGE_VIEWED).order_by("pk")
    assert [event.detail["image"] for event in events] == [
        "full-depth radiograph, prefetched",
        "full-depth radiograph",
    ]


def test_a_reader_sees_full_depth_pixels_while_the_prediction_is_withheld(
    client: Client, radiologist: User, finished: Case
) -> None:
    client.force_login(radiologist)
    assert client.get(image_url(finished, "pixels")).status_code == 200
    assert client.get(image_url(finished, "overlay")).status_code == 403
