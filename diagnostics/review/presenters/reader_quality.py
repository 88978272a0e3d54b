"""Reader quality as values for its template: estimates with intervals, as text."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.review.proportion import MIN_CASES, Proportion
from diagnostics.review.selectors.automation_bias import AutomationBias
from diagnostics.review.selectors.model_performance import ModelPerformance
from diagnostics.review.selectors.reader_agreement import ReaderAgreement
from diagnostics.review.selectors.reader_performance import IntraReaderAgreement, ReferencePerformance
from ml.metrics.reader_agreement import Agreement


@dataclass(frozen=True)
class Estimate:
    """An estimate and its 95 % interval; `value` is empty where `note` says why there is none."""

    value: str
    interval: str
    note: str = ""


@dataclass(frozen=True)
class KappaRow:
    """A row of a table of Cohen's kappa."""

    readers: str
    cases: int
    same: int
    kappa: Estimate


@dataclass(frozen=True)
class ProportionCells:
    """A proportion as 'count / total' and as an estimate."""

    counts: str
    estimate: Estimate


@dataclass(frozen=True)
class ReferenceRow:
    """A reader's performance on reference cases."""

    reader: str
    sensitivity: ProportionCells
    specificity: ProportionCells
    cannot_judge: int


def inter_reader(agreement: ReaderAgreement) -> dict[str, Any] | None:
    """Return inter-reader agreement for the page; None without a case that two readers have read."""
    if not agreement.alpha.cases:
        return None
    too_few = _("Fewer than %(n)s radiographs: the estimates are unreliable.") % {"n": MIN_CASES}
    return {
        "alpha": kappa_estimate(agreement.alpha),
        "alpha_text": _alpha_text(agreement.alpha),
        "fleiss_text": "" if isnan(agreement.fleiss.value) else _fleiss_text(agreement.fleiss),
        "warning": too_few if agreement.too_few else "",
        "pairs": [
            KappaRow(f"{pair.first}, {pair.second}", pair.kappa.cases, pair.same, kappa_estimate(pair.kappa))
            for pair in agreement.pairs
        ],
    }


def intra_reader(rows: list[IntraReaderAgreement]) -> list[KappaRow]:
    """Return intra-reader agreement for the page; no kappa for too few cases."""
    return [
        KappaRow(row.reader, row.kappa.cases, row.same, kappa_estimate(row.kappa, at_least=MIN_CASES))
        for row in rows
    ]


def reference_rows(rows: list[ReferencePerformance]) -> list[ReferenceRow]:
    """Return reader performance on reference cases for the page."""
    return [
        ReferenceRow(
            row.reader,
            proportion_cells(row.sensitivity),
            proportion_cells(row.specificity),
            row.cannot_judge,
        )
        for row in rows
    ]


def ai_effect(bias: AutomationBias) -> dict[str, Any] | None:
    """Return the effect of AI on readings for the page; None without an AI-assisted reading."""
    if not bias.assisted:
        return None
    lead = ngettext(
        "changed, of %(n)s AI-assisted reading", "changed, of %(n)s AI-assisted readings", bias.assisted
    ) % {"n": bias.assisted}
    misled = _("%(n)s of %(total)s") % {"n": bias.misled, "total": bias.correct_against_wrong_ai}
    return {
        "changed": bias.changed,
        "lead": lead,
        "rows": [
            (_("AI result differs from the first reading"), bias.contradicted),
            (_("Changed to the final finding"), bias.towards_final),
            (_("Changed away from the final finding"), bias.away_from_final),
            (_("Automation bias: correct first reading changed after a wrong AI result"), misled),
        ],
    }


def model_rows(performance: ModelPerformance) -> list[tuple[str, ProportionCells]]:
    """Return model performance for the page; no rows without a final, randomly drawn case."""
    if not (performance.sensitivity.total or performance.specificity.total):
        return []
    return [
        (_("Sensitivity for COVID-19"), proportion_cells(performance.sensitivity)),
        (_("Specificity for COVID-19"), proportion_cells(performance.specificity)),
    ]


def kappa_estimate(agreement: Agreement, *, at_least: int = 0) -> Estimate:
    """Return a chance-corrected agreement as text; undefined where all findings are the same."""
    if agreement.cases < at_least:
        return Estimate("", "", _("too few"))
    if isnan(agreement.value):
        return Estimate("", "", _("undefined: all findings are the same"))
    return Estimate(f"{agreement.value:.2f}", _interval(agreement.interval))


def proportion_cells(proportion: Proportion) -> ProportionCells:
    """Return a proportion as text; no estimate for too few cases."""
    counts = f"{proportion.count} / {proportion.total}"
    if proportion.too_few:
        return ProportionCells(counts, Estimate("", "", _("too few")))
    return ProportionCells(counts, Estimate(f"{proportion.value:.2f}", _interval(proportion.interval)))


def _interval(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.2f} \N{EN DASH} {interval[1]:.2f}"


def _alpha_text(alpha: Agreement) -> str:
    return ngettext(
        "Krippendorff's alpha, 95 %% interval %(low).2f to %(high).2f, %(n)s radiograph read more than once",
        "Krippendorff's alpha, 95 %% interval %(low).2f to %(high).2f, %(n)s radiographs read more than once",
        alpha.cases,
    ) % {"low": alpha.interval[0], "high": alpha.interval[1], "n": alpha.cases}


def _fleiss_text(fleiss: Agreement) -> str:
    return ngettext(
        "Fleiss' kappa %(value).2f, %(low).2f to %(high).2f, %(n)s radiograph read twice",
        "Fleiss' kappa %(value).2f, %(low).2f to %(high).2f, %(n)s radiographs read twice",
        fleiss.cases,
    ) % {
        "value": fleiss.value,
        "low": fleiss.interval[0],
        "high": fleiss.interval[1],
        "n": fleiss.cases,
    }
