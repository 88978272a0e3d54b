"""The active version: exactly one, promoted with a reason and rolled back."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.errors import NotAllowed
from diagnostics.registry import errors, selectors, services
from diagnostics.registry.models import ModelVersion, Promotion
from ml.errors import BundleError
from tests.registry.conftest import REASON, Register
from tests.registry.stub_bundle import stub_bundle


def test_a_registered_version_is_stored_completely_under_its_number(
    register: Register, bundle_store: Path
) -> None:
    register()
    second = register()

    assert second.number == 2
    assert selectors.bundle_path(second) == bundle_store / "v2"
    assert json.loads((bundle_store / "v2" / "manifest.json").read_text())["version"] == "v2"
    assert second.manifest["version"] == "v2"
    assert (bundle_store / "v2" / "model.weights.h5").read_bytes() == b"\x01"
    assert sorted(path.name for path in bundle_store.iterdir()) == ["v1", "v2"]


def test_a_damaged_bundle_is_not_registered(
    bundle_store: Path, tmp_path: Path, now: datetime, db: None
) -> None:
    damaged = stub_bundle(tmp_path / "damaged")
    (damaged / "model.weights.h5").write_bytes(b"other")

    with pytest.raises(BundleError):
        services.register_candidate(
            bundle=damaged, comparison={}, verdict="none", verdict_reason="", parent=None, by=None, now=now
        )

    assert not ModelVersion.objects.exists()
    assert list(bundle_store.iterdir()) == []


def test_files_of_a_failed_registration_do_not_block_the_next_one(
    register: Register, bundle_store: Path
) -> None:
    (bundle_store / "v1").mkdir(parents=True)
    (bundle_store / "v1" / "rubbish").touch()

    register()

    assert not (bundle_store / "v1" / "rubbish").exists()


def test_the_database_allows_one_active_version(register: Register, now: datetime) -> None:
    first, second = register(), register()
    Promotion.objects.create(version=first, reason=REASON, since=now)

    with pytest.raises(IntegrityError), transaction.atomic():
        Promotion.objects.create(version=second, reason=REASON, since=now)


def test_a_promotion_ends_the_previous_one(register: Register, administrator: User, now: datetime) -> None:
    first, second = register(), register()
    services.promote(version=first, by=administrator, reason=REASON, now=now)

    services.promote(version=second, by=administrator, reason=REASON, now=now + timedelta(days=1))

    ended = Promotion.objects.get(version=first)
    assert (ended.active, ended.until) == (False, now + timedelta(days=1))
    assert selectors.active_version() == second
    event = AuditEvent.objects.filter(action=Action.VERSION_PROMOTED).first()
    assert event is not None
    assert (event.by_id, event.detail["from"], event.detail["to"]) == (administrator.pk, 1, 2)


def test_the_active_version_is_read_with_one_query(
    register: Register,
    administrator: User,
    now: datetime,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    services.promote(version=register(), by=administrator, reason=REASON, now=now)

    with django_assert_num_queries(1):
        assert selectors.active_version() is not None


def test_a_roll_back_promotes_the_previous_version(
    register: Register, administrator: User, now: datetime
) -> None:
    first, second = register(), register()
    services.promote(version=first, by=administrator, reason=REASON, now=now)
    services.promote(version=second, by=administrator, reason=REASON, now=now + timedelta(days=1))

    services.roll_back(by=administrator, reason="It missed a radiograph.", now=now + timedelta(days=2))

    assert selectors.active_version() == first
    assert [promotion.version.number for promotion in selectors.deployment_history()] == [1, 2, 1]


def test_a_roll_back_without_a_previous_version_is_refused(
    register: Register, administrator: User, now: datetime
) -> None:
    services.promote(version=register(), by=administrator, reason=REASON, now=now)

    with pytest.raises(errors.NoPreviousVersion):
        services.roll_back(by=administrator, reason=REASON, now=now)


def test_a_promotion_requires_the_permission(register: Register, radiologist: User, now: datetime) -> None:
    with pytest.raises(NotAllowed):
        services.promote(version=register(), by=radiologist, reason=REASON, now=now)


@pytest.mark.parametrize("reason", ["", "better", "     x     "])
def test_a_promotion_requires_a_reason(
    register: Register, administrator: User, now: datetime, reason: str
) -> None:
    with pytest.raises(errors.ReasonRequired):
        services.promote(version=register(), by=administrator, reason=reason, now=now)


def test_the_active_version_cannot_be_promoted_again_with_equal_thresholds(
    register: Register, administrator: User, now: datetime
) -> None:
    version = register()
    services.promote(version=version, by=administrator, reason=REASON, now=now)

    with pytest.raises(errors.AlreadyActive):
        services.promote(version=version, by=administrator, reason=REASON, now=now)


@pytest.mark.parametrize("part", ["model.weights.h5", "manifest.json"])
def test_a_version_with_modified_files_cannot_be_promoted(
    register: Register, administrator: User, now: datetime, part: str
) -> None:
    version = register()
    path = selectors.bundle_path(version) / part
    path.write_text(path.read_text().replace("0.5", "0.4") if part == "manifest.json" else "other")

    with pytest.raises(errors.BundleDamaged):
        services.promote(version=version, by=administrator, reason=REASON, now=now)


def test_a_version_registered_by_an_earlier_release_can_be_promoted(
    register: Register, administrator: User, now: datetime
) -> None:
    version = register()
    new = ("conformal", "abstention", "out_of_distribution", "reference_sha256")
    version.manifest = {name: value for name, value in version.manifest.items() if name not in new}
    version.save()

    services.promote(version=version, by=administrator, reason=REASON, now=now)

    assert selectors.active_version() == version


def test_a_version_with_modified_operating_points_cannot_be_promoted(
    register: Register, administrator: User, now: datetime
) -> None:
    version = register()
    path = selectors.bundle_path(version) / "manifest.json"
    path.write_text(path.read_text().replace('"conformal": {}', '"conformal": {"normal": 0.1}'))

    with pytest.raises(errors.BundleDamaged):
        services.promote(version=version, by=administrator, reason=REASON, now=now)


def test_the_default_network_is_adopted_once(
    bundle_store: Path, tmp_path: Path, settings: Settings, now: datetime, db: None
) -> None:
    settings.DEFAULT_BUNDLE = stub_bundle(tmp_path / "default")

    adopted = services.adopt_default(now=now)
    again = services.adopt_default(now=now)

    assert adopted is not None
    assert again is None
    assert selectors.active_version() == adopted
    assert ModelVersion.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_concurrent_promotions_leave_one_active_version(
    register: Register, administrator: User, now: datetime
) -> None:
    services.promote(version=register(), by=administrator, reason=REASON, now=now)
    candidates, ready = [register(), register()], threading.Barrier(2)

    def promote(version: ModelVersion) -> None:
        ready.wait()
        try:
            services.promote(version=version, by=administrator, reason=REASON, now=now)
        except errors.ActiveVersionChanged:
            pass  # PostgreSQL may refuse the slower promotion; SQLite serialises both
        finally:
            connection.close()

    threads = [threading.Thread(target=promote, args=[version]) for version in candidates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Promotion.objects.filter(active=True).count() == 1
    assert selectors.active_version() in candidates
