"""Parts of a PDF on A4: embedded fonts, paragraphs, facts, columns, images (docs/adr/0029-report.md)."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol
from xml.sax.saxutils import escape

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from PIL import Image as Picture
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Image, Paragraph, SimpleDocTemplate, Table

REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"  # Latin, Greek and Cyrillic; they come with matplotlib
MARGIN: Final = 18 * mm
MAX_IMAGE_SIDE: Final = 1200  # pixels: 300 dpi at the printed width
IMAGE_WIDTH: Final = 76 * mm
LABEL_WIDTH: Final = 36 * mm
GAP: Final = 4 * mm
COLUMN: Final = (A4[0] - 2 * MARGIN - 12) / 2  # half of the page, within the padding of its frame
NO_PADDING: Final = [(f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
QUIET: Final = HexColor("#555555")
LINE: Final = HexColor("#888888")


class LabelledValue(Protocol):
    """A label and its value."""

    @property
    def label(self) -> str: ...

    @property
    def value(self) -> str: ...


def document(title: str, content: Iterable[Flowable], *, reproducible: bool = False) -> bytes:
    """Return a PDF with the title in its properties and on each page; a reproducible one has no date."""
    register_fonts()
    file = io.BytesIO()
    template = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=title,
        author="Readroom",
        lang=get_language() or "en",
        displayDocTitle=1,
        invariant=int(reproducible),
    )
    template.build(list(content), **_footers(title))
    return file.getvalue()


def columns(left: Sequence[Flowable], right: Sequence[Flowable]) -> Flowable:
    """Return two columns side by side."""
    table = Table([[list(left), list(right)]], colWidths=[COLUMN, COLUMN], hAlign="LEFT")
    table.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *NO_PADDING])
    return table


def image(png: bytes) -> Flowable:
    """Return a PNG at the printed width."""
    with Picture.open(io.BytesIO(png)) as picture:
        shown = picture.convert("RGB")
    shown.thumbnail((MAX_IMAGE_SIDE, MAX_IMAGE_SIDE))
    file = io.BytesIO()
    shown.save(file, "JPEG", quality=90)
    file.seek(0)
    return Image(file, width=IMAGE_WIDTH, height=IMAGE_WIDTH * shown.height / shown.width, hAlign="LEFT")


def facts(facts: Sequence[LabelledValue], width: float) -> Flowable:
    """Return labels and values as two columns of a width."""
    rows = [[paragraph(fact.label, "quiet"), paragraph(fact.value, "text")] for fact in facts]
    table = Table(rows, colWidths=[LABEL_WIDTH, width - LABEL_WIDTH], hAlign="LEFT")
    table.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *NO_PADDING])
    return table


def heading(text: str) -> Flowable:
    """Return a heading."""
    return paragraph(text, "heading")


def paragraph(text: str, style: str) -> Paragraph:
    """Return text in a style: text, quiet, strong, finding, heading or title."""
    register_fonts()
    lines = escape(_printable(text)).splitlines()
    return Paragraph("<br/>".join(lines), _styles()[style])


def _printable(text: str) -> str:
    """Return the text with a code point in place of each character that the font lacks.

    An empty box in a patient's name would look like any other patient's.
    """
    known = pdfmetrics.getFont(REGULAR).face.charToGlyph
    return "".join(each if each == "\n" or ord(each) in known else f"[U+{ord(each):04X}]" for each in text)


def _footers(title: str) -> dict[str, Any]:
    def draw(canvas: Any, document: Any) -> None:
        canvas.setFont(REGULAR, 8)
        canvas.setFillColor(QUIET)
        page = _("%(title)s, page %(n)s") % {"title": title, "n": document.page}
        canvas.drawString(MARGIN, 10 * mm, _printable(page))

    return {"onFirstPage": draw, "onLaterPages": draw}


@lru_cache(maxsize=1)
def _styles() -> dict[str, ParagraphStyle]:
    text = ParagraphStyle("text", fontName=REGULAR, fontSize=9.5, leading=13)
    return {
        "text": text,
        "quiet": ParagraphStyle("quiet", parent=text, textColor=QUIET),
        "strong": ParagraphStyle("strong", parent=text, fontName=BOLD),
        "finding": ParagraphStyle("finding", parent=text, fontName=BOLD, fontSize=12, leading=16),
        "heading": ParagraphStyle(
            "heading", parent=text, fontName=BOLD, fontSize=10.5, leading=14, spaceBefore=8
        ),
        "title": ParagraphStyle("title", parent=text, fontName=BOLD, fontSize=15, leading=19),
    }


@lru_cache(maxsize=1)
def register_fonts() -> None:
    """Register the fonts once."""
    package = importlib.util.find_spec("matplotlib")  # found, not imported
    if package is None or package.origin is None:
        raise LookupError("matplotlib, which brings the fonts of the report, is not installed")
    fonts = Path(package.origin).parent / "mpl-data" / "fonts" / "ttf"
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, fonts / f"{name}.ttf"))
