"""What templates ask about people, places and times."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.template.context import Context
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.presenters import navigation

register = template.Library()

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86_400, 604_800


@register.simple_tag(takes_context=True)
def main_menu(context: Context) -> list[navigation.MenuItem]:
    """List the menu of the person who looks at this page."""
    user, request = context.get("user"), context.get("request")
    if not isinstance(user, User) or request is None:
        return []
    return navigation.menu(user, path=request.path)


@register.filter
def may(user: Any, what: str) -> bool:
    """Say whether this person's role includes a permission: {% if user|may:"train" %}."""
    return isinstance(user, User) and user.has_permission(what)


@register.filter
def ago(at: datetime | None) -> str:
    """Say how long ago something was, in the words that static/js/ago.js keeps fresh."""
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
