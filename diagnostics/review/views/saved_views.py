"""Views that save, count and delete views of the list of cases."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.errors import DomainError
from diagnostics.keyset import AtLeast
from diagnostics.review.forms.worklist import ViewForm
from diagnostics.review.models import SavedView
from diagnostics.review.presenters.worklist import count_text
from diagnostics.review.selectors import saved_views as saved_view_selectors
from diagnostics.review.services import saved_views
from diagnostics.review.worklist_query import WorklistQuery


@require_permission(Permission.ASSIGN)
@require_POST
def save(request: StaffRequest) -> HttpResponse:
    """Save the current view under a name."""
    form = ViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Please give the view a name of at most 40 characters."))
        return back_to_list(request)
    try:
        query = _current_query(request)
        saved_views.save_view(name=form.cleaned_data["name"], query=query, by=request.user)
    except DomainError as error:
        messages.error(request, str(error))
    return back_to_list(request)


@require_permission(Permission.ASSIGN)
@never_cache
@require_GET
def counts(request: StaffRequest) -> JsonResponse:
    """Return the number of cases of each saved view; loaded after the page, because counting is slow."""
    numbers = saved_view_selectors.saved_view_counts(request.user, timezone.now())
    texts = {pk: count_text(each) for pk, each in numbers.items() if isinstance(each, AtLeast)}
    return JsonResponse(numbers | texts)


@require_permission(Permission.ASSIGN)
@require_POST
def delete(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Delete one of the user's saved views."""
    try:
        saved_views.delete_view(pk=pk, by=request.user)
    except SavedView.DoesNotExist as error:
        raise Http404 from error
    return redirect("cases:list")


def back_to_list(request: StaffRequest) -> HttpResponse:
    """Redirect to the view from which a form was submitted."""
    query = _current_query(request).query
    return redirect(f"{reverse('cases:list')}{'?' if query else ''}{query}")


def _current_query(request: StaffRequest) -> WorklistQuery:
    return WorklistQuery.of(QueryDict(request.POST.get("here", "")))
