"""The model card as HTML: Markdown without raw HTML and without images."""

from __future__ import annotations

from typing import Any, Final

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

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


def _open_table(_renderer: object, _tokens: list[Token], _index: int, _options: object, _env: Any) -> str:
    return (
        '<div class="rr-scroll" tabindex="0" role="region" aria-label="Table"><table class="table rr-table">'
    )


def _close_table(_renderer: object, _tokens: list[Token], _index: int, _options: object, _env: Any) -> str:
    return "</table></div>"
