"""The demonstration: staff at a site of its own, a password shown once, published radiographs."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.accounts.selectors import home_site
from diagnostics.cases.models import Case
from diagnostics.cases.upload_validation import decode_upload
from ml.images.quality_gate import stop_code
from tests.conftest import create_user
from webapp.demo.cases import create_cases
from webapp.demo.radiographs import FOLDER, DemoRadiograph, demo_radiographs, dicom_of
from webapp.demo.staff import create_staff

GIVEN = "a given pass phrase"


@pytest.fixture
def demo_home(db: None, settings: Settings, tmp_path: Path, now: datetime) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    create_staff(password=GIVEN, now=now)


def test_a_generated_password_is_returned_at_the_first_start_only(db: None, now: datetime) -> None:
    first = create_staff(password="", now=now)
    second = create_staff(password="", now=now)

    assert first.password is not None
    assert User.objects.get(username="admin").check_password(first.password)
    assert second.password is None


def test_a_given_password_is_set_and_never_printed(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READROOM_DEMO_PASSWORD", GIVEN)
    printed = StringIO()

    for _start in range(2):
        call_command("demo", staff_only=True, stdout=printed)

    assert User.objects.get(username="admin").check_password(GIVEN)
    assert GIVEN not in printed.getvalue()


def test_demo_staff_upload_and_read_at_the_demonstration_site_and_import_at_the_main_site(demo_home: None):
    homes = {user.username: home_site(user) for user in User.objects.all()}

    assert homes["technician"].is_demonstration
    assert homes["radiologist"] == homes["technician"]
    assert not homes["admin"].is_demonstration
    assert homes["technician"] in User.objects.get(username="admin").sites.all()


@pytest.mark.slow
def test_demo_cases_have_the_study_dates_of_the_published_course(demo_home: None, now: datetime):
    assert create_cases(now=now) == 7
    assert create_cases(now=now) == 0

    # Days between the studies of a patient, as published: 252 at -27, -11 and 0; 228 at -28 and -24.
    newest = now - timedelta(hours=1)
    study_at = {case.accession_number: case.radiograph.study_at for case in Case.objects.all()}
    assert study_at == {
        "DEMO-223-00": newest,
        "DEMO-228-04": newest - timedelta(days=4),
        "DEMO-228-00": newest,
        "DEMO-252-27": newest - timedelta(days=27),
        "DEMO-252-11": newest - timedelta(days=11),
        "DEMO-252-00": newest,
        "DEMO-270-00": newest,
    }
    assert {case.site for case in Case.objects.all()} == set(Site.objects.filter(is_demonstration=True))


def test_a_home_whose_technician_works_elsewhere_gets_no_demo_cases(site: Site, now: datetime):
    create_user("technician", Role.TECHNICIAN, site)

    assert create_cases(now=now) == 0
    assert not Case.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize("radiograph", demo_radiographs(), ids=lambda each: each.accession_number)
def test_the_quality_gate_scores_a_demo_radiograph(radiograph: DemoRadiograph, now: datetime):
    decoded = decode_upload(dicom_of(radiograph, now=now))

    assert (decoded.source_format, decoded.view, decoded.sex) == ("DICOM", "PA", radiograph.sex)
    assert stop_code(decoded.grey, colour=decoded.colour, view=decoded.view, age=decoded.age) is None


def test_every_image_of_the_package_has_a_credit_and_a_licence_that_permits_it():
    with (FOLDER / "images.csv").open(encoding="utf-8", newline="") as table:
        rows = {row["file"]: row for row in csv.DictReader(table)}

    package = FOLDER.parents[1]
    assert {path.name for path in package.rglob("*.png")} == set(rows)
    assert {row["licence"] for row in rows.values()} == {"CC BY 3.0"}
    assert all("doi:" in row["credit"] for row in rows.values())
    assert [("CC BY 3.0" in path.read_text()) for path in FOLDER.glob("*.md")] == [True]


def test_the_demonstration_is_named_and_credited_on_the_pages_of_its_staff_only(
    demo_home: None, client: Client, stranger: User
):
    client.force_login(User.objects.get(username="radiologist"))
    cases, about = client.get("/cases/"), client.get("/demonstration/")
    client.force_login(stranger)
    elsewhere = client.get("/cases/")

    assert "never used for training" in cases.content.decode()
    assert about.content.decode().count("Winther et al., COVID-19 Image Repository") == 7
    assert "never used for training" not in elsewhere.content.decode()
