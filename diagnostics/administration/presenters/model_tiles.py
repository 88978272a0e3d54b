"""The tiles of the active model version and of the last training run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics.administration.presenters import drawing
from diagnostics.administration.presenters.drawing import Drawing
from diagnostics.administration.presenters.tiles import Tile
from diagnostics.registry.models import Promotion
from diagnostics.registry.presenters import badges
from diagnostics.registry.presenters.badges import Badge
from diagnostics.training.models import Epoch, TrainingRun
from diagnostics.training.presenters import progress


def version_tile(promotions: Sequence[Promotion], *, now: datetime, over: timedelta) -> Tile:
    """Return the tile of the active version; `promotions` are those of the period, the newest first."""
    title = _("Active model version")
    active = next((each for each in promotions if each.active), None)
    if active is None:
        warning = Badge("failed", "stat", _("No AI results until a version is promoted"))
        return Tile("version", title, reverse("registry:versions"), _("None"), badge=warning)
    by = active.by.get_username() if active.by else _("System")
    since = _("since %(at)s, promoted by %(by)s") % {"at": _at(active.since), "by": by}
    return Tile(
        key="version",
        title=title,
        url=reverse("registry:version", args=[active.version_id]),
        lead=str(active.version),
        chart=_deployments(promotions, now=now, over=over),
        lines=(since, active.reason),
    )


def run_tile(run: TrainingRun | None, epochs: Sequence[Epoch]) -> Tile:
    """Return the tile of the last training run and the verdict of the promotion gate."""
    title = _("Last training run")
    if run is None:
        return Tile("run", title, reverse("training:runs"), _("No run yet"))
    ended = _at(run.finished_at) if run.finished_at else ""
    return Tile(
        key="run",
        title=title,
        url=reverse("training:run", args=[run.pk]),
        lead=_("Run %(number)d") % {"number": run.number},
        unit=progress.status_label(run),
        badge=badges.version_badge(run.candidate) if run.candidate else None,
        chart=_accuracy(epochs) if len(epochs) > 1 else None,
        lines=tuple(
            filter(
                None, (_("ended %(at)s") % {"at": ended} if ended else "", _candidate(run), run.failure_text)
            )
        ),
    )


def _deployments(promotions: Sequence[Promotion], *, now: datetime, over: timedelta) -> Drawing:
    start = now - over
    parts = []
    for each in reversed(promotions):
        begin = max((each.since - start) / over, 0.0)
        end = min(((each.until or now) - start) / over, 1.0)
        parts.append((begin, end, str(each.version), "active" if each.active else "soft"))
    periods = "; ".join(
        _("%(version)s from %(since)s") % {"version": each.version, "since": _at(each.since)}
        for each in reversed(promotions)
    )
    return drawing.strip(
        _("Deployed versions. %(periods)s") % {"periods": periods},
        parts,
        first=f"{timezone.localtime(start):%Y-%m-%d}",
        last=_("today"),
    )


def _accuracy(epochs: Sequence[Epoch]) -> Drawing:
    values = [each.val_accuracy for each in epochs]
    text = _("Accuracy on the validation set by epoch, from %(first).2f to %(last).2f")
    return drawing.curve(
        text % {"first": values[0], "last": values[-1]},
        values,
        first=_("epoch 1: validation accuracy"),
        last=str(epochs[-1].number),
    )


def _candidate(run: TrainingRun) -> str:
    return _("candidate %(version)s") % {"version": run.candidate} if run.candidate else ""


def _at(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
