"""The frozen data set and the one verdict that is the hospital's own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from uuid import UUID

from diagnostics.training import promotion_gate, snapshot
from diagnostics.training.snapshot import SnapshotEntry

NORTH, SOUTH = UUID(int=1), UUID(int=2)


def signed(number: int, *, patient: str = "MRN-1", site: UUID = NORTH) -> SnapshotEntry:
    return SnapshotEntry(
        label=UUID(int=number),
        imported=False,
        finding="normal",
        path=Path(f"{number}.png"),
        pixel_sha256=f"{number:064x}",
        site=site,
        patient_ref=patient,
        source=str(site),
        view="PA",
    )


def test_the_same_radiographs_in_another_order_have_the_same_snapshot(tmp_path: Path) -> None:
    radiographs = [signed(3), signed(1), signed(2)]

    first = snapshot.freeze(tmp_path, snapshot.lines(radiographs, secret="s"))
    second = snapshot.freeze(tmp_path, snapshot.lines(reversed(radiographs), secret="s"))

    assert first == second == hashlib.sha256((tmp_path / "snapshot.jsonl").read_bytes()).hexdigest()


def test_a_patient_is_one_pseudonym_per_site_that_tells_nothing() -> None:
    rows = snapshot.labelled([signed(1), signed(2), signed(3, site=SOUTH)], secret="s")

    assert rows[0].patient == rows[1].patient != rows[2].patient
    assert "MRN" not in rows[0].patient
    assert rows[0].patient != snapshot.labelled([signed(1)], secret="other")[0].patient


def test_the_snapshot_names_radiographs_by_their_pixels_and_patients_by_pseudonym() -> None:
    row = json.loads(snapshot.lines([signed(7)], secret="s"))

    assert row["radiograph"] == f"{7:064x}"
    assert row["label"] == "normal"
    assert set(row) == {"radiograph", "patient", "label", "reading", "source", "view"}


def test_a_snapshot_names_its_readings_for_a_further_attempt_unless_it_was_changed(tmp_path: Path) -> None:
    sha256 = snapshot.freeze(tmp_path, snapshot.lines([signed(1), signed(2)], secret="s"))

    assert snapshot.labels(tmp_path, sha256=sha256) == frozenset((UUID(int=1), UUID(int=2)))
    (tmp_path / "snapshot.jsonl").write_text("")
    assert snapshot.labels(tmp_path, sha256=sha256) is None
    assert snapshot.labels(tmp_path / "nowhere", sha256=sha256) is None


def test_a_candidate_that_lost_a_finding_is_rejected_however_good_it_is() -> None:
    found = {"verdict": "accept", "reason": "Better.", "rules": []}

    judged = promotion_gate.judge(
        found, knows=("covid-19", "normal"), must_know=("covid-19", "pneumonia", "normal")
    )
    kept = promotion_gate.judge(
        found, knows=("covid-19", "normal", "other"), must_know=("covid-19", "normal")
    )

    assert judged.verdict == judged.comparison["verdict"] == "reject"
    assert "Pneumonia, other" in judged.reason
    assert (kept.verdict, kept.reason) == ("accept", "Better.")
