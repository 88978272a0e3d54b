"""The start page: tiles for administrators, and for the other roles a redirect to their list of cases."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import StaffRequest
from diagnostics.accounts.roles import Permission, Role
from diagnostics.administration.presenters import model_tiles, monitoring_tile, tiles
from diagnostics.administration.presenters.tiles import Tile
from diagnostics.administration.selectors import agreement, failures, workload
from diagnostics.monitoring import policy
from diagnostics.monitoring.selectors import aggregates
from diagnostics.monitoring.selectors.alerts import open_alerts
from diagnostics.registry import selectors as registry
from diagnostics.review.presenters.uncounted import uncounted_text
from diagnostics.review.selectors.figure_counts import uncounted_cases
from diagnostics.review.services import kept_figures
from diagnostics.training.selectors import runs
from webapp import health, system_status

START_PAGES: Final = {Role.RADIOLOGIST: "cases:list", Role.TECHNICIAN: "cases:list"}
MONTH: Final = timedelta(days=30)
QUARTER: Final = timedelta(days=90)


@login_required
@never_cache
@require_safe
def home(request: StaffRequest) -> HttpResponse:
    """Show the administrator's home, or redirect to the start page of the user's role."""
    if not request.user.has_permission(Permission.OPERATE):
        return redirect(START_PAGES[Role(request.user.role)])
    now = timezone.now()
    kept_figures.bring_up_to_date()
    context = {"tiles": _tiles(request.user, now), "sites": request.user.sites.all()}
    context["uncounted"] = uncounted_text(uncounted_cases())
    return render(request, "administration/home.html", context)


def _tiles(user: User, now: datetime) -> list[Tile]:
    stat, others = workload.turnaround(user, now=now, over=MONTH)
    last_run = runs.runs().first()
    return [
        tiles.waiting_tile(workload.waiting_cases(user, now=now)),
        tiles.turnaround_tile(stat, others, days=MONTH.days),
        tiles.failures_tile(failures.failures(user, now=now, days=MONTH.days)),
        model_tiles.version_tile(registry.deployments_since(now - QUARTER), now=now, over=QUARTER),
        model_tiles.run_tile(last_run, list(last_run.epochs.all()) if last_run else []),
        tiles.agreement_tile(agreement.ai_reader_agreement(user, now=now, over=QUARTER), days=QUARTER.days),
        _monitoring(user, now),
        tiles.system_tile(_workers(now), _disk()),
    ]


def _monitoring(user: User, now: datetime) -> Tile:
    hours = max(policy.WINDOWS)
    return monitoring_tile.monitoring_tile(
        list(open_alerts(user)),
        cases=aggregates.finished_since(user.sites.all(), now - hours),
        least=policy.MIN_CASES,
        hours=round(hours.total_seconds() / 3600),
    )


def _workers(now: datetime) -> list[tiles.WorkerState]:
    return [
        tiles.WorkerState(each.label, each.status == system_status.GOOD, each.state)
        for each in system_status.workers(now=now)
    ]


def _disk() -> tiles.Disk:
    usage = shutil.disk_usage(settings.READROOM_HOME)
    return tiles.Disk(usage.total, usage.free, is_low=usage.free <= health.MIN_FREE_BYTES)
