"""Names and explanations of the leak and shortcut checks, as a run stores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from diagnostics.findings import Finding

Check = Mapping[str, Any]

NAMES: Final[dict[str, Promise]] = {
    "duplicates": gettext_lazy("Same image under two patients"),
    "sources": gettext_lazy("Findings from sources of their own"),
    "header": gettext_lazy("File properties that tell the finding"),
    "border": gettext_lazy("Image border that tells the finding"),
}


def failed_codes(checks: Sequence[Check]) -> list[str]:
    """Return the codes of the checks that failed."""
    return [str(check["code"]) for check in checks if check["status"] == "FAIL"]


def failed_names(checks: Sequence[Check]) -> str:
    """Return the names of the checks that failed, separated by commas."""
    return ", ".join(str(NAMES[code]) for code in failed_codes(checks))


def check_text(check: Check) -> str:
    """Return what one check measured."""
    if check["status"] == "NOT_POSSIBLE":
        return _("Too few radiographs or patients for this check.")
    return {"duplicates": _duplicates, "sources": _sources}.get(check["code"], _probe)(check)


def _duplicates(check: Check) -> str:
    pairs = round(check["value"])
    if not pairs:
        return _("No image belongs to two patients, also not rotated, mirrored, inverted or cropped.")
    return ngettext(
        "%(n)d pair of radiographs of two patients shows the same image.",
        "%(n)d pairs of radiographs of two patients show the same image.",
        pairs,
    ) % {"n": pairs}


def _sources(check: Check) -> str:
    if not check["findings"]:
        return _("Each finding comes mostly from sources that hold other findings too.")
    return _(
        "%(findings)s: less than half of the radiographs come from sources that hold other findings too. "
        "A network can learn the source instead of the finding."
    ) % {"findings": _labels(check["findings"])}


def _probe(check: Check) -> str:
    texts = {
        "header": _("Format, size, device and mean grey predict the finding with AUROC %(value)s%(ci)s."),
        "border": _("The image border alone predicts the finding with AUROC %(value)s%(ci)s."),
    }
    interval = "" if check["low"] is None else f" [{check['low']:.2f}, {check['high']:.2f}]"
    return texts[check["code"]] % {"value": f"{check['value']:.2f}", "ci": interval}


def _labels(findings: Sequence[str]) -> str:
    return ", ".join(str(Finding(label).label) if label in Finding.values else label for label in findings)
