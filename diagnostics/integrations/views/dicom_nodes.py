"""Pages of DICOM nodes: the list, one node, and the test of its connection."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.errors import DomainError
from diagnostics.integrations.forms.dicom import NodeForm
from diagnostics.integrations.models import DicomNode
from diagnostics.integrations.presenters import dicom as presenters
from diagnostics.integrations.selectors import dicom as selectors
from diagnostics.integrations.services import dicom_nodes


@require_permission(Permission.MANAGE_INTEGRATIONS)
@never_cache
@require_safe
def nodes(request: StaffRequest) -> HttpResponse:
    """List the nodes of the user's sites."""
    rows = [(node, presenters.node_note(node)) for node in selectors.nodes_of(request.user)]
    context = {"rows": rows, "listener": presenters.listener_line(settings.DICOM)}
    return render(request, "integrations/dicom_nodes.html", context)


@require_permission(Permission.MANAGE_INTEGRATIONS)
@never_cache
@require_http_methods(["GET", "POST"])
def new_node(request: StaffRequest) -> HttpResponse:
    """Add a node."""
    return _edit(request, None)


@require_permission(Permission.MANAGE_INTEGRATIONS)
@never_cache
@require_http_methods(["GET", "POST"])
def node(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show and change a node."""
    return _edit(request, get_object_or_404(selectors.nodes_of(request.user), pk=pk))


@require_permission(Permission.MANAGE_INTEGRATIONS)
@require_POST
def verify(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Test the connection to a node."""
    found = get_object_or_404(selectors.nodes_of(request.user), pk=pk)
    try:
        dicom_nodes.verify_connection(node=found, by=request.user)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(node)s answers to C-ECHO.") % {"node": found})
    return redirect("dicom:nodes")


def _edit(request: StaffRequest, found: DicomNode | None) -> HttpResponse:
    form = NodeForm(request.user, request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        try:
            stored = DicomNode.objects.get(pk=found.pk) if found else None  # the form has changed `found`
            dicom_nodes.save_node(
                node=stored, site=values.pop("site"), values=values, by=request.user, now=timezone.now()
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The node was saved."))
            return redirect("dicom:nodes")
    status = 400 if request.method == "POST" else 200
    return render(request, "integrations/dicom_node.html", {"form": form, "node": found}, status=status)
