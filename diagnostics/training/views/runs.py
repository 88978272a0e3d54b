"""Pages of training: the labels, the schedule and all runs, and one run with its progress."""

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

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.errors import DomainError
from diagnostics.registry import selectors as registry
from diagnostics.registry import trust_report
from diagnostics.registry.models import ModelVersion
from diagnostics.registry.presenters import badges, comparison, data_set, trust
from diagnostics.review.presenters.uncounted import uncounted_text
from diagnostics.review.selectors.figure_counts import uncounted_cases
from diagnostics.review.services import kept_figures
from diagnostics.training import errors
from diagnostics.training.forms import ScheduleForm, StartForm
from diagnostics.training.models import TrainingRun, Trigger
from diagnostics.training.presenters import leaks as leak_presenters
from diagnostics.training.presenters import preview, progress
from diagnostics.training.presenters import runs as presenters
from diagnostics.training.selectors import label_counts, runs
from diagnostics.training.selectors.leaks import named_cases
from diagnostics.training.services import failed_runs, run_control
from diagnostics.training.services import schedule as schedule_services

STOP_POLLING: Final = 286  # htmx stops polling after a response with this status
RUNS_PER_PAGE: Final = 20
SCHEDULE_IDS: Final = "schedule-%s"


@require_permission(Permission.TRAIN)
@require_safe
def run_list(request: StaffRequest) -> HttpResponse:
    """Show the training labels, the schedule and all runs."""
    return _list_page(request)


@require_permission(Permission.TRAIN)
@require_POST
def start(request: StaffRequest) -> HttpResponse:
    """Start a run."""
    form = StartForm(request.POST)
    if form.is_valid():
        try:
            run = run_control.start_run(
                by=request.user,
                parameters=form.parameters(),
                trigger=Trigger.MANUAL,
                now=timezone.now(),
                leak_reason=form.cleaned_data["leak_reason"],
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            return redirect("training:run", pk=run.pk)
    return _list_page(request, start_form=form, status=400)


@require_permission(Permission.TRAIN)
@require_POST
def schedule(request: StaffRequest) -> HttpResponse:
    """Save the schedule."""
    form = ScheduleForm(request.POST, auto_id=SCHEDULE_IDS)
    if form.is_valid():
        try:
            schedule_services.set_schedule(by=request.user, values=form.values(), now=timezone.now())
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            return redirect("training:runs")
    return _list_page(request, schedule_form=form, status=400)


@require_permission(Permission.TRAIN)
@require_safe
def run_detail(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show one run."""
    return render(request, "training/run.html", _context(_get_run(pk), request.user))


@require_permission(Permission.TRAIN)
@require_safe
def run_state(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the part of a run's page that changes while it runs."""
    context = _context(_get_run(pk), request.user)
    status = STOP_POLLING if context["progress"].finished else 200
    return render(request, "training/_state.html", context, status=status)


@require_permission(Permission.TRAIN)
@require_POST
def stop(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Request a stop of a run; its best epoch becomes the candidate."""
    try:
        run_control.stop_run(run=_get_run(pk), by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("training:run", pk=pk)


@require_permission(Permission.TRAIN)
@require_POST
def resume(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Resume a failed run from its last checkpoint."""
    try:
        failed_runs.resume_run(run=_get_run(pk), by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("training:run", pk=pk)


@require_permission(Permission.TRAIN)
@require_POST
def discard_checkpoints(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Delete the checkpoints of a failed run."""
    try:
        failed_runs.discard_checkpoints(run=_get_run(pk), by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("training:run", pk=pk)


@require_permission(Permission.TRAIN)
@require_safe
def plot(request: StaffRequest, pk: UUID, name: str) -> HttpResponseBase:
    """Return one plot of a run."""
    path = runs.folder(_get_run(pk)) / f"{name}.svg"
    if name not in runs.PLOTS or not path.is_file():
        raise Http404
    return FileResponse(path.open("rb"), content_type="image/svg+xml")


def _get_run(pk: UUID) -> TrainingRun:
    return get_object_or_404(runs.runs(), pk=pk)


def _list_page(
    request: StaffRequest,
    *,
    start_form: StartForm | None = None,
    schedule_form: ScheduleForm | None = None,
    status: int = 200,
) -> HttpResponse:
    kept_figures.bring_up_to_date()
    plan = runs.schedule()
    page = Paginator(runs.runs(), RUNS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "counts": label_counts.class_counts(),
        "uncounted": uncounted_text(uncounted_cases()),
        "label_notes": presenters.label_notes(
            new=label_counts.new_final_findings(),
            imported=label_counts.imported_labels(),
            conflicting=label_counts.conflicting_cases(),
        ),
        "subsets": preview.preview_charts(label_counts.preview_counts()),
        "open_run": runs.open_run(),
        "blocking_reason": run_control.reason_not_ready(),
        "active_version": registry.active_version(),
        "start_form": start_form or StartForm(),
        "next_evaluation": runs.next_evaluation(plan),
        "skipped_evaluation": runs.last_skipped_evaluation(),
        "schedule_form": schedule_form or ScheduleForm.of(plan, auto_id=SCHEDULE_IDS),
        "page": page,
        "rows": [presenters.run_row(run) for run in page],
    }
    return render(request, "training/runs.html", context, status=status)


def _context(run: TrainingRun, user: User) -> dict[str, Any]:
    epochs = list(run.epochs.all())
    plots = runs.available_plots(run)
    return {
        "run": run,
        "progress": progress.progress_of(run, epochs),
        "last_epoch": presenters.last_epoch(epochs),
        "data_set": data_set.data_set_table(run.counts),
        "facts": presenters.run_facts(run),
        "plots": {name: name in plots for name in runs.PLOTS},
        "failure": errors.failure_text(run.failure_code) if run.failure_code else "",
        "leaks": leak_presenters.leak_rows(run, named_cases(run, user=user)),
        "can_go_on": run.failure_code == errors.LEAKS_FOUND,
        "has_checkpoints": runs.has_checkpoints(run),
        "version": run.candidate,
    } | (_candidate_context(run.candidate) if run.candidate else {})


def _candidate_context(candidate: ModelVersion) -> dict[str, Any]:
    return {
        "verdict": badges.version_badge(candidate),
        "comparison": comparison.comparison_of(candidate.comparison),
        "trust": trust.trust_panel(
            trust_report.read_report(registry.bundle_path(candidate)), registry.site_names()
        ),
    }
