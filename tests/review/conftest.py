"""Fixtures of the review tests: cases to read, whose radiographs are rows without image files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.cases.deadlines import due_at
from diagnostics.cases.models import PRIORITY_RANK, Case, Prediction, Priority, Radiograph
from diagnostics.imports.models import Import, ImportedFile, ImportedLabel
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import ReadingPolicy
from tests.review.control_cases import make_reference_case

Admit = Callable[..., Case]
Classify = Callable[..., Prediction]
Imported = Callable[..., Case]


@pytest.fixture
def admit(site: Site, technician: User, now: datetime) -> Admit:
    def admit(
        number: int = 1, *, priority: str = Priority.ROUTINE, at: Site = site, patient: str = ""
    ) -> Case:
        opened_at = now - timedelta(hours=2) + timedelta(minutes=number)
        case = Case.objects.create(
            site=at,
            patient_ref=patient or f"MRN-{number:06}",
            accession_number=f"ACC-{number}",
            priority=priority,
            priority_rank=PRIORITY_RANK[Priority(priority)],
            opened_by=technician,
            opened_at=opened_at,
            due_at=due_at(at, priority, opened_at),
        )
        sha = f"{case.pk.hex}{number:032}"
        Radiograph.objects.create(
            case=case,
            site=at,
            original="radiographs/a",
            display="radiographs/b.png",
            file_sha256=sha,
            pixel_sha256=sha,
            width=256,
            height=256,
            bits=8,
            source_format="PNG",
            view="PA",
            sex="F",
            age=63,
        )
        return case

    return admit


@pytest.fixture
def classify(now: datetime) -> Classify:
    version = ModelVersion.objects.create(
        number=7, bundle="v7", weights_sha256="0" * 64, manifest={}, registered_at=now
    )

    def classify(case: Case, status: str = JobStatus.DONE) -> Prediction:
        done = status == JobStatus.DONE
        return Prediction.objects.create(
            id=uuid4(),
            case=case,
            status=status,
            queued_at=now,
            version=version if done else None,
            probabilities={"covid-19": 0.8317, "pneumonia": 0.1121, "normal": 0.0562} if done else {},
            operating_points={"covid-19": 0.4129, "pneumonia": 0.5, "normal": 0.5} if done else {},
            finding="covid-19" if done else "",
            heatmaps={"covid-19": {"raw_max": 1.0, "reference": 2.0, "no_positive_evidence": False}}
            if done
            else {},
            heatmap_file="maps/a.npz" if done else "",
            overlay_file="overlays/a.png" if done else "",
        )

    return classify


@pytest.fixture
def imported(admit: Admit, site: Site, administrator: User, now: datetime) -> Imported:
    """Return a function that makes a case as an import does: off the worklist, with its finding."""
    job = Import.objects.create(
        number=1,
        requested_by=administrator,
        site=site,
        origin="set",
        base_folder="/set",
        collection="set",
        importer="folders",
        queued_at=now,
    )

    def make(number: int, finding: str = "pneumonia") -> Case:
        case = admit(number)
        Case.objects.filter(pk=case.pk).update(on_worklist=False)
        file = ImportedFile.objects.create(
            import_job=job,
            position=number,
            path=f"{number}.png",
            finding=finding,
            patient_ref="set-1",
            source="",
            status="imported",
            case=case,
        )
        ImportedLabel.objects.create(
            case=case,
            finding=finding,
            collection="set",
            import_job=job,
            file=file,
            opened_case=True,
            imported_at=now,
        )
        return case

    return make


@pytest.fixture
def two_readers(site: Site) -> None:
    """Require two readings of every radiograph of the site."""
    ReadingPolicy.objects.create(site=site, double_read_percent=100)


@pytest.fixture
def third_radiologist(site: Site) -> User:
    user = User.objects.create_user("third", role="radiologist")
    user.sites.set([site])
    return user


@pytest.fixture
def second_radiologist(site: Site) -> User:
    user = User.objects.create_user("colleague", role="radiologist")
    user.sites.set([site])
    return user


@pytest.fixture
def reader(client: Client, radiologist: User) -> Client:
    """Return the browser of a radiologist."""
    client.force_login(radiologist)
    return client


@pytest.fixture
def media_root(settings: Settings, tmp_path: Path) -> None:
    """Store the files of radiographs in a temporary folder."""
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def control_policy(site: Site) -> ReadingPolicy:
    """Add a control case after every reading: half of them reference cases, half repeats."""
    return ReadingPolicy.objects.create(site=site, reference_percent=50, repeat_percent=50)


@pytest.fixture
def reference_case(
    media_root: None, admit: Admit, second_radiologist: User, administrator: User, now: datetime
) -> Case:
    """Return a reference case of COVID-19 with image files, read by a colleague."""
    case = admit(900, patient="public-17")
    return make_reference_case(case, "covid-19", second_radiologist, administrator, now)
