"""A tiny network trained on 10 radiographs: it finds no COVID-19 where the active version finds each."""

from __future__ import annotations

from typing import Any, Final

from diagnostics.accounts.models import User
from diagnostics.registry import trust_report
from diagnostics.registry.models import ModelVersion
from diagnostics.training import promotion_gate
from diagnostics.training.promotion_gate import GateVerdict
from ml.metrics.comparison import compare
from ml.metrics.curves import summary_with_curves
from ml.trust.catalogue import CHECK_ORDER
from tests.ml.evaluations import evaluation_with_errors
from tests.registry.conftest import Register

TEST_SET: Final = ["covid-19"] * 3 + ["normal"] * 7
FAILED: Final = ("A4", "A5", "B4")


def trust_json(*failed: str) -> dict[str, Any]:
    """Return a stored trust report in which the given checks failed and all others passed."""
    checks = [
        {
            "id": spec.id,
            "name": spec.name,
            "blocking": spec.blocking,
            "status": "FAIL" if spec.id in failed else "PASS",
            "summary": f"Summary of {spec.id}.",
        }
        for spec in CHECK_ORDER
    ]
    verdict = "research only" if failed else "passed"
    return {"verdict": verdict, "failed": list(failed), "checks": checks}


def register_tiny_network(register: Register, *, by: User | None = None) -> ModelVersion:
    """Register it with the verdict of the promotion gate."""
    candidate = evaluation_with_errors(labels=TEST_SET, wrong=[0, 1, 2], version="v2")
    active = evaluation_with_errors(labels=TEST_SET)
    classes = candidate.classes
    compared = compare(candidate, active).to_json()
    gate = promotion_gate.judge(compared, candidate_classes=classes, active_classes=classes)
    gate = judged(gate, trust_json(*FAILED), trust_json())
    metrics = {"test": summary_with_curves(candidate)}
    return register(
        gate.verdict, comparison=gate.comparison, report=trust_json(*FAILED), metrics=metrics, by=by
    )


def judged(gate: GateVerdict, candidate: dict[str, Any], active: dict[str, Any]) -> GateVerdict:
    """Return a verdict with the rules on two trust reports."""
    reports = [trust_report.parse_report(stored) for stored in (candidate, active)]
    return promotion_gate.with_trust_checks(gate, *reports)
