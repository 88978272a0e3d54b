"""Export and erasure of a patient by an administrator; the reference travels in the body of a POST only."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, ParamSpec
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from diagnostics.accounts.permissions import ProtectedView, StaffRequest, View, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.views.sessions import confirm_password_first
from diagnostics.errors import DomainError
from diagnostics.privacy import presenters
from diagnostics.privacy.forms import EraseForm, PatientForm
from diagnostics.privacy.selectors import records
from diagnostics.privacy.services import erasure, export, lookup

P = ParamSpec("P")
MOST_ERASURES: Final = 50
EXPORT_NAME: Final = "patient-export.zip"  # a file name never names the patient


def _for_privacy(method: Callable[[Any], Any]) -> Callable[[View[P]], ProtectedView[P]]:
    """Restrict a view to a method, and to administrators who have typed their password a short while ago."""

    def decorator(view: View[P]) -> ProtectedView[P]:
        confirmed = sensitive_post_parameters()(confirm_password_first("privacy:patients")(view))
        return require_permission(Permission.PRIVACY)(never_cache(method(confirmed)))

    return decorator


@_for_privacy(require_safe)
def search(request: StaffRequest) -> HttpResponse:
    """Show the search for a patient and the erasures so far."""
    return _search_page(request, PatientForm(request.user))


@_for_privacy(require_POST)
def patient(request: StaffRequest) -> HttpResponse:
    """Show what is stored about a patient, with the actions."""
    form = PatientForm(request.user, request.POST)
    if not form.is_valid():
        return _search_page(request, form, status=400)
    return _patient_page(request, form, EraseForm(request.user))


@_for_privacy(require_POST)
def export_zip(request: StaffRequest) -> HttpResponseBase:
    """Download everything that is stored about a patient."""
    form = PatientForm(request.user, request.POST)
    if not form.is_valid():
        return _search_page(request, form, status=400)
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        out = Path(folder) / EXPORT_NAME
        export.export_patient(**form.patient(), out=out, by=request.user, now=timezone.now())
        file = out.open("rb")  # stays readable after the folder is removed
    return FileResponse(file, as_attachment=True, filename=EXPORT_NAME, content_type="application/zip")


@_for_privacy(require_POST)
def erase(request: StaffRequest) -> HttpResponse:
    """Erase a patient whose reference was typed again, for a reason."""
    chosen, form = PatientForm(request.user, request.POST), EraseForm(request.user, request.POST)
    if not chosen.is_valid():
        return _search_page(request, chosen, status=400)
    if not form.is_valid():
        return _patient_page(request, chosen, form, status=400)
    done = erasure.erase_patient(
        **form.patient(), reason=form.cleaned_data["reason"], by=request.user, now=timezone.now()
    )
    messages.success(request, _("The patient was erased."))
    return redirect("privacy:erasure", done.pk)


@require_permission(Permission.PRIVACY)
@never_cache
@require_safe
def erasure_record(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the record of an erasure, which does not name the patient."""
    record = get_object_or_404(records.erasures(request.user), pk=pk)
    context = {"record": record, "counts": presenters.counts(record.rows)}
    return render(request, "privacy/erasure.html", context)


def _search_page(request: StaffRequest, form: PatientForm, *, status: int = 200) -> HttpResponse:
    context = {"form": form, "erasures": records.erasures(request.user)[:MOST_ERASURES]}
    return render(request, "privacy/patients.html", context, status=status)


def _patient_page(
    request: StaffRequest, chosen: PatientForm, form: EraseForm, *, status: int = 200
) -> HttpResponse:
    try:
        extent = lookup.look_up(**chosen.patient(), by=request.user, now=timezone.now())
    except DomainError as error:
        chosen.add_error("reference", str(error))
        return _search_page(request, chosen, status=error.status)
    context = {
        "chosen": chosen,
        "site": chosen.cleaned_data["site"],
        "reference": chosen.cleaned_data["reference"],
        "form": form,
        "counts": presenters.extent_counts(extent),
        "notes": presenters.extent_notes(extent),
    }
    return render(request, "privacy/patient.html", context, status=status)
