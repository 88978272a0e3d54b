"""The promotion gate: the verdict on a candidate, from two sets of rules.

Here: no finding of the active version may be missing. In `ml/metrics/comparison.py`: sensitivity, accuracy
and AUROC on the same test patients must not be worse. What a user needs to promote a candidate (permission,
reason, override after a rejection, intact files) is checked by `promote` in diagnostics/registry/services.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from diagnostics.findings import Finding
from diagnostics.registry.models import Verdict


@dataclass(frozen=True)
class GateVerdict:
    """The stored comparison with the active version, its verdict and the reason."""

    comparison: dict[str, Any]
    verdict: str
    reason: str


NO_COMPARISON = GateVerdict({}, Verdict.NONE.value, "")


def judge(
    comparison: Mapping[str, Any], *, candidate_classes: Sequence[str], active_classes: Sequence[str]
) -> GateVerdict:
    """Return the comparison's verdict; reject a candidate without a finding of the active version."""
    stored = dict(comparison)
    missing = [label for label in active_classes if label not in candidate_classes]
    if not missing:
        return GateVerdict(stored, str(stored["verdict"]), str(stored["reason"]))
    findings = ", ".join(str(Finding(label).label) if label in Finding.values else label for label in missing)
    reason = _("The candidate does not recognise %(findings)s, unlike the active version.") % {
        "findings": findings
    }
    rule = {"name": "findings", "outcome": "broken", "detail": reason}
    stored |= {"rules": [*stored.get("rules", []), rule], "verdict": Verdict.REJECT.value, "reason": reason}
    return GateVerdict(stored, Verdict.REJECT.value, reason)
