"""The frozen data set, and the promotion gate."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from uuid import UUID

import pytest

from diagnostics.training import promotion_gate, snapshot
from diagnostics.training.promotion_gate import GateVerdict
from diagnostics.training.snapshot import SnapshotEntry
from tests.registry.tiny_network import judged, trust_json

NORTH, SOUTH = UUID(int=1), UUID(int=2)


def entry(number: int, *, patient: str = "MRN-1", site: UUID = NORTH) -> SnapshotEntry:
    return SnapshotEntry(
        label=UUID(int=number),
        case=UUID(int=number),
        imported=False,
        finding="normal",
        path=Path(f"{number}.png"),
        pixel_sha256=f"{number:064x}",
        site=site,
        patient_ref=patient,
        source=str(site),
        view="PA",
    )


def test_the_snapshot_does_not_depend_on_the_order_of_the_radiographs(tmp_path: Path) -> None:
    entries = [entry(3), entry(1), entry(2)]

    first = snapshot.freeze(tmp_path, snapshot.to_lines(entries, secret="s"))
    second = snapshot.freeze(tmp_path, snapshot.to_lines(reversed(entries), secret="s"))

    assert first == second == hashlib.sha256((tmp_path / "snapshot.jsonl").read_bytes()).hexdigest()


def test_a_patient_has_one_pseudonym_for_each_site() -> None:
    images = snapshot.labelled_images([entry(1), entry(2), entry(3, site=SOUTH)], secret="s")

    assert images[0].patient == images[1].patient != images[2].patient
    assert "MRN" not in images[0].patient
    assert images[0].patient != snapshot.labelled_images([entry(1)], secret="other")[0].patient


def test_the_snapshot_identifies_radiographs_by_pixel_hash_and_patients_by_pseudonym() -> None:
    row = json.loads(snapshot.to_lines([entry(7)], secret="s"))

    assert row["radiograph"] == f"{7:064x}"
    assert row["label"] == "normal"
    assert set(row) == {"radiograph", "patient", "label", "reading", "source", "view"}


def test_the_readings_of_a_snapshot_are_restored_only_if_its_hash_matches(tmp_path: Path) -> None:
    sha256 = snapshot.freeze(tmp_path, snapshot.to_lines([entry(1), entry(2)], secret="s"))

    assert snapshot.frozen_labels(tmp_path, sha256=sha256) == frozenset((UUID(int=1), UUID(int=2)))
    (tmp_path / "snapshot.jsonl").write_text("")
    assert snapshot.frozen_labels(tmp_path, sha256=sha256) is None
    assert snapshot.frozen_labels(tmp_path / "nowhere", sha256=sha256) is None


def test_a_candidate_without_a_finding_of_the_active_version_is_rejected() -> None:
    comparison = {"verdict": "accept", "reason": "Better.", "rules": []}

    rejected = promotion_gate.judge(
        comparison,
        candidate_classes=("covid-19", "normal"),
        active_classes=("covid-19", "pneumonia", "normal"),
    )
    accepted = promotion_gate.judge(
        comparison, candidate_classes=("covid-19", "normal", "other"), active_classes=("covid-19", "normal")
    )

    assert rejected.verdict == rejected.comparison["verdict"] == "reject"
    assert "Pneumonia, other" in rejected.reason
    assert (accepted.verdict, accepted.reason) == ("accept", "Better.")


def with_trust(candidate: list[str], active: list[str]) -> GateVerdict:
    passed = GateVerdict({"rules": [], "verdict": "accept", "reason": "Better."}, "accept", "Better.")
    return judged(passed, trust_json(*candidate), trust_json(*active))


@pytest.mark.parametrize(
    ("candidate", "active", "verdict"),
    [
        ([], [], "accept"),
        (["A4"], [], "reject"),
        (["A4"], ["A4"], "reject"),  # of its own data, whatever those of the active version were
        (["B2"], [], "reject"),
        (["B2"], ["B2"], "accept"),
        (["E2"], [], "reject"),
        (["A7"], [], "accept"),  # neither a data rule of the gate nor blocking
    ],
)
def test_data_checks_and_worse_shortcuts_decide_the_verdict(
    candidate: list[str], active: list[str], verdict: str
) -> None:
    assert with_trust(candidate, active).verdict == verdict


def test_a_missing_trust_report_leaves_the_verdict_open() -> None:
    passed = GateVerdict({"rules": [], "verdict": "accept", "reason": "Better."}, "accept", "Better.")
    verdict = promotion_gate.with_trust_checks(passed, None, None)
    assert verdict.verdict == verdict.comparison["verdict"] == "inconclusive"
    assert [rule["outcome"] for rule in verdict.comparison["rules"]] == ["undecided"] * 3
    assert promotion_gate.with_trust_checks(promotion_gate.NO_COMPARISON, None, None).verdict == "none"


@pytest.mark.parametrize(
    ("difference", "outcome", "verdict"),
    [(None, "kept", "accept"), (0.0001, "kept", "accept"), (0.000101, "broken", "reject")],
)
def test_a_version_whose_served_probabilities_differ_from_the_reference_is_rejected(
    difference: float | None, outcome: str, verdict: str
) -> None:
    passed = GateVerdict({"rules": [], "verdict": "accept", "reason": "Better."}, "accept", "Better.")

    judged_again = promotion_gate.with_reproduction(passed, difference)

    (rule,) = judged_again.comparison["rules"]
    assert (rule["name"], rule["outcome"]) == ("reproduction", outcome)
    assert judged_again.verdict == judged_again.comparison["verdict"] == verdict
