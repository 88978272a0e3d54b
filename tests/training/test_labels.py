"""Which findings teach: signed ones, and imported ones that nobody has outweighed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.imports.models import FileStatus, Import, ImportedFile, ImportedLabel, Stage
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import Reading, ReferenceCase
from diagnostics.training import snapshot
from diagnostics.training.models import TrainingRun
from diagnostics.training.presenters import model_card
from diagnostics.training.selectors import labels
from tests.training.conftest import Sign

Bring = Callable[..., ImportedLabel]


@pytest.fixture
def bring(homes: Path, site: Site, administrator: User, sign: Sign, now: datetime) -> Bring:
    """Put an imported label on record: of a case of its own, or of a given one."""
    numbers = count(1)

    def _bring(
        finding: str, *, case: Case | None = None, patient: str = "", at: datetime | None = None
    ) -> ImportedLabel:
        number, opened = next(numbers), case is None
        if case is None:
            reading = sign("normal", patient=patient or f"cohen-{number}")
            case = reading.case
            reading.delete()
        importing = Import.objects.create(
            number=number,
            step=Stage.BRING_IN,
            status=JobStatus.DONE,
            requested_by=administrator,
            site=site,
            queued_at=now,
        )
        file = ImportedFile.objects.create(
            importing=importing,
            place=0,
            path="a.png",
            finding=finding,
            patient_ref=case.patient_ref,
            case=case,
            ending=FileStatus.OPENED if opened else FileStatus.LINKED,
        )
        return ImportedLabel.objects.create(
            case=case,
            finding=finding,
            collection="Cohen",
            source="cohen",
            importing=importing,
            file=file,
            opened_case=opened,
            imported_at=at or now,
        )

    return _bring


def taught() -> list[str]:
    return sorted(radiograph.finding for radiograph in labels.labelled_radiographs())


def test_an_imported_finding_teaches_beside_a_signed_one(bring: Bring, sign: Sign) -> None:
    bring("covid-19")
    sign("normal")

    assert taught() == ["covid-19", "normal"]


@pytest.mark.parametrize("finding", ["normal", "cannot-judge"])
def test_a_signed_reading_outweighs_what_came_with_the_radiograph(
    bring: Bring, radiologist: User, now: datetime, finding: str
) -> None:
    label = bring("covid-19")
    Reading.objects.create(case=label.case, by=radiologist, finding=finding, signed_at=now)

    assert taught() == (["normal"] if finding == "normal" else [])


def test_a_case_that_two_collections_hold_teaches_once(bring: Bring) -> None:
    first = bring("covid-19")
    bring("covid-19", case=first.case)

    assert taught() == ["covid-19"]
    assert labels.conflicting() == {"cases": 0, "patients": 0}


def test_a_case_of_which_collections_disagree_teaches_nothing_until_it_is_read(
    bring: Bring, radiologist: User, now: datetime
) -> None:
    first = bring("covid-19")
    bring("normal", case=first.case)

    assert taught() == []
    assert labels.conflicting() == {"cases": 1, "patients": 1}
    Reading.objects.create(case=first.case, by=radiologist, finding="normal", signed_at=now)
    assert taught() == ["normal"]
    assert labels.conflicting() == {"cases": 0, "patients": 0}


def test_an_imported_gold_case_teaches_nothing(bring: Bring, administrator: User, now: datetime) -> None:
    label, _other = bring("covid-19"), bring("normal")
    assert taught() == ["covid-19", "normal"]
    ReferenceCase.objects.create(
        case=label.case, finding="covid-19", basis="collection", by=administrator, at=now, retired_at=now
    )
    assert taught() == ["normal"]
    assert labels.new() == 1


def test_a_patient_with_a_signed_and_an_imported_radiograph_is_counted_once(bring: Bring, sign: Sign) -> None:
    bring("normal", patient="cohen-1")
    bring("normal", patient="cohen-1")
    sign("normal", patient="cohen-1")
    sign("normal", patient="MRN-1")

    counted = {each.finding: (each.cases, each.patients) for each in labels.counts()}

    assert counted["normal"] == (4, 2)
    assert counted["covid-19"] == (0, 0)


def test_findings_imported_since_the_last_finished_run_count_as_new(bring: Bring, now: datetime) -> None:
    bring("normal", at=now - timedelta(days=2))
    bring("normal", at=now)
    TrainingRun.objects.create(
        number=1, status=JobStatus.DONE, queued_at=now, started_at=now - timedelta(days=1)
    )

    assert labels.new() == 1


def test_an_imported_radiograph_names_its_collection_as_source_even_when_it_is_read(
    bring: Bring, sign: Sign, site: Site, radiologist: User, now: datetime
) -> None:
    own, brought, linked = sign("normal"), bring("normal"), bring("covid-19", case=sign("normal").case)
    Reading.objects.create(case=brought.case, by=radiologist, finding="normal", signed_at=now)

    sources = {radiograph.pixel_sha256: radiograph.source for radiograph in labels.labelled_radiographs()}

    assert sources[brought.case.radiograph.pixel_sha256] == "cohen"
    assert sources[own.case.radiograph.pixel_sha256] == str(site.pk)
    assert sources[linked.case.radiograph.pixel_sha256] == str(site.pk)  # it was uploaded here first


def test_a_further_attempt_learns_from_the_labels_that_the_first_has_frozen(
    bring: Bring, sign: Sign, radiologist: User, now: datetime, tmp_path: Path
) -> None:
    label = bring("covid-19")
    sign("normal")
    text = snapshot.lines(labels.labelled_radiographs(), secret="s")
    sha256 = snapshot.freeze(tmp_path, text)
    Reading.objects.create(case=label.case, by=radiologist, finding="normal", signed_at=now)
    sign("normal")

    frozen = snapshot.labels(tmp_path, sha256=sha256)

    assert frozen is not None
    assert snapshot.lines(labels.labelled_radiographs_of(frozen), secret="s") == text


def test_the_snapshot_tells_imported_labels_from_readings(bring: Bring, sign: Sign) -> None:
    label, reading = bring("covid-19"), sign("normal")

    rows = [
        json.loads(line) for line in snapshot.lines(labels.labelled_radiographs(), secret="s").splitlines()
    ]

    assert {row["label"]: (row.get("imported"), row.get("reading")) for row in rows} == {
        "covid-19": (str(label.pk), None),
        "normal": (None, str(reading.pk)),
    }


def test_the_card_says_how_many_labels_were_imported() -> None:
    assert "The labels are single signed readings" in model_card._labels(TrainingRun(counts={}))
    brought = TrainingRun(counts={"imported": {"cases": 12}})
    assert model_card._labels(brought).startswith(
        "12 labels came with imported collections and were not read here"
    )
