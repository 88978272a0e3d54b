"""The PDF of a report: A4, with title, language and embedded fonts (docs/adr/0029-report.md)."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from django.http import HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from PIL import Image as Picture
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

from diagnostics.cases.models import Case
from diagnostics.review.presenters.report import AiResult, Fact, ReadingText, ReportText, SignedReading

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


def report_pdf(text: ReportText, *, heatmap: bytes | None) -> bytes:
    """Return a report as PDF; `heatmap` is the PNG of radiograph and heatmap, None where there is none."""
    _register_fonts()
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=text.title,
        author="Readroom",
        lang=get_language() or "en",
        displayDocTitle=1,
    )
    document.build([*_reading_part(text), Spacer(0, 6 * mm), _ai_box(text, heatmap)], **_footers(text))
    return file.getvalue()


def report_download(case: Case, text: ReportText, *, heatmap: bytes | None) -> HttpResponse:
    """Return the PDF as a download whose name contains nothing of the patient."""
    response = HttpResponse(report_pdf(text, heatmap=heatmap), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="report-{case.pk}.pdf"'
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _reading_part(text: ReportText) -> Iterable[Flowable]:
    yield _paragraph(text.title, "title")
    yield _paragraph(text.status, "quiet")
    patient = [_heading(_("Patient")), _facts(text.patient, COLUMN)]
    study = [_heading(_("Study")), _facts(text.study, COLUMN)]
    yield Spacer(0, 3 * mm)
    yield _columns(patient, study)
    yield _heading(_("Finding"))
    yield _paragraph(text.finding, "finding")
    yield _paragraph(text.basis, "quiet")
    for reading in text.readings:
        yield from _reading(reading)


def _reading(reading: SignedReading) -> Iterable[Flowable]:
    yield from _reading_lines(reading.current)
    if reading.earlier:
        yield _paragraph(_("Superseded by the amendment above:"), "quiet")
    for earlier in reading.earlier:
        yield from _reading_lines(earlier, style="quiet")


def _reading_lines(reading: ReadingText, *, style: str = "text") -> Iterable[Flowable]:
    yield Spacer(0, 2 * mm)
    yield _paragraph(f"{reading.finding}, {reading.confidence}", style)
    for line in (reading.structured, reading.note):
        if line:
            yield _paragraph(line, style)
    if reading.amendment_reason:
        reason = _("Reason for the amendment: %(reason)s") % {"reason": reading.amendment_reason}
        yield _paragraph(reason, style)
    yield _paragraph(reading.signed, "quiet")


def _ai_box(text: ReportText, heatmap: bytes | None) -> Flowable:
    """Return the AI result in a frame, so that it is not taken for the reading."""
    content = [*_ai_result(text.ai, heatmap)] if text.ai else [_paragraph(text.no_ai, "text")]
    disclaimer = _paragraph(text.disclaimer, "strong")
    box = Table([[[*content, Spacer(0, 2 * mm), disclaimer]]], colWidths=[2 * COLUMN + 12], hAlign="LEFT")
    box.setStyle([("BOX", (0, 0), (-1, -1), 0.8, LINE)])
    return KeepTogether([box])


def _ai_result(ai: AiResult, heatmap: bytes | None) -> Iterable[Flowable]:
    yield _paragraph(ai.heading, "heading")
    yield _paragraph(ai.headline, "strong")
    values = [
        _facts([*ai.scores, *ai.facts], COLUMN - GAP),
        *(_paragraph(each, "text") for each in ai.warnings),
    ]
    if heatmap:
        picture = [_image(heatmap), _paragraph(ai.heatmap_caption, "quiet")]
    else:
        picture = [_paragraph(_("The heatmap is not available."), "quiet")]
    yield _columns(values, picture)


def _columns(left: Sequence[Flowable], right: Sequence[Flowable]) -> Flowable:
    table = Table([[list(left), list(right)]], colWidths=[COLUMN, COLUMN], hAlign="LEFT")
    table.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *NO_PADDING])
    return table


def _image(png: bytes) -> Flowable:
    with Picture.open(io.BytesIO(png)) as picture:
        shown = picture.convert("RGB")
    shown.thumbnail((MAX_IMAGE_SIDE, MAX_IMAGE_SIDE))
    file = io.BytesIO()
    shown.save(file, "JPEG", quality=90)
    file.seek(0)
    return Image(file, width=IMAGE_WIDTH, height=IMAGE_WIDTH * shown.height / shown.width, hAlign="LEFT")


def _facts(facts: Sequence[Fact], width: float) -> Flowable:
    rows = [[_paragraph(fact.label, "quiet"), _paragraph(fact.value, "text")] for fact in facts]
    table = Table(rows, colWidths=[LABEL_WIDTH, width - LABEL_WIDTH], hAlign="LEFT")
    table.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *NO_PADDING])
    return table


def _heading(text: str) -> Flowable:
    return _paragraph(text, "heading")


def _paragraph(text: str, style: str) -> Paragraph:
    lines = escape(_printable(text)).splitlines()
    return Paragraph("<br/>".join(lines), _styles()[style])


def _printable(text: str) -> str:
    """Return the text with a code point in place of each character that the font lacks.

    An empty box in a patient's name would look like any other patient's.
    """
    known = pdfmetrics.getFont(REGULAR).face.charToGlyph
    return "".join(each if each == "\n" or ord(each) in known else f"[U+{ord(each):04X}]" for each in text)


def _footers(text: ReportText) -> dict[str, Any]:
    def draw(canvas: Any, document: Any) -> None:
        canvas.setFont(REGULAR, 8)
        canvas.setFillColor(QUIET)
        page = _("%(title)s, page %(n)s") % {"title": text.title, "n": document.page}
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
def _register_fonts() -> None:
    package = importlib.util.find_spec("matplotlib")  # found, not imported
    if package is None or package.origin is None:
        raise LookupError("matplotlib, which brings the fonts of the report, is not installed")
    fonts = Path(package.origin).parent / "mpl-data" / "fonts" / "ttf"
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, fonts / f"{name}.ttf"))
