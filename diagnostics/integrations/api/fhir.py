"""FHIR R4, read-only: final cases as DiagnosticReport, Observation and ImagingStudy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404
from django.utils import timezone
from django.utils.http import http_date, parse_http_date_safe
from django.utils.translation import gettext as _
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts.api import ApiTokenAuthentication
from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission, Scope
from diagnostics.errors import DomainError
from diagnostics.integrations import fhir_search
from diagnostics.integrations.presenters import fhir as presenters
from diagnostics.integrations.presenters.fhir import FinalCase
from diagnostics.integrations.presenters.fhir_capabilities import capability_statement
from diagnostics.integrations.services import fhir as services

# The issue type of an OperationOutcome by HTTP status (hl7.org/fhir/R4/valueset-issue-type.html).
ISSUES: Final = {400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported"}
ISSUES_OF_OTHERS: Final = "processing"


class BearerAuthentication(ApiTokenAuthentication):
    """`Authorization: Bearer <key>`, as FHIR clients send it."""

    keyword = "Bearer"


class FhirRenderer(JSONRenderer):
    """JSON under the media type of FHIR."""

    media_type = "application/fhir+json"
    format = "json"


class OneFormat(BaseContentNegotiation):
    """FHIR JSON, whatever a client accepts."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        """Return the only parser, for a form; None, which becomes a 415, for another body."""
        is_form = request.content_type.partition(";")[0].strip() == FormParser.media_type
        return next(iter(parsers)) if is_form else None

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        """Return the only renderer."""
        only = next(iter(renderers))
        return only, only.media_type


class FhirView(APIView):
    """What all FHIR addresses share: tokens, format, and errors as OperationOutcome."""

    schema = None  # described by the CapabilityStatement, not by OpenAPI
    authentication_classes = [BearerAuthentication, ApiTokenAuthentication, SessionAuthentication]
    permission_classes = [HasPermission(Permission.FHIR)]
    renderer_classes = [FhirRenderer]
    parser_classes = [FormParser]
    content_negotiation_class = OneFormat

    def handle_exception(self, exc: Exception) -> Response:
        """Return an error as OperationOutcome; an unexpected one goes on."""
        if isinstance(exc, DomainError):
            status, text = exc.status, str(exc)
        elif isinstance(exc, Http404):
            status, text = 404, _("There is no such resource.")
        elif isinstance(exc, APIException):
            status, text = exc.status_code, str(exc.detail)
        else:
            return super().handle_exception(exc)
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        body = presenters.outcome(ISSUES.get(status, ISSUES_OF_OTHERS), text)
        return Response(body, status=status, headers=headers)


class Metadata(FhirView):
    """The CapabilityStatement, for everybody."""

    authentication_classes = []
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response(capability_statement(request.build_absolute_uri("/fhir")))


class ResourceSearch(FhirView):
    """The search of one kind of resource."""

    def get(self, request: Request, kind: str) -> Response:
        query = fhir_search.parsed(_lists(request.query_params), in_body=False)
        return _page(request, _known(kind), query)


class BodySearch(FhirView):
    """The search with parameters in the body, where identifiers are in no log."""

    def post(self, request: Request, kind: str) -> Response:
        given = _lists(request.query_params) | _lists(request.data)
        in_url = set(request.query_params) & fhir_search.IN_A_BODY_ONLY
        query = fhir_search.parsed(given, in_body=not in_url)
        return _page(request, _known(kind), query)


class ResourceRead(FhirView):
    """One resource; unchanged ones are answered with 304."""

    def get(self, request: Request, kind: str, pk: str) -> Response:
        case = services.read(pk=_case_id(pk), kind=_known(kind), by=actor(request), now=timezone.now())
        if case is None:
            raise Http404
        resources = presenters.resources_of(kind, _final(request, case))
        resource = next((each for each in resources if each["id"] == pk), None)
        if resource is None:
            raise Http404
        tag, changed = f'W/"{resource["meta"]["versionId"]}"', int(case.updated.timestamp())
        headers = {"ETag": tag, "Last-Modified": http_date(changed)}
        if _is_unchanged(request, tag, changed):
            return Response(status=304, headers=headers)
        return Response(resource, headers=headers)


def _page(request: Request, kind: str, query: fhir_search.Search) -> Response:
    found = services.search(query=query, kind=kind, by=actor(request), now=timezone.now())
    base = request.build_absolute_uri("/fhir")
    entries = [
        (f"{base}/{kind}/{resource['id']}", resource)
        for case in found.cases
        for resource in presenters.resources_of(kind, _final(request, case))
    ]
    return Response(presenters.bundle(entries, links=_links(request, kind, query, found)))


def _links(request: Request, kind: str, query: fhir_search.Search, found: services.Found) -> dict[str, str]:
    """Return the links of a page; a search by identifier has no next page, whose URL would hold it."""
    base = request.build_absolute_uri(f"/fhir/{kind}")
    kept = [
        (name, value)
        for name, values in _lists(request.query_params).items()
        for value in values
        if name != "_cursor"
    ]
    links = {"self": f"{base}?{urlencode(kept)}" if kept else base}
    if found.has_more and not (query.accession_number or query.patient_ref):
        last = found.cases[-1]
        cursor = fhir_search.cursor_of(last.updated, last.pk)
        links["next"] = f"{base}?{urlencode([*kept, ('_cursor', cursor)])}"
    return links


def _final(request: Request, case: Any) -> FinalCase:
    scopes = getattr(request.auth, "scopes", ())
    return FinalCase(
        case=case,
        updated=case.updated,
        studied_at=case.studied_at,
        with_identifiers=Scope.IDENTIFIERS in scopes,
        **services.content_of(case),
    )


def _known(kind: str) -> str:
    if kind not in presenters.BUILDERS:
        raise Http404
    return kind


def _case_id(pk: str) -> str:
    try:
        return str(UUID(pk[:36]))
    except ValueError:
        raise Http404 from None


def _is_unchanged(request: Request, tag: str, changed: int) -> bool:
    known = request.headers.get("If-None-Match")
    if known is not None:
        return known.strip() == "*" or tag in [each.strip() for each in known.split(",")]
    since = parse_http_date_safe(request.headers.get("If-Modified-Since", ""))
    return since is not None and changed <= since


def _lists(parameters: Any) -> dict[str, list[str]]:
    return dict(parameters.lists()) if hasattr(parameters, "lists") else {}
