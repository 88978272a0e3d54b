"""The upload page: each file gets its own result."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.cases import upload_validation
from diagnostics.cases.errors import ServerBusy
from diagnostics.cases.forms import UploadForm
from diagnostics.cases.presenters import upload_results
from diagnostics.cases.presenters.upload_results import UploadResult
from diagnostics.cases.services import admission
from diagnostics.errors import DomainError


@require_permission(Permission.UPLOAD)
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: StaffRequest) -> HttpResponse:
    """Upload radiographs; a refused file does not stop the others. Scripts of the page receive JSON."""
    if request.method != "POST":
        return _form_page(request, UploadForm())
    form = UploadForm(request.POST, request.FILES)
    wants_json = request.headers.get("Accept") == "application/json"
    if not form.is_valid():
        invalid = upload_results.invalid_form(form.errors)
        return _json([invalid], status=400) if wants_json else _form_page(request, form, status=400)
    radiographs = form.cleaned_data["radiographs"]
    results = [_admit(radiograph, form.cleaned_data, request.user) for radiograph in radiographs]
    response = _json(results) if wants_json else render(request, "cases/uploaded.html", {"results": results})
    if any(result.code == ServerBusy.code for result in results):
        response.status_code, response["Retry-After"] = ServerBusy.status, str(ServerBusy.retry_after)
    return response


def _form_page(request: StaffRequest, form: UploadForm, *, status: int = 200) -> HttpResponse:
    common_fields = [field for field in form if field.name != "radiographs"]
    context = {"form": form, "common_fields": common_fields}
    return render(request, "cases/upload.html", context, status=status)


def _json(results: list[UploadResult], *, status: int = 200) -> JsonResponse:
    return JsonResponse({"results": [asdict(result) for result in results]}, status=status)


def _admit(radiograph: UploadedFile, fields: dict[str, Any], by: User) -> UploadResult:
    name = radiograph.name or ""
    try:
        upload_validation.check_file_size(radiograph.size or 0)
        with upload_validation.decoding_slot():
            admitted = admission.open_case(
                radiograph=radiograph.read(),
                patient_ref=fields["patient_ref"],
                accession_number=fields["accession_number"],
                view=fields["view"],
                priority=fields["priority"],
                by=by,
                now=timezone.now(),
            )
    except DomainError as error:
        return upload_results.refused(name, error.code, str(error))
    return upload_results.accepted(name, admitted.case, created=admitted.created)
