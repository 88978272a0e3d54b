"""The promotion gate: the verdict on a candidate, from three sets of rules.

In `ml/metrics/comparison.py`: the metrics on the same test patients. Here: no finding of the active version
may be missing, the data checks A1 to A4 of the trust report must not fail, no shortcut check may be worse
than that of the active version, the prediction sets must contain the finding as often as stated (E2), and
what serves must reproduce the reference's probabilities. What a user needs to promote a candidate is in
`diagnostics/registry/services/promotions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from diagnostics.findings import Finding
from diagnostics.registry.models import Verdict
from diagnostics.registry.trust_report import TrustReport
from ml.trust.catalogue import (
    BORDER_PROBE,
    CONFORMAL_COVERAGE,
    EXACT_DUPLICATES,
    LABEL_CONFLICTS,
    LUNG_OCCLUSION,
    NEAR_DUPLICATES,
    NO_LUNG_RATIO,
    PATIENT_SPLIT,
    SOURCE_HELD_OUT,
)

DATA_CHECKS: Final = (PATIENT_SPLIT, EXACT_DUPLICATES, NEAR_DUPLICATES, LABEL_CONFLICTS)
SHORTCUT_CHECKS: Final = (BORDER_PROBE, NO_LUNG_RATIO, LUNG_OCCLUSION, SOURCE_HELD_OUT)
REPRODUCTION: Final = 1e-4  # largest difference of a probability on the fixed inputs
RANK: Final = {"PASS": 0, "WARN": 1, "NOT_POSSIBLE": 1, "FAIL": 2}
VERDICT_OF: Final = (("broken", Verdict.REJECT), ("undecided", Verdict.INCONCLUSIVE))

Rule = dict[str, Any]


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


def with_trust_checks(
    gate: GateVerdict, report: TrustReport | None, active: TrustReport | None
) -> GateVerdict:
    """Add the rules on the candidate's trust report, and the verdict of all rules together."""
    return _with_rules(gate, [_data_rule(report), _shortcut_rule(report, active), _conformal_rule(report)])


def with_reproduction(gate: GateVerdict, difference: float | None) -> GateVerdict:
    """Add the rule on the serving engine and the verdict of all rules together.

    `difference` is the largest one between a served probability and the reference's; None where the reference
    itself serves.
    """
    return _with_rules(gate, [_reproduction_rule(difference)])


def _with_rules(gate: GateVerdict, added: Sequence[Rule]) -> GateVerdict:
    if gate.verdict == Verdict.NONE:
        return gate
    rules = [*gate.comparison.get("rules", []), *added]
    verdict = _verdict([str(rule["outcome"]) for rule in rules], otherwise=gate.verdict)
    decisive = [
        rule["detail"]
        for outcome, each in VERDICT_OF
        if each == verdict
        for rule in added
        if rule["outcome"] == outcome
    ]
    kept = [gate.reason] if verdict == gate.verdict else []
    reason = " ".join([*kept, *decisive])
    return GateVerdict(
        gate.comparison | {"rules": rules, "verdict": verdict, "reason": reason}, verdict, reason
    )


def _verdict(outcomes: Sequence[str], *, otherwise: str) -> str:
    return next((verdict.value for outcome, verdict in VERDICT_OF if outcome in outcomes), otherwise)


def _data_rule(report: TrustReport | None) -> Rule:
    ranks = {spec.id: _rank(report, spec.id) for spec in DATA_CHECKS}
    failed = [check for check, rank in ranks.items() if rank == RANK["FAIL"]]
    missing = [spec.id for spec in DATA_CHECKS if _status(report, spec.id) in ("", "NOT_POSSIBLE")]
    if failed:
        detail = _("Failed: %(checks)s.") % {"checks": ", ".join(failed)}
        return {"name": "data", "outcome": "broken", "detail": detail}
    if missing:
        detail = _("Not possible or not run: %(checks)s.") % {"checks": ", ".join(missing)}
        return {"name": "data", "outcome": "undecided", "detail": detail}
    return {"name": "data", "outcome": "kept", "detail": _("None of A1 to A4 failed.")}


def _shortcut_rule(report: TrustReport | None, active: TrustReport | None) -> Rule:
    ids = [spec.id for spec in SHORTCUT_CHECKS]
    if any(not _status(each, check) for each in (report, active) for check in ids):
        detail = _("A trust report without the checks B1 to B4: they cannot be compared.")
        return {"name": "shortcuts", "outcome": "undecided", "detail": detail}
    worse = [check for check in ids if _rank(report, check) > _rank(active, check)]
    if not worse:
        return {"name": "shortcuts", "outcome": "kept", "detail": _("None of B1 to B4 is worse.")}
    detail = _("Worse than for the active version: %(checks)s.") % {"checks": ", ".join(worse)}
    return {"name": "shortcuts", "outcome": "broken", "detail": detail}


def _conformal_rule(report: TrustReport | None) -> Rule:
    """Judge whether the prediction sets contain the known finding as often as stated, by check E2."""
    check = report.check(CONFORMAL_COVERAGE.id) if report else None
    if check is None or check.status == "NOT_POSSIBLE":
        detail = _("Check E2 was not run or was not possible.")
        return {"name": "conformal", "outcome": "undecided", "detail": detail}
    outcome = "kept" if check.status == "PASS" else "broken"
    figures = {"value": check.value, "n": check.n}
    return {"name": "conformal", "outcome": outcome, "detail": check.summary} | figures


def _reproduction_rule(difference: float | None) -> Rule:
    if difference is None:
        detail = _("TensorFlow serves this version; it is the reference.")
        return {"name": "reproduction", "outcome": "kept", "detail": detail}
    outcome = "kept" if difference <= REPRODUCTION else "broken"
    detail = _("Largest difference between a served probability and the reference: %(difference)s.") % {
        "difference": f"{difference:.1e}"
    }
    figures = {"value": difference, "threshold": REPRODUCTION}
    return {"name": "reproduction", "outcome": outcome, "detail": detail} | figures


def _status(report: TrustReport | None, check_id: str) -> str:
    check = report.check(check_id) if report else None
    return check.status if check else ""


def _rank(report: TrustReport | None, check_id: str) -> int:
    check = report.check(check_id) if report else None
    return 0 if check is None else RANK["FAIL"] if check.failed else RANK.get(check.status, 0)
