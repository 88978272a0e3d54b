"""The PDF of a report (docs/adr/0029-report.md)."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpResponse
from django.utils.translation import gettext as _
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Spacer, Table

from diagnostics.cases.models import Case
from diagnostics.review.presenters.pdf_parts import (
    COLUMN,
    GAP,
    LINE,
    columns,
    document,
    facts,
    heading,
    image,
    paragraph,
)
from diagnostics.review.presenters.report import AiResult, ReadingText, ReportText, SignedReading


def report_pdf(text: ReportText, *, heatmap: bytes | None) -> bytes:
    """Return a report as PDF; `heatmap` is the PNG of radiograph and heatmap, None where there is none."""
    return document(text.title, [*_reading_part(text), Spacer(0, 6 * mm), _ai_box(text, heatmap)])


def report_download(case: Case, text: ReportText, *, heatmap: bytes | None) -> HttpResponse:
    """Return the PDF as a download whose name contains nothing of the patient."""
    response = HttpResponse(report_pdf(text, heatmap=heatmap), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="report-{case.pk}.pdf"'
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _reading_part(text: ReportText) -> Iterable[Flowable]:
    yield paragraph(text.title, "title")
    yield paragraph(text.status, "quiet")
    patient = [heading(_("Patient")), facts(text.patient, COLUMN)]
    study = [heading(_("Study")), facts(text.study, COLUMN)]
    yield Spacer(0, 3 * mm)
    yield columns(patient, study)
    yield heading(_("Finding"))
    yield paragraph(text.finding, "finding")
    yield paragraph(text.basis, "quiet")
    for reading in text.readings:
        yield from _reading(reading)


def _reading(reading: SignedReading) -> Iterable[Flowable]:
    yield from _reading_lines(reading.current)
    if reading.earlier:
        yield paragraph(_("Superseded by the amendment above:"), "quiet")
    for earlier in reading.earlier:
        yield from _reading_lines(earlier, style="quiet")


def _reading_lines(reading: ReadingText, *, style: str = "text") -> Iterable[Flowable]:
    yield Spacer(0, 2 * mm)
    yield paragraph(f"{reading.finding}, {reading.confidence}", style)
    for line in (reading.structured, reading.note):
        if line:
            yield paragraph(line, style)
    if reading.amendment_reason:
        reason = _("Reason for the amendment: %(reason)s") % {"reason": reading.amendment_reason}
        yield paragraph(reason, style)
    yield paragraph(reading.signed, "quiet")


def _ai_box(text: ReportText, heatmap: bytes | None) -> Flowable:
    """Return the AI result in a frame, so that it is not taken for the reading."""
    content = [*_ai_result(text.ai, heatmap)] if text.ai else [paragraph(text.no_ai, "text")]
    disclaimer = paragraph(text.disclaimer, "strong")
    box = Table([[[*content, Spacer(0, 2 * mm), disclaimer]]], colWidths=[2 * COLUMN + 12], hAlign="LEFT")
    box.setStyle([("BOX", (0, 0), (-1, -1), 0.8, LINE)])
    return KeepTogether([box])


def _ai_result(ai: AiResult, heatmap: bytes | None) -> Iterable[Flowable]:
    yield paragraph(ai.heading, "heading")
    yield paragraph(ai.headline, "strong")
    values = [
        facts([*ai.scores, *ai.facts], COLUMN - GAP),
        *(paragraph(each, "text") for each in ai.warnings),
    ]
    if heatmap:
        picture = [image(heatmap), paragraph(ai.heatmap_caption, "quiet")]
    else:
        picture = [paragraph(_("The heatmap is not available."), "quiet")]
    yield columns(values, picture)
