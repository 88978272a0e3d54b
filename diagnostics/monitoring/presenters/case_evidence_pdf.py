"""The PDF of a case's evidence; its text is the JSON of the same export, whose SHA-256 it names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer

from diagnostics.cases.presenters.prediction import finding_label
from diagnostics.monitoring.services.case_evidence import CaseEvidence
from diagnostics.monitoring.services.evidence_archive import json_bytes
from diagnostics.registry.presenters.metrics import Fact
from diagnostics.review.presenters.pdf_parts import COLUMN, document, facts, heading, image, paragraph

WIDTH: Final = 2 * COLUMN
Json = Mapping[str, Any]


def case_evidence_pdf(evidence: CaseEvidence) -> bytes:
    """Return the evidence of a case as PDF; the same facts give the same bytes."""
    title = _("Evidence of case %(id)s") % {"id": evidence.case.pk}  # no accession number
    return document(title, _content(title, evidence), reproducible=True)


def _content(title: str, evidence: CaseEvidence) -> Iterable[Flowable]:
    content = evidence.content
    yield paragraph(title, "title")
    yield paragraph(_("Research use only. Not for diagnosis."), "strong")
    sha256 = hashlib.sha256(json_bytes(content)).hexdigest()
    yield paragraph(_("SHA-256 of the evidence as JSON: %(sha256)s") % {"sha256": sha256}, "quiet")
    yield from _section(_("Case"), content["case"])
    yield from _section(_("Radiograph"), content["radiograph"])
    for result in content["ai_results"]:
        yield from _ai_result(result)
    yield from _heatmap(evidence)
    for number, reading in enumerate(content["readings"], start=1):
        yield from _section(_("Reading %(n)d") % {"n": number}, _flat(reading))
    for name, label in (("ai_results_shown", _("AI results shown")), ("claims", _("Claims"))):
        yield from _list(label, content[name])
    yield from _list(_("RT-PCR results"), content["pcr_results"])
    yield from _list(_("Audit log"), [_event(each) for each in content["events"]])


def _ai_result(result: Json) -> Iterable[Flowable]:
    version = result["version"] or {}
    title = _("AI result of %(version)s") % {"version": version.get("name", "-")}
    points = result["operating_points"]
    scores = {
        finding_label(name): _score(value, points.get(name))
        for name, value in result["probabilities"].items()
    }
    names = (
        "outcome",
        "finding",
        "queued_at",
        "started_at",
        "finished_at",
        "quality_code",
        "override_reason",
    )
    rest = {name: result[name] for name in names}
    heatmap = {name: result["heatmap"][name] for name in ("method", "heatmap_sha256", "overlay_sha256")}
    yield heading(title)
    if version.get("gate_overridden_at"):
        yield paragraph(_("Promoted in spite of the gate"), "strong")
    yield _rows(scores | _flat({"version": version}) | rest | heatmap)


def _score(value: float, threshold: float | None) -> str:
    if threshold is None:
        return f"{value:.4f}"
    return _("%(value).4f (threshold %(threshold).4f)") % {"value": value, "threshold": threshold}


def _heatmap(evidence: CaseEvidence) -> Iterable[Flowable]:
    if evidence.overlay:
        yield Spacer(0, 3 * mm)
        yield image(evidence.overlay)
        yield paragraph(_("Radiograph and heatmap of the newest AI result."), "quiet")
    elif evidence.content["ai_results"]:
        yield paragraph(_("The heatmap is not available."), "quiet")


def _section(title: str, values: Json) -> Iterable[Flowable]:
    yield heading(title)
    yield _rows(values)


def _list(title: str, entries: Iterable[Json]) -> Iterable[Flowable]:
    lines = [", ".join(f"{name}: {value}" for name, value in _flat(each).items()) for each in entries]
    if lines:
        yield heading(title)
    for line in lines:
        yield paragraph(line, "text")


def _event(event: Json) -> Json:
    return {name: event.get(name) for name in ("at", "username", "action", "position", "hash")}


def _rows(values: Json) -> Flowable:
    given = {name: value for name, value in values.items() if value not in ("", None, {}, [])}
    return facts([Fact(name.replace("_", " "), str(value)) for name, value in given.items()], WIDTH)


def _flat(values: Json) -> dict[str, Any]:
    """Return nested values by their joined names, without empty ones."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= {f"{name} {inner}": each for inner, each in _flat(value).items()}
        elif value not in ("", None, [], {}):
            flat[name] = value
    return flat
