"""The model card as HTML: Markdown without raw HTML and without images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.token import Token

from diagnostics.registry.models import Promotion

HEADINGS_DOWN: Final = 2  # the page has the h1, the panel the h2
LAST_HEADING: Final = 6


def card_html(markdown: str) -> SafeString:
    """Return a model card as HTML in which markup of the card itself is escaped."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", _close_table)
    tokens = parser.parse(markdown)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(LAST_HEADING, int(token.tag[1]) + HEADINGS_DOWN)}"
    # Safe: the parser escapes raw HTML and refuses links to scripts.
    return mark_safe(parser.renderer.render(tokens, parser.options, {}))  # noqa: S308  # nosec B308 B703


def approval(promotions: Iterable[Promotion]) -> str:
    """Return the section of a model card about the version's promotions (Markdown); empty without one."""
    lines = [_approved(promotion) for promotion in promotions if not promotion.roll_back]
    return "\n".join(["", "", "## " + _("Approval"), "", *lines, ""]) if lines else ""


def _approved(promotion: Promotion) -> str:
    by = promotion.by.username if promotion.by else _("installation")
    parts = [f"- {promotion.since:%Y-%m-%d %H:%M} UTC, {by}"]
    if promotion.override:
        names = ", ".join(map(str, promotion.acknowledged))
        parts.append(_("**Promoted in spite of the gate.** Acknowledged: %(names)s") % {"names": names})
    if choice := promotion.operating_choice:
        values = {"threshold": f"{choice['threshold']:.3f}", "finding": choice["finding"]}
        parts.append(_("threshold %(threshold)s for %(finding)s") % values)
    if promotion.one_person:
        parts.append(_("approved by the user who requested the training (one-person site)"))
    return "; ".join(parts)


def _open_table(_renderer: object, _tokens: list[Token], _index: int, _options: object, _env: Any) -> str:
    return (
        '<div class="rr-scroll" tabindex="0" role="region" aria-label="Table"><table class="table rr-table">'
    )


def _close_table(_renderer: object, _tokens: list[Token], _index: int, _options: object, _env: Any) -> str:
    return "</table></div>"
