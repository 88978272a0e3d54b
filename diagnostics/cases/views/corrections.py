"""The page that corrects a case."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import selectors
from diagnostics.cases.forms import CorrectionForm
from diagnostics.cases.models import Case, CorrectionKind
from diagnostics.cases.presenters import corrections as presenters
from diagnostics.cases.presenters.case import short_number
from diagnostics.cases.presenters.corrections import CorrectionPart
from diagnostics.cases.services import corrections
from diagnostics.errors import DomainError


@require_permission(Permission.UPLOAD)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Show what may be corrected, with full references, and carry out one correction."""
    case = get_object_or_404(selectors.with_predictions(selectors.visible_to(request.user)), pk=pk)
    if not corrections.permitted_kinds(case, request.user, timezone.now()):
        raise PermissionDenied
    if request.method != "POST":
        return _page(request, case)
    kind = request.POST.get("kind", "")
    form = CorrectionForm(request.POST, kind=kind if kind in CorrectionKind.values else "")
    if not form.is_valid():
        return _page(request, case, form)
    try:
        corrections.apply(case=case, by=request.user, now=timezone.now(), **form.correction())
    except DomainError as error:
        form.add_error(None, str(error))
        return _page(request, case, form)
    messages.success(request, _("The correction is stored."))
    return redirect("cases:case", pk=pk)


def _page(request: StaffRequest, case: Case, sent: CorrectionForm | None = None) -> HttpResponse:
    now = timezone.now()
    detail = {"shown": "patient reference"}
    audit.record(action=Action.CASE_VIEWED, by=request.user, target=case, detail=detail, now=now)
    kinds = corrections.permitted_kinds(case, request.user, now)
    offered = presenters.offered_kinds(case, kinds)
    context = {
        "case": case,
        "number": short_number(case),
        "parts": [_part(case, kind, sent) for kind in offered],
        "history": presenters.history(case, selectors.corrections_of(case), revealed=True),
    }
    return render(request, "cases/correct.html", context, status=400 if sent else 200)


def _part(case: Case, kind: CorrectionKind, sent: CorrectionForm | None) -> CorrectionPart:
    if sent is not None and sent.kind == kind:
        return presenters.correction_part(case, kind, sent, is_open=True)
    return presenters.correction_part(case, kind, CorrectionForm(kind=kind), is_open=False)
