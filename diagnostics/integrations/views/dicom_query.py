"""The page that searches a node for studies and retrieves the chosen ones; no URL names a patient."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.errors import DomainError
from diagnostics.integrations.forms.dicom import QueryForm, RetrieveForm
from diagnostics.integrations.selectors import dicom as selectors
from diagnostics.integrations.services import dicom_query
from diagnostics.integrations.services.dicom_query import Criteria, FoundStudy

SHOWN_RETRIEVALS = 20


@require_permission(Permission.MANAGE_INTEGRATIONS)
@never_cache
@require_http_methods(["GET", "POST"])
def query(request: StaffRequest) -> HttpResponse:
    """Show the search form and, after a search, the studies that were found."""
    form = QueryForm(request.user, request.POST if request.method == "POST" else None)
    studies: list[FoundStudy] | None = None
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        try:
            studies = dicom_query.find_studies(
                node=values.pop("node"), criteria=Criteria(**values), by=request.user, now=timezone.now()
            )
        except DomainError as error:
            form.add_error(None, str(error))
    context = {
        "form": form,
        "studies": studies,
        "node": form.cleaned_data.get("node") if form.is_bound else None,
        "retrievals": selectors.retrievals_of(request.user)[:SHOWN_RETRIEVALS],
    }
    status = 400 if form.errors else 200
    return render(request, "integrations/dicom_query.html", context, status=status)


@require_permission(Permission.MANAGE_INTEGRATIONS)
@require_POST
def retrieve(request: StaffRequest) -> HttpResponse:
    """Queue the retrieval of the chosen studies."""
    form = RetrieveForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(form.problems()))
        return redirect("dicom:query")
    node = get_object_or_404(selectors.nodes_of(request.user), pk=form.cleaned_data["node"])
    try:
        queued = dicom_query.request_retrieval(
            node=node,
            study_uids=form.cleaned_data["study"],
            with_priors=form.cleaned_data["priors"],
            by=request.user,
            now=timezone.now(),
        )
    except DomainError as error:
        messages.error(request, str(error))
    else:
        text = ngettext("%(n)d study is retrieved.", "%(n)d studies are retrieved.", queued)
        messages.success(request, text % {"n": queued})
    return redirect("dicom:query")
