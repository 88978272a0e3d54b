"""What templates ask about keys: everybody reads the keys that are theirs."""

from __future__ import annotations

import json

from django import template
from django.template.context import Context
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from diagnostics.accounts import hotkeys
from diagnostics.accounts.models import User

register = template.Library()


@register.simple_tag(takes_context=True)
def key(context: Context, act: str) -> SafeString:
    """Show the key of an act: {% key "invert" %}."""
    chord = hotkeys.shown(_keys(context)[act])
    parts = [chord] if len(chord) == 1 else chord.split("+")
    return format_html_join("+", "<kbd>{}</kbd>", ((part,) for part in parts))


@register.simple_tag(takes_context=True)
def finding_key(context: Context, number: int) -> SafeString:
    """Show the key of the finding that stands in this place."""
    return key(context, f"finding-{number}")


@register.simple_tag(takes_context=True)
def key_name(context: Context, act: str) -> str:
    """Name the key of an act, for a title or aria-keyshortcuts."""
    return hotkeys.shown(_keys(context)[act])


@register.simple_tag(takes_context=True)
def hotkeys_json(context: Context) -> str:
    """Give the keys of all acts to static/js/hotkeys.js."""
    return json.dumps(_keys(context))


def _keys(context: Context) -> dict[str, str]:
    user = context.get("user")
    return hotkeys.active_version(user.hotkeys if isinstance(user, User) else {})
