"""The components of the installation and their states, for the status page of administrators."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from diagnostics.cases.models import Prediction
from diagnostics.jobs import heartbeats
from diagnostics.jobs.metrics import job_types
from diagnostics.jobs.models import Heartbeat, JobStatus
from diagnostics.registry import selectors as registry
from webapp import health

GOOD, WARN, DOWN = "done", "disagree", "failed"  # statuses of includes/status.html: icon and tone
LONG_WAIT: Final = timedelta(minutes=5)
ROWS_AT_ONCE: Final = 100
LABELS: Final = {
    heartbeats.INFERENCE: gettext_lazy("Inference worker"),
    heartbeats.TRAINING: gettext_lazy("Training worker"),
    heartbeats.SCHEDULER: gettext_lazy("Scheduler"),
}


@dataclass(frozen=True)
class Component:
    """One row of the status page."""

    label: str
    status: str
    state: str
    text: str
    at: datetime | None = None


def components(*, now: datetime) -> list[Component]:
    """Return the state of every component."""
    return [
        Component(_("Database"), GOOD, _("Available"), ""),  # this page has just read it
        _broker(),
        *workers(now=now),
        _model(now),
        _disk(),
        _queue(now),
        _last_prediction(),
        _failures(now),
    ]


def workers(*, now: datetime) -> list[Component]:
    """Return the state of each worker and of the scheduler."""
    return [_worker(name, now) for name in heartbeats.NAMES]


def _broker() -> Component:
    if health.state_of("broker", health.broker) == health.OK:
        return Component(_("Broker"), GOOD, _("Available"), "")
    text = _("Uploads are accepted. A periodic task enqueues their jobs when the broker is available again.")
    return Component(_("Broker"), DOWN, _("Unavailable"), text)


def _worker(name: str, now: datetime) -> Component:
    label, last = str(LABELS[name]), heartbeats.last_beat(name)
    if health.worker(name) == health.OK:
        hosts = [beat.host for beat in heartbeats.latest(now=now) if beat.name == name]
        return Component(label, GOOD, _("Running"), ", ".join(hosts), last)
    text = _("Start the process, or look for the reason in its log.")
    return Component(label, DOWN, _("No heartbeat"), text, last)


def _model(now: datetime) -> Component:
    label, version = _("Active model version"), registry.active_version()
    if version is None:
        return Component(label, DOWN, _("None"), _("Promote a model version on the page Models."))
    if health.model() != health.OK:
        return Component(label, DOWN, _("Files missing"), _("Restore the bundle of %s.") % version)
    loaded = _loaded_versions(now)
    if not loaded:
        return Component(
            label, GOOD, str(version), _("No worker has loaded it yet; the next prediction does.")
        )
    if loaded != {str(version)}:
        text = _("A worker still holds %s and loads the active version with its next prediction.")
        return Component(label, WARN, str(version), text % ", ".join(sorted(loaded - {str(version)})))
    return Component(label, GOOD, str(version), _("Loaded by the inference worker."))


def _loaded_versions(now: datetime) -> set[str]:
    recent: list[Heartbeat] = [beat for beat in heartbeats.latest(now=now) if beat.version]
    return {beat.version for beat in recent if beat.at and beat.at > now - heartbeats.MISSING_AFTER}


def _disk() -> Component:
    free = shutil.disk_usage(settings.READROOM_HOME).free
    status = GOOD if free > health.MIN_FREE_BYTES else DOWN
    text = _("Free space for radiographs, heatmaps and training runs.")
    return Component(_("Disk"), status, _("%.1f GB free") % (free / 1e9), text)


def _queue(now: datetime) -> Component:
    queued = Prediction.objects.filter(status=JobStatus.QUEUED).order_by("queued_at")
    oldest = queued.values_list("queued_at", flat=True).first()
    count = queued.count()
    state = ngettext("%d queued prediction", "%d queued predictions", count) % count
    if oldest is None:
        return Component(_("Queue"), GOOD, state, "")
    return Component(_("Queue"), WARN if now - oldest > LONG_WAIT else GOOD, state, _("The oldest:"), oldest)


def _last_prediction() -> Component:
    label = _("Last AI result")
    # Read from the end of the index, until one is not a failure.
    ended = Prediction.objects.filter(finished_at__isnull=False).order_by("-finished_at")
    rows = ended.values_list("status", "finished_at").iterator(chunk_size=ROWS_AT_ONCE)
    last = next((at for status, at in rows if status == JobStatus.DONE), None)
    return Component(label, GOOD, _("Stored") if last else _("None yet"), "", last)


def _failures(now: datetime) -> Component:
    recent = {"status": JobStatus.FAILED, "finished_at__gt": now - timedelta(hours=1)}
    counts = {
        job_type._meta.verbose_name_plural: job_type._default_manager.filter(**recent).count()
        for job_type in job_types()
    }
    total = sum(counts.values())
    state = ngettext("%d job", "%d jobs", total) % total
    text = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return Component(_("Failed in the last hour"), WARN if total else GOOD, state, text)
