"""Withdrawn cases leave the agreement matrix of a shadow run in the evidence pack."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from diagnostics.accounts.models import User
from diagnostics.cases.services.corrections import correct
from diagnostics.monitoring.selectors.version_evidence import shadow_of
from diagnostics.monitoring.services import shadow
from diagnostics.registry.models import ModelVersion
from tests.monitoring.conftest import Classified, register
from tests.monitoring.shadow import score, scores


def test_a_withdrawn_case_is_not_in_the_agreement_matrix(
    active: ModelVersion, bundle_store: Path, classified: Classified, administrator: User, now: datetime
) -> None:
    version = register(bundle_store / "tiny", now, by=None)
    run = shadow.start(version=version, by=administrator, now=now)
    kept, withdrawn = classified(0.9), classified(0.9)
    for prediction in (kept, withdrawn):
        score(run, prediction, scores(0.2))

    correct(case=withdrawn.case, kind="withdraw", reason="wrong patient", by=administrator, now=now)

    (stored,) = shadow_of(version)
    assert stored["matrix"] == [{"active": "covid-19", "shadow": "normal", "cases": 1}]
