"""Evidence packs as downloads whose names contain nothing of the patient."""

from __future__ import annotations

from typing import TypeVar

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from diagnostics.monitoring.presenters.case_evidence_pdf import case_evidence_pdf
from diagnostics.monitoring.services.case_evidence import CaseEvidence
from diagnostics.monitoring.services.evidence_archive import json_bytes
from diagnostics.monitoring.services.version_evidence import VersionEvidence

R = TypeVar("R", bound=HttpResponseBase)


def version_zip(evidence: VersionEvidence) -> StreamingHttpResponse:
    """Return the evidence pack of a version as a streamed ZIP."""
    response = StreamingHttpResponse(evidence.chunks(), content_type="application/zip")
    return _download(response, f"evidence-{evidence.version}.zip")


def case_json(evidence: CaseEvidence) -> HttpResponse:
    """Return the evidence of a case as JSON."""
    response = HttpResponse(json_bytes(evidence.content), content_type="application/json")
    return _download(response, f"evidence-{evidence.case.pk}.json")


def case_pdf(evidence: CaseEvidence) -> HttpResponse:
    """Return the evidence of a case as PDF."""
    response = HttpResponse(case_evidence_pdf(evidence), content_type="application/pdf")
    return _download(response, f"evidence-{evidence.case.pk}.pdf")


def _download(response: R, name: str) -> R:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response
