"""The one table that turns other people's words into the house's findings and views."""

from __future__ import annotations

import re
from typing import Final

from ml.importers.records import Reason

# Only a whole part counts, so that 'non-COVID' or 'COVID-19 ruled out' is never taken for COVID-19.
SYNONYMS: Final[dict[str, frozenset[str]]] = {
    "covid-19": frozenset(
        {
            "covid", "covid 19", "covid19", "covid pneumonia", "covid 19 pneumonia", "covid19 pneumonia",
            "sars cov 2", "2019 ncov",
        }
    ),
    # Every other infection of the lung, by its kind or by its germ (Cohen's collection names the germ).
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
    # A sign or another disease. 'Lung opacity' stands here: RSNA's readers marked a sign, not its cause.
    "other": frozenset(
        {
            "other", "other abnormality", "ards", "lung opacity", "tuberculosis", "atelectasis",
            "cardiomegaly", "consolidation", "edema", "effusion", "emphysema", "fibrosis", "hernia",
            "infiltration", "mass", "nodule", "pleural effusion", "pleural thickening", "pneumothorax",
        }
    ),
}  # fmt: skip
NOT_GIVEN: Final = frozenset({"", "todo", "unknown", "none", "nan", "na", "n.a.", "?"})
FINDINGS: Final = {word: finding for finding, words in SYNONYMS.items() for word in words}
STRONGEST_FIRST: Final = ("covid-19", "pneumonia", "other")

VIEWS: Final = {
    "pa": "PA", "ap": "AP", "ap erect": "AP", "ap supine": "AP Supine", "aps": "AP Supine",
    "l": "LATERAL", "ll": "LATERAL", "rl": "LATERAL", "lateral": "LATERAL",
}  # fmt: skip


def finding_of(text: str) -> str | Reason:
    """Translate 'COVID-19', 'COVID-19, ARDS' or 'Pneumonia/Viral/COVID-19', or say why it cannot be.

    Each part must be known. COVID-19 outweighs pneumonia, and that any other finding; nothing is normal and
    ill at once.
    """
    parts = {_plain(part) for part in re.split(r"[,/|;+]", text)}
    if parts <= NOT_GIVEN:
        return Reason.FINDING_NOT_GIVEN
    findings = {FINDINGS.get(part, "") for part in parts}
    if findings == {"normal"}:
        return "normal"
    if findings & {"", "normal"}:
        return Reason.FINDING_NOT_KNOWN
    return next(finding for finding in STRONGEST_FIRST if finding in findings)


def view_of(text: str) -> str:
    """Translate a view into PA, AP, AP Supine or LATERAL; empty if it is none of them."""
    return VIEWS.get(_plain(text), "")


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text).strip().casefold()
