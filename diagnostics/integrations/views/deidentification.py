"""De-identification: the policies of an administrator's sites, and the export of a case."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import HasPermission, StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.cases import selectors as cases
from diagnostics.cases.serializers.cases import ErrorSerializer
from diagnostics.integrations.forms.deidentification import DeidentificationForm
from diagnostics.integrations.services import deidentification

EXPORT_NAME = "deidentified.zip"  # a file name never names the patient


@require_permission(Permission.PRIVACY)
@never_cache
@require_safe
def policies(request: StaffRequest) -> HttpResponse:
    """Show the de-identification of each site of the administrator."""
    rows = []
    for site in request.user.sites.all():
        policy = deidentification.policy_of(site)
        form = DeidentificationForm(instance=policy, prefix=str(site.pk))
        rows.append({"site": site, "policy": policy, "form": form})
    return render(request, "integrations/deidentification.html", {"rows": rows})


@require_permission(Permission.PRIVACY)
@never_cache
@require_POST
def change(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Change the de-identification of one of the administrator's sites."""
    site = get_object_or_404(request.user.sites, pk=pk)
    form = DeidentificationForm(request.POST, prefix=str(site.pk))
    form.is_valid()  # check boxes: every form is
    deidentification.set_policy(site=site, by=request.user, now=timezone.now(), **form.cleaned_data)
    messages.success(request, _("The de-identification was saved. It applies to later files."))
    return redirect("integrations:deidentification")


class DeidentifiedCase(APIView):
    """A case as de-identified DICOM."""

    permission_classes = [HasPermission(Permission.EXPORT)]

    @extend_schema(
        operation_id="cases_deidentified",
        summary="Export a case as de-identified DICOM",
        description="A ZIP of `radiograph.dcm` and `deidentification.json`, which lists each changed "
        "attribute by the basic profile of DICOM PS3.15, never its value. The export is audited.",
        responses={
            (200, "application/zip"): OpenApiTypes.BINARY,
            401: ErrorSerializer,
            403: ErrorSerializer,
            404: OpenApiResponse(ErrorSerializer, description="No such case at the sites of the user"),
            409: OpenApiResponse(ErrorSerializer, description="`case_withdrawn`"),
            503: OpenApiResponse(
                ErrorSerializer, description="The stored file is damaged, or the server is busy"
            ),
        },
    )
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        by = cast(User, request.user)
        case = get_object_or_404(cases.visible_to(by).select_related("radiograph", "site"), pk=pk)
        content = deidentification.export(case, by=by, now=timezone.now())
        headers = {
            "Content-Disposition": f'attachment; filename="{EXPORT_NAME}"',
            "Cache-Control": "private, no-store",
        }
        return HttpResponse(content, content_type="application/zip", headers=headers)
