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

from diagnostics.accounts.guards import StaffRequest, may
from diagnostics.accounts.roles import May
from diagnostics.base import DomainError
from diagnostics.registry import comparisons, figures, worth
from diagnostics.registry import selectors as registry
from diagnostics.training import failures, labels, progress, selectors, services
from diagnostics.training.forms import ScheduleForm, StartForm
from diagnostics.training.models import TrainingRun, Trigger

STOP_POLLING: Final = 286  # htmx's own status: show this and ask no more
RUNS_PER_PAGE: Final = 20


@require_safe
@may(May.TRAIN)
def runs(request: StaffRequest) -> HttpResponse:
    """Show what there is to learn from, and every run so far."""
    return _overview(request)


@require_POST
@may(May.TRAIN)
def start(request: StaffRequest) -> HttpResponse:
    """Start a run."""
    form = StartForm(request.POST)
    if form.is_valid():
        try:
            run = services.start_run(
                by=request.user, parameters=form.parameters(), trigger=Trigger.BUTTON, now=timezone.now()
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("training:run", pk=run.pk)
    return _overview(request, start_form=form, status=400)


@require_POST
@may(May.TRAIN)
def schedule(request: StaffRequest) -> HttpResponse:
    """Say when training starts by itself."""
    form = ScheduleForm(request.POST, auto_id="schedule-%s")
    if form.is_valid():
        try:
            services.set_schedule(by=request.user, now=timezone.now(), **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("training:runs")
    return _overview(request, schedule_form=form, status=400)


@require_safe
@may(May.TRAIN)
def run(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show one run."""
    return render(request, "training/run.html", _run_page(_found(pk)))


@require_safe
@may(May.TRAIN)
def state(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the part of a run's page that changes while it goes."""
    page = _run_page(_found(pk))
    status = STOP_POLLING if page["progress"].over else 200
    return render(request, "training/_state.html", page, status=status)


@require_POST
@may(May.TRAIN)
def stop(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Ask a run to stop and to keep its best."""
    try:
        services.stop_run(run=_found(pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("training:run", pk=pk)


@require_safe
@may(May.TRAIN)
def picture(request: StaffRequest, pk: UUID, name: str) -> HttpResponseBase:
    """Show one picture of a run."""
    path = selectors.folder(_found(pk)) / f"{name}.svg"
    if name not in selectors.PICTURES or not path.is_file():
        raise Http404
    answer = FileResponse(path.open("rb"), content_type="image/svg+xml")
    # The address carries the epoch, so that what was fetched once stays right.
    answer["Cache-Control"] = "private, max-age=3600"
    return answer


def _found(pk: UUID) -> TrainingRun:
    return get_object_or_404(selectors.runs(), pk=pk)


def _overview(
    request: StaffRequest,
    *,
    start_form: StartForm | None = None,
    schedule_form: ScheduleForm | None = None,
    status: int = 200,
) -> HttpResponse:
    plan = selectors.schedule()
    listed = Paginator(selectors.runs(), RUNS_PER_PAGE).get_page(request.GET.get("page"))
    page = {
        "counts": labels.counts(),
        "new": labels.new(),
        "imported": labels.imported().count(),
        "disagreeing": labels.disagreeing()["cases"],
        "open_run": selectors.open_run(),
        "refusal": services.why_not(),
        "in_force": registry.in_force(),
        "start_form": start_form or StartForm(),
        "plan": plan,
        "next_look": selectors.next_look(plan),
        "last_look": selectors.last_scheduled_refusal(),
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
        "progress": progress.of(run, epochs),
        "epochs": epochs,
        "last": epochs[-1] if epochs else None,
        "counts": figures.counts(run.counts),
        "comparison": comparisons.of(candidate.comparison) if candidate else None,
        "worth": worth.worth(registry.bundle_path(candidate)) if candidate else None,
        "pictures": selectors.pictures(run),
        "failure": failures.sentence(run.failure_code) if run.failure_code else "",
    }
