"""The page of a run's snapshot, and its manifest as a file."""

from __future__ import annotations

from uuid import UUID

from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.training.presenters import snapshots as presenters
from diagnostics.training.selectors import runs
from diagnostics.training.selectors.snapshots import summary_of
from diagnostics.training.snapshot import FILE


@require_permission(Permission.TRAIN)
@require_safe
def snapshot(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show a snapshot in numbers with a sample of its radiographs."""
    run = get_object_or_404(runs.runs(), pk=pk)
    summary = summary_of(run, user=request.user)
    context = {
        "run": run,
        "subsets": presenters.snapshot_charts(summary),
        "uses": presenters.uses_text(summary.test_set_uses),
        "change": presenters.change_text(summary.change),
        "counted_at": summary.counted_at,
        "thumbnails": presenters.thumbnails(summary),
        "has_file": (runs.folder(run) / FILE).is_file(),
    }
    return render(request, "training/snapshot.html", context)


@require_permission(Permission.TRAIN)
@require_safe
def manifest(request: StaffRequest, pk: UUID) -> HttpResponseBase:
    """Return the manifest of a snapshot: a line for each radiograph, without patient references."""
    run = get_object_or_404(runs.runs(), pk=pk)
    path = runs.folder(run) / FILE
    if not path.is_file():
        raise Http404
    detail = {"number": run.number, "sha256": run.snapshot_sha256}
    audit.record(
        action=Action.SNAPSHOT_EXPORTED, by=request.user, target=run, detail=detail, now=timezone.now()
    )
    name = f"snapshot-{run.number}.jsonl"
    return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type="application/jsonl")
