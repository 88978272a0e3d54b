"""DICOMweb (PS3.18): shared steps of its addresses, and QIDO-RS and STOW-RS."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from datetime import datetime
from typing import IO, Any, ClassVar, Final, cast

from django.conf import settings
from django.http import HttpResponse, JsonResponse, UnreadablePostError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import HasPermission
from diagnostics.accounts.roles import Permission
from diagnostics.cases.errors import StorageUnavailable
from diagnostics.cases.models import Case, Radiograph
from diagnostics.cases.permissions import may_see_identifiers
from diagnostics.cases.services import case_lists
from diagnostics.integrations import media_types, multipart_related, qido_query
from diagnostics.integrations.errors.dicomweb import BodyTooLarge, InvalidBody
from diagnostics.integrations.instance_uids import uids_of
from diagnostics.integrations.media_types import MediaType
from diagnostics.integrations.presenters import qido
from diagnostics.integrations.presenters import stow as responses
from diagnostics.integrations.qido_query import QidoQuery
from diagnostics.integrations.selectors import instances as selectors
from diagnostics.integrations.services import stow
from ml.images.size_limits import MAX_FILE_BYTES

DICOM_JSON: Final = "application/dicom+json"
JSON_TYPES: Final = (MediaType(DICOM_JSON), MediaType("application/json"))
MAX_BODY: Final = 1 << 30  # bytes of a STOW request
RETRY_AFTER: Final = "5"  # seconds


class AnyType(BaseContentNegotiation):
    """Leaves the choice of the media type to the view: DICOMweb has parameters of its own."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the first parser; DICOMweb bodies are read by the view."""
        return next(iter(parsers), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        """Return the first renderer, which renders errors."""
        return renderers[0], renderers[0].media_type


@extend_schema(exclude=True)  # specified by PS3.18; docs/dicomweb.md lists the addresses
class DicomWebView(APIView):
    """An address of DICOMweb, for a session or an API token."""

    content_negotiation_class = AnyType
    required: ClassVar[dict[str, Permission]] = {"GET": Permission.SEE_CASES, "POST": Permission.UPLOAD}

    def get_permissions(self) -> list[BasePermission]:
        """Return the permission of the method."""
        return [HasPermission(self.required.get(str(self.request.method), Permission.SEE_CASES))()]


class Studies(DicomWebView):
    """QIDO-RS of studies and STOW-RS."""

    def get(self, request: Request) -> HttpResponse:
        """Search for studies."""
        media_types.chosen(accept_of(request), JSON_TYPES)
        by, query = staff(request), qido_query.parse(_within(request))
        identifiers = may_see_identifiers(by, request.auth)
        groups = selectors.page_of_studies(by, query, identifiers=identifiers)
        firsts = [group.first for group in groups]
        body = qido.studies(
            groups, selectors.patients_of(firsts), identifiers=identifiers, url=_study_url(request)
        )
        return _results(body, firsts, query, identifiers, by, timezone.now())

    def post(self, request: Request) -> HttpResponse:
        """Store the instances of a multipart body."""
        return store(request)


class SeriesSearch(DicomWebView):
    """QIDO-RS of series, of one study or of all."""

    def get(self, request: Request, study: str = "") -> HttpResponse:
        """Search for series."""
        media_types.chosen(accept_of(request), JSON_TYPES)
        by, query = staff(request), qido_query.parse(_within(request, StudyInstanceUID=study))
        identifiers = may_see_identifiers(by, request.auth)
        groups = selectors.page_of_series(by, query, identifiers=identifiers)
        firsts = [group.first for group in groups]
        body = qido.series(
            groups, selectors.patients_of(firsts), identifiers=identifiers, url=_series_url(request)
        )
        return _results(body, firsts, query, identifiers, by, timezone.now())


class InstanceSearch(DicomWebView):
    """QIDO-RS of instances, of one series, of one study or of all."""

    def get(self, request: Request, study: str = "", series: str = "") -> HttpResponse:
        """Search for instances."""
        media_types.chosen(accept_of(request), JSON_TYPES)
        within = _within(request, StudyInstanceUID=study, SeriesInstanceUID=series)
        by, query = staff(request), qido_query.parse(within)
        identifiers = may_see_identifiers(by, request.auth)
        found = selectors.page_of_instances(by, query, identifiers=identifiers)
        body = qido.instances(
            found, selectors.patients_of(found), identifiers=identifiers, url=_instance_url(request)
        )
        return _results(body, found, query, identifiers, by, timezone.now())


def store(request: Request, study: str = "") -> HttpResponse:
    """Store the instances of a multipart body, with `study` those of this study only."""
    media_types.chosen(accept_of(request), JSON_TYPES)
    boundary = multipart_related.boundary_of(str(request.content_type))
    _require_length(request)
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as body:
        _spool(request, body)
        parts = multipart_related.read_parts(body, boundary, most=MAX_FILE_BYTES)
        received = stow.store(parts, study_uid=study, by=staff(request), clock=timezone.now)
    status = responses.status_of(received)
    response = responses.response_of(
        received, study_url=_study_url(request), instance_url=_instance_url(request)
    )
    headers = {"Retry-After": RETRY_AFTER} if status == responses.TRY_AGAIN else {}
    return JsonResponse(response, status=status, content_type=DICOM_JSON, headers=headers)


def staff(request: Request) -> User:
    """Return the user of a request; HasPermission refuses everybody else."""
    return cast(User, request.user)


def accept_of(request: Request) -> str:
    """Return what the client accepts: the query parameter `accept` before the header, PS3.18 8.3.3."""
    return str(request.query_params.get("accept") or request.headers.get("Accept", ""))


def _within(request: Request, **uids: str) -> list[tuple[str, str]]:
    """Return the parameters of a request, and the UIDs of its path in place of those of its query."""
    stated = {keyword: uid for keyword, uid in uids.items() if uid}
    parameters = [(name, str(value)) for name, value in request.query_params.items()]
    return [item for item in parameters if item[0] not in stated] + list(stated.items())


def _results(
    body: list[dict[str, Any]],
    found: Sequence[Radiograph],
    query: QidoQuery,
    identifiers: bool,
    by: User,
    now: datetime,
) -> HttpResponse:
    """Audit a search by the names of its filters, and return its results."""
    listed: list[Case] = [radiograph.case for radiograph in found]
    filters: dict[str, object] = {**query.matches, **query.uids, "StudyDate": query.study_days}
    case_lists.record_list(cases=listed, filters=filters, identifiers=identifiers, by=by, now=now)
    response = JsonResponse(body, safe=False, content_type=DICOM_JSON)
    if query.ignored:
        names = ", ".join(sorted(set(query.ignored)))
        response["Warning"] = f'299 readroom "These parameters are not supported: {names}."'
    return response


def _require_length(request: Request) -> None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MAX_BODY:
        raise BodyTooLarge(_("The body may have at most 1 GB: send the instances in several requests."))


def _spool(request: Request, body: IO[bytes]) -> None:
    """Copy a body to a file: a slow sender holds no memory. Raises InvalidBody, StorageUnavailable."""
    try:
        shutil.copyfileobj(request._request, body, multipart_related.CHUNK)
    except UnreadablePostError as error:
        raise InvalidBody(_("The body ends before its last boundary.")) from error
    except OSError as error:
        raise StorageUnavailable(
            _("The storage is full; nothing was saved. Send the files again later.")
        ) from error
    body.seek(0)


def _study_url(request: Request) -> qido.Url:
    return lambda radiograph: request.build_absolute_uri(
        reverse("dicomweb-study", args=[uids_of(radiograph).study])
    )


def _series_url(request: Request) -> qido.Url:
    def url(radiograph: Radiograph) -> str:
        uids = uids_of(radiograph)
        return request.build_absolute_uri(reverse("dicomweb-series", args=[uids.study, uids.series]))

    return url


def _instance_url(request: Request) -> qido.Url:
    def url(radiograph: Radiograph) -> str:
        uids = uids_of(radiograph)
        path = reverse("dicomweb-instance", args=[uids.study, uids.series, uids.instance])
        return request.build_absolute_uri(path)

    return url
