"""TODO: diagnostics.cases.views.upload."""

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
from diagnostics.cases.forms import UploadForm
from diagnostics.cases.presenters import upload_results
from diagnostics.cases.presenters.upload_results import UploadResult
from diagnostics.cases.services import admission
from diagnostics.errors import DomainError


@require_permission(Permission.UPLOAD)
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: StaffRequest) -> HttpResponse:
    """Take radiographs; each ends as accepted, known already or refused, and none stops the others."""
    if request.method != "POST":
        return render(request, "cases/upload.html", _upload_form(UploadForm()))
    form = UploadForm(request.POST, request.FILES)
    by_script = request.headers.get("Accept") == "application/json"
    if not form.is_valid():
        if by_script:
            return JsonResponse({"outcomes": [asdict(upload_results.invalid_form(form.errors))]}, status=400)
        return render(request, "cases/upload.html", _upload_form(form), status=400)
    ended = [
        _admit(radiograph, form.cleaned_data, request.user) for radiograph in form.cleaned_data["radiographs"]
    ]
    if by_script:
        return JsonResponse({"outcomes": [asdict(outcome) for outcome in ended]})
    return render(request, "cases/uploaded.html", {"outcomes": ended})


def _upload_form(form: UploadForm) -> dict[str, Any]:
    return {"form": form, "order": [field for field in form if field.name != "radiographs"]}


def _admit(radiograph: UploadedFile, order: dict[str, Any], by: User) -> UploadResult:
    name = radiograph.name or ""
    try:
        upload_validation.check_file_size(radiograph.size or 0)
        opened = admission.open_case(
            radiograph=radiograph.read(),
            patient_ref=order["patient_ref"],
            accession_number=order["accession_number"],
            view=order["view"],
            priority=order["priority"],
            by=by,
            now=timezone.now(),
        )
    except DomainError as refusal:
        return upload_results.refused(name, refusal.code, str(refusal))
    return upload_results.accepted(name, opened.case, created=opened.created)
