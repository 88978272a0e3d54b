"""Pages about training: the labels at hand, all runs, one run as it goes."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.errors import DomainError
from diagnostics.registry import selectors as registry
from diagnostics.registry import trust_report
from diagnostics.registry.presenters import comparison, metrics
from diagnostics.training import errors
from diagnostics.training.forms import ScheduleForm, StartForm
from diagnostics.training.models import TrainingRun, Trigger
from diagnostics.training.presenters import progress
from diagnostics.training.selectors import labels
from diagnostics.training.selectors import runs as runs_selectors
from diagnostics.training.services import run_control
from diagnostics.training.services import schedule as schedule_services

STOP_POLLING: Final = 286  # htmx's own status: show this and ask no more
RUNS_PER_PAGE: Final = 20


@require_safe
@require_permission(Permission.TRAIN)
def runs(request: StaffRequest) -> HttpResponse:
    """Show what there is to learn from, and every run so far."""
    return _overview(request)


@require_POST
@require_permission(Permission.TRAIN)
def start(request: StaffRequest) -> HttpResponse:
    """Start a run."""
    form = StartForm(request.POST)
    if form.is_valid():
        try:
            run = run_control.start_run(
                by=request.user, parameters=form.parameters(), trigger=Trigger.BUTTON, now=timezone.now()
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("training:run", pk=run.pk)
    return _overview(request, start_form=form, status=400)


@require_POST
@require_permission(Permission.TRAIN)
def schedule(request: StaffRequest) -> HttpResponse:
    """Say when training starts by itself."""
    form = ScheduleForm(request.POST, auto_id="schedule-%s")
    if form.is_valid():
        try:
            schedule_services.set_schedule(by=request.user, now=timezone.now(), **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("training:runs")
    return _overview(request, schedule_form=form, status=400)


@require_safe
@require_permission(Permission.TRAIN)
def run(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show one run."""
    return render(request, "training/run.html", _run_page(_found(pk)))


@require_safe
@require_permission(Permission.TRAIN)
def state(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the part of a run's page that changes while it goes."""
    page = _run_page(_found(pk))
    status = STOP_POLLING if page["progress"].over else 200
    return render(request, "training/_state.html", page, status=status)


@require_POST
@require_permission(Permission.TRAIN)
def stop(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Ask a run to stop and to keep its best."""
    try:
        run_control.stop_run(run=_found(pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("training:run", pk=pk)


@require_safe
@require_permission(Permission.TRAIN)
def picture(request: StaffRequest, pk: UUID, name: str) -> HttpResponseBase:
    """Show one picture of a run."""
    path = runs_selectors.folder(_found(pk)) / f"{name}.svg"
    if name not in runs_selectors.PICTURES or not path.is_file():
        raise Http404
    answer = FileResponse(path.open("rb"), content_type="image/svg+xml")
    # The address carries the epoch, so that what was fetched once stays right.
    answer["Cache-Control"] = "private, max-age=3600"
    return answer


def _found(pk: UUID) -> TrainingRun:
    return get_object_or_404(runs_selectors.runs(), pk=pk)


def _overview(
    request: StaffRequest,
    *,
    start_form: StartForm | None = None,
    schedule_form: ScheduleForm | None = None,
    status: int = 200,
) -> HttpResponse:
    plan = runs_selectors.schedule()
    listed = Paginator(runs_selectors.runs(), RUNS_PER_PAGE).get_page(request.GET.get("page"))
    page = {
        "counts": labels.counts(),
        "new": labels.new(),
        "imported": labels.imported().count(),
        "disagreeing": labels.conflicting()["cases"],
        "open_run": runs_selectors.open_run(),
        "refusal": run_control.reason_not_ready(),
        "active_version": registry.active_version(),
        "start_form": start_form or StartForm(),
        "plan": plan,
        "next_look": runs_selectors.next_look(plan),
        "last_look": runs_selectors.last_scheduled_refusal(),
        "schedule_form": schedule_form or ScheduleForm.of(plan, auto_id="schedule-%s"),
        "page": listed,
        "rows": [(each, progress.status_words(each)) for each in listed],
    }
    return render(request, "training/runs.html", page, status=status)


def _run_page(run: TrainingRun) -> dict[str, Any]:
    epochs = list(run.epochs.all())
    candidate = run.candidate
    return {
        "run": run,
        "progress": progress.progress_of(run, epochs),
        "epochs": epochs,
        "last": epochs[-1] if epochs else None,
        "counts": metrics.counts(run.counts),
        "comparison": comparison.comparison_of(candidate.comparison) if candidate else None,
        "worth": trust_report.trust_summary(registry.bundle_path(candidate)) if candidate else None,
        "pictures": runs_selectors.pictures(run),
        "failure": errors.failure_text(run.failure_code) if run.failure_code else "",
    }
