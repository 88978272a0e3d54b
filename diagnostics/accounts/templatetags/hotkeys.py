"""Template tags of hotkeys: each user sees the keys of their own account."""

from __future__ import annotations

import json
from typing import Final

from django import template
from django.template.context import Context
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from diagnostics.accounts import hotkeys
from diagnostics.accounts.models import User

register = template.Library()
CONFIDENCE_ACTIONS: Final = ("sure", "fairly", "unsure")


@register.simple_tag(takes_context=True)
def key(context: Context, action: str) -> SafeString:
    """Return the key of an action as HTML: {% key "invert" %}."""
    chord = hotkeys.displayed(_hotkeys(context)[action])
    parts = [chord] if len(chord) == 1 else chord.split("+")
    return format_html_join("+", "<kbd>{}</kbd>", ((part,) for part in parts))


@register.simple_tag(takes_context=True)
def finding_key(context: Context, number: int) -> SafeString:
    """Return the key of the finding with this number as HTML."""
    return key(context, f"finding-{number}")


@register.simple_tag(takes_context=True)
def confidence_key(context: Context, index: int) -> SafeString:
    """Return the key of the confidence at this place, counted from 0, as HTML."""
    return key(context, CONFIDENCE_ACTIONS[index])


@register.simple_tag(takes_context=True)
def key_name(context: Context, action: str) -> str:
    """Return the key of an action as text, for a title or aria-keyshortcuts."""
    return hotkeys.displayed(_hotkeys(context)[action])


@register.simple_tag(takes_context=True)
def hotkeys_json(context: Context) -> str:
    """Return the keys of all actions as JSON, for static/js/hotkeys.js."""
    return json.dumps(_hotkeys(context))


def _hotkeys(context: Context) -> dict[str, str]:
    user = context.get("user")
    return hotkeys.effective_hotkeys(user.hotkeys if isinstance(user, User) else {})
