"""How the review pages show what must not be shown in full."""

from __future__ import annotations

from django import template

from diagnostics.cases import showing

register = template.Library()


@register.filter
def masked(reference: str) -> str:
    """Hide a patient reference but for its last characters."""
    return showing.masked(reference)
