"""Mapping of finding and view texts of public collections to the supported findings and views."""

from __future__ import annotations

import re
from typing import Final

from ml.importers.records import Reason

# Only complete parts match, so that 'non-COVID' or 'COVID-19 ruled out' never match COVID-19.
SYNONYMS: Final[dict[str, frozenset[str]]] = {
    "covid-19": frozenset(
        {
            "covid", "covid 19", "covid19", "covid pneumonia", "covid 19 pneumonia", "covid19 pneumonia",
            "sars cov 2", "2019 ncov",
        }
    ),
    # Every other infection of the lung, by type or by pathogen (Cohen's collection names the pathogen).
    "pneumonia": frozenset(
        {
            "pneumonia", "viral", "bacterial", "fungal", "aspiration", "virus", "bacteria",
            "viral pneumonia", "bacterial pneumonia", "fungal pneumonia", "pneumonia other",
            "mycoplasma bacterial pneumonia", "mycoplasma", "aspergillosis", "chlamydophila", "e.coli",
            "h1n1", "herpes", "influenza", "klebsiella", "legionella", "lipoid", "mers", "mers cov", "mrsa",
            "nocardia", "pneumocystis", "sars", "staphylococcus", "streptococcus", "varicella",
        }
    ),
    "normal": frozenset({"normal", "no finding", "no findings", "healthy"}),
    # A sign or another disease. 'Lung opacity' is a sign: RSNA's readers did not label its cause.
    "other": frozenset(
        {
            "other", "other abnormality", "ards", "lung opacity", "tuberculosis", "atelectasis",
            "cardiomegaly", "consolidation", "edema", "effusion", "emphysema", "fibrosis", "hernia",
            "infiltration", "mass", "nodule", "pleural effusion", "pleural thickening", "pneumothorax",
        }
    ),
}  # fmt: skip
NOT_GIVEN: Final = frozenset({"", "todo", "unknown", "none", "nan", "na", "n.a.", "?"})
FINDINGS: Final = {synonym: finding for finding, synonyms in SYNONYMS.items() for synonym in synonyms}
PRECEDENCE: Final = ("covid-19", "pneumonia", "other")

VIEWS: Final = {
    "pa": "PA", "ap": "AP", "ap erect": "AP", "ap supine": "AP Supine", "aps": "AP Supine",
    "l": "LATERAL", "ll": "LATERAL", "rl": "LATERAL", "lateral": "LATERAL",
}  # fmt: skip


def finding_of(text: str) -> str | Reason:
    """Return the finding of a text like 'COVID-19, ARDS' or 'Pneumonia/Viral', or the exclusion reason.

    Each part must be known. COVID-19 takes precedence over pneumonia, and pneumonia over other findings.
    Normal together with another finding is not accepted.
    """
    parts = {_normalised(part) for part in re.split(r"[,/|;+]", text)}
    if parts <= NOT_GIVEN:
        return Reason.FINDING_NOT_GIVEN
    findings = {FINDINGS.get(part, "") for part in parts}
    if findings == {"normal"}:
        return "normal"
    if findings & {"", "normal"}:
        return Reason.FINDING_NOT_KNOWN
    return next(finding for finding in PRECEDENCE if finding in findings)


def view_of(text: str) -> str:
    """Return the view PA, AP, AP Supine or LATERAL; empty if it is none of them."""
    return VIEWS.get(_normalised(text), "")


def _normalised(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text).strip().casefold()
