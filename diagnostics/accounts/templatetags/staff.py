"""Template tags of every page: menu, permissions, relative times, statuses and alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.template.context import Context
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.presenters import navigation, status

register = template.Library()

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86_400, 604_800


@register.simple_tag(takes_context=True)
def main_menu(context: Context) -> list[navigation.MenuItem]:
    """Return the menu of the user of this page; it is empty before the login."""
    user, request = context.get("user"), context.get("request")
    if not isinstance(user, User) or request is None:
        return []
    counts = {"cases:list": context["worklist_count"]} if "worklist_count" in context else {}
    return navigation.menu(user, path=request.path, counts=counts)


@register.simple_tag
def status_label(name: str, text: str = "") -> status.StatusLabel:
    """Return icon, tone and text of a status: {% status_label "queued" as label %}."""
    return status.status_label(name, text)


@register.simple_tag
def alert_style(tone: str = "") -> status.AlertStyle:
    """Return tone, icon and role of a message: {% alert_style "warn" as style %}."""
    return status.alert_style(tone)


@register.filter
def has_permission(user: Any, permission: str) -> bool:
    """Return whether the user's role includes a permission: {% if user|has_permission:"train" %}."""
    return isinstance(user, User) and user.has_permission(permission)


@register.filter
def ago(at: datetime | None) -> str:
    """Return a time relative to now; static/js/ago.js updates the text in the browser."""
    if at is None:
        return ""
    seconds = (timezone.now() - at).total_seconds()
    if seconds < MINUTE:
        return _("just now")
    if seconds < HOUR:
        return _("%d min ago") % (seconds // MINUTE)
    if seconds < DAY:
        return _("%d h ago") % (seconds // HOUR)
    if seconds < WEEK:
        return _("%d d ago") % (seconds // DAY)
    return date_format(timezone.localtime(at), "DATE_FORMAT")
