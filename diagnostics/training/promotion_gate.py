"""What the comparison came to, and the one thing it cannot see: a finding the candidate does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from diagnostics.findings import Finding
from diagnostics.registry.models import Verdict
from ml.datasets.patient_split import Exclusion


@dataclass(frozen=True)
class GateVerdict:
    """What is kept of a comparison with the version in force."""

    comparison: dict[str, Any]
    verdict: str
    reason: str


NO_COMPARISON = GateVerdict({}, Verdict.NONE.value, "")


def judge(comparison: Mapping[str, Any], *, knows: Sequence[str], must_know: Sequence[str]) -> GateVerdict:
    """Take over the verdict of ml, unless the candidate has lost a finding of the version in force."""
    found = dict(comparison)
    lost = [label for label in must_know if label not in knows]
    if not lost:
        return GateVerdict(found, str(found["verdict"]), str(found["reason"]))
    words = ", ".join(str(Finding(label).label) if label in Finding.values else label for label in lost)
    reason = _("The candidate cannot tell %(findings)s, which the version in force can.") % {
        "findings": words
    }
    rule = {"name": "findings", "outcome": "broken", "detail": reason}
    found |= {"rules": [*found.get("rules", []), rule], "verdict": Verdict.REJECT.value, "reason": reason}
    return GateVerdict(found, Verdict.REJECT.value, reason)


def left_out(radiographs: Sequence[Exclusion], *, missing: int) -> dict[str, dict[str, int]]:
    """Count the radiographs that took no part: why -> {cases, patients}."""
    cases = Counter(item.reason for item in radiographs)
    counted = {
        why: {
            "cases": n,
            "patients": len({item.radiograph.patient for item in radiographs if item.reason == why}),
        }
        for why, n in cases.items()
    }
    # The patients of radiographs that are gone are not counted: the snapshot does not name them.
    return counted | ({"radiograph_missing": {"cases": missing, "patients": 0}} if missing else {})
