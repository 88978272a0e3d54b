"""WADO-RS (PS3.18, 10.4): instances, metadata, frames and rendered images of stored radiographs."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from django.http import Http404, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Radiograph
from diagnostics.cases.permissions import may_see_identifiers
from diagnostics.cases.services import stored_images
from diagnostics.integrations import media_types, multipart_related
from diagnostics.integrations.media_types import MediaType
from diagnostics.integrations.qido_query import QidoQuery
from diagnostics.integrations.selectors import instances as selectors
from diagnostics.integrations.services import instances
from diagnostics.integrations.views.dicomweb import (
    DICOM_JSON,
    JSON_TYPES,
    DicomWebView,
    accept_of,
    staff,
    store,
)

DICOM, OCTETS, PNG, JPEG = "application/dicom", "application/octet-stream", "image/png", "image/jpeg"
MULTIPART_DICOM: Final = MediaType(DICOM, is_multipart=True)
FRAMES: Final = (MediaType(OCTETS, is_multipart=True), MediaType(OCTETS))
IMAGES: Final = (MediaType(JPEG), MediaType(PNG))
SYNTAX: Final = "transfer-syntax=1.2.840.10008.1.2.1"
MAX_INSTANCES: Final = 50  # of one response, which is made in memory
MAX_FRAMES: Final = 8


class Retrieval(DicomWebView):
    """The instances of a study or series, or one instance."""

    def get(self, request: Request, study: str, series: str = "", instance: str = "") -> HttpResponse:
        """Return the files."""
        offered = (MULTIPART_DICOM, MediaType(DICOM)) if instance else (MULTIPART_DICOM,)
        offer = media_types.chosen(accept_of(request), offered)
        found = _found(request, study, series, instance)
        by, identifiers = staff(request), may_see_identifiers(staff(request), request.auth)
        files = []
        for radiograph in found:
            _record(radiograph, "DICOM instance", by)
            files.append(
                instances.instance_file(radiograph, identifiers=identifiers, by=by, now=timezone.now())
            )
        if not offer.is_multipart:
            return _private(files[0], DICOM)
        return _private(*multipart_related.joined(files, f"{DICOM}; {SYNTAX}"))


class StudyRetrieval(Retrieval):
    """The instances of a study."""

    def post(self, request: Request, study: str) -> HttpResponse:
        """Store instances of this study."""
        return store(request, study)


class Metadata(DicomWebView):
    """The attributes of the instances of a study or series, or of one instance."""

    def get(self, request: Request, study: str, series: str = "", instance: str = "") -> HttpResponse:
        """Return the attributes as DICOM JSON, with the address of the pixels."""
        media_types.chosen(accept_of(request), JSON_TYPES)
        by, identifiers = staff(request), may_see_identifiers(staff(request), request.auth)
        body = []
        for radiograph in _found(request, study, series, instance):
            audit.record(
                action=Action.CASE_VIEWED,
                by=by,
                target=radiograph.case,
                detail={"through": "DICOMweb metadata"},
                now=timezone.now(),
            )
            dataset = instances.metadata(radiograph, identifiers=identifiers, by=by, now=timezone.now())
            body.append(_with_bulk_data(dataset.to_json_dict(), request))
        return JsonResponse(body, safe=False, content_type=DICOM_JSON, headers=NO_STORE)


class Frames(DicomWebView):
    """The pixels of an instance, as its only frame or as bulk data."""

    def get(
        self, request: Request, study: str, series: str, instance: str, frames: str = "1"
    ) -> HttpResponse:
        """Return frame 1, as often as it is named."""
        offer = media_types.chosen(accept_of(request), FRAMES)
        wanted = frames.split(",")
        if len(wanted) > MAX_FRAMES or set(wanted) != {"1"}:
            raise Http404
        radiograph = _found(request, study, series, instance)[0]
        _record(radiograph, "DICOM frame", staff(request))
        pixels = instances.frame(radiograph, by=staff(request), now=timezone.now())
        if not offer.is_multipart:
            return _private(pixels, OCTETS)
        return _private(*multipart_related.joined([pixels] * len(wanted), f"{OCTETS}; {SYNTAX}"))


class Rendered(DicomWebView):
    """The radiograph as it is displayed, as JPEG or PNG."""

    image = "radiograph, rendered for DICOMweb"

    def get(self, request: Request, study: str, series: str, instance: str, **frame: str) -> HttpResponse:
        """Return the image."""
        offer = media_types.chosen(accept_of(request), IMAGES)
        radiograph = _found(request, study, series, instance)[0]
        _record(radiograph, self.image, staff(request))
        png = stored_images.display_png(radiograph, by=staff(request), now=timezone.now())
        return _private(png if offer.name == PNG else _jpeg(png), offer.name)


class Thumbnail(DicomWebView):
    """A small image of an instance, or of the first one of a series or study."""

    def get(self, request: Request, study: str, series: str = "", instance: str = "") -> HttpResponse:
        """Return the image; it is too small to be read, so its view is not recorded."""
        media_types.chosen(accept_of(request), (MediaType(JPEG),))
        radiograph = _found(request, study, series, instance)[0]
        return _private(stored_images.thumbnail_jpeg(radiograph, by=staff(request), now=timezone.now()), JPEG)


NO_STORE: Final = {"Cache-Control": "private, no-store"}


def _found(request: Request, study: str, series: str, instance: str) -> list[Radiograph]:
    """Return the visible radiographs of an address; raises Http404 where there is none."""
    stated = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": instance}
    query = QidoQuery(uids={name: (uid,) for name, uid in stated.items() if uid}, limit=MAX_INSTANCES)
    found = selectors.page_of_instances(staff(request), query, identifiers=False)
    if not found:
        raise Http404
    return found


def _record(radiograph: Radiograph, image: str, by: User) -> None:
    now = timezone.now()
    audit.record(action=Action.IMAGE_VIEWED, by=by, target=radiograph.case, detail={"image": image}, now=now)


def _with_bulk_data(attributes: dict[str, Any], request: Request) -> dict[str, Any]:
    """Add where the pixels of an instance are."""
    uids = [attributes[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")]
    url = request.build_absolute_uri(reverse("dicomweb-bulk-data", args=uids))
    return attributes | {"7FE00010": {"vr": "OW", "BulkDataURI": url}}


def _jpeg(png: bytes) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert pixels is not None  # a stored display PNG was verified by its checksum
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])


def _private(body: bytes, content_type: str) -> HttpResponse:
    return HttpResponse(body, content_type=content_type, headers=NO_STORE)
