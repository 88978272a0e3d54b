"""Icon, tone and text of each status and message, for includes/status.html and includes/alert.html."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class StatusLabel:
    """How a status is shown; `tone` selects the colour of the icon."""

    icon: str
    tone: str  # quiet, active, good, warn, stat
    text: str | Promise


@dataclass(frozen=True)
class AlertStyle:
    """How a message is shown; `role` tells a screen reader whether to interrupt."""

    tone: str
    icon: str
    role: str


STATUS_LABELS: Final = {
    "queued": StatusLabel("queued", "quiet", _("Queued")),
    "running": StatusLabel("running", "active", _("Running")),
    "done": StatusLabel("done", "good", _("Done")),
    "failed": StatusLabel("failed", "stat", _("Failed")),
    "to-read": StatusLabel("radiograph", "quiet", _("To read")),
    "reading": StatusLabel("person", "quiet", _("Being read")),
    "second": StatusLabel("persons", "quiet", _("Awaiting second read")),
    "disagree": StatusLabel("warn", "warn", _("Needs adjudication")),
    "final": StatusLabel("done", "good", _("Final")),
    "imported": StatusLabel("upload", "quiet", _("Imported")),
    "withdrawn": StatusLabel("close", "quiet", _("Withdrawn")),
}
ALERT_STYLES: Final = {
    "stat": AlertStyle("stat", "failed", "alert"),
    "warn": AlertStyle("warn", "warn", "status"),
    "good": AlertStyle("good", "done", "status"),
    "info": AlertStyle("info", "info", "status"),
}


def status_label(status: str, text: str | Promise = "") -> StatusLabel:
    """Return the label of a status; `text` replaces its usual text."""
    label = STATUS_LABELS.get(status, StatusLabel("info", "quiet", status))
    return replace(label, text=text) if text else label


def alert_style(tone: str) -> AlertStyle:
    """Return the style of a message; a message without a tone is informative."""
    return ALERT_STYLES.get(tone, ALERT_STYLES["info"])
