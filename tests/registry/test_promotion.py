"""Which version is in force: one at a time, changed with a reason, and back again."""

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
from ml.records import BundleError
from tests.registry.conftest import Register
from tests.registry.paper_bundle import paper_bundle

REASON = "Better on our own radiographs."


def test_a_registered_version_lies_whole_on_the_shelf_under_its_number(
    register: Register, shelf: Path
) -> None:
    register()
    second = register()

    assert second.number == 2
    assert selectors.bundle_path(second) == shelf / "v2"
    assert json.loads((shelf / "v2" / "manifest.json").read_text())["version"] == "v2"
    assert second.manifest["version"] == "v2"
    assert (shelf / "v2" / "model.weights.h5").read_bytes() == b"\x01"
    assert sorted(path.name for path in shelf.iterdir()) == ["v1", "v2"]


def test_a_damaged_bundle_is_not_registered(shelf: Path, tmp_path: Path, now: datetime, db: None) -> None:
    damaged = paper_bundle(tmp_path / "damaged")
    (damaged / "model.weights.h5").write_bytes(b"other")

    with pytest.raises(BundleError):
        services.register_candidate(
            bundle=damaged, comparison={}, verdict="none", verdict_reason="", parent=None, by=None, now=now
        )

    assert not ModelVersion.objects.exists()
    assert list(shelf.iterdir()) == []


def test_what_a_broken_registration_left_behind_does_not_stop_the_next(
    register: Register, shelf: Path
) -> None:
    (shelf / "v1").mkdir(parents=True)
    (shelf / "v1" / "rubbish").touch()

    register()

    assert not (shelf / "v1" / "rubbish").exists()


def test_the_database_keeps_one_version_in_force(register: Register, now: datetime) -> None:
    first, second = register(), register()
    Promotion.objects.create(version=first, reason=REASON, since=now)

    with pytest.raises(IntegrityError), transaction.atomic():
        Promotion.objects.create(version=second, reason=REASON, since=now)


def test_a_promotion_ends_the_one_before(register: Register, administrator: User, now: datetime) -> None:
    first, second = register(), register()
    services.promote(version=first, by=administrator, reason=REASON, now=now)

    services.promote(version=second, by=administrator, reason=REASON, now=now + timedelta(days=1))

    ended = Promotion.objects.get(version=first)
    assert (ended.active, ended.until) == (False, now + timedelta(days=1))
    assert selectors.active_version() == second
    event = AuditEvent.objects.filter(action=Action.VERSION_PROMOTED).first()
    assert event is not None
    assert (event.by_id, event.detail["from"], event.detail["to"]) == (administrator.pk, 1, 2)


def test_what_is_in_force_costs_one_query(
    register: Register,
    administrator: User,
    now: datetime,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    services.promote(version=register(), by=administrator, reason=REASON, now=now)

    with django_assert_num_queries(1):
        assert selectors.active_version() is not None


def test_rolling_back_brings_the_previous_version_into_force(
    register: Register, administrator: User, now: datetime
) -> None:
    first, second = register(), register()
    services.promote(version=first, by=administrator, reason=REASON, now=now)
    services.promote(version=second, by=administrator, reason=REASON, now=now + timedelta(days=1))

    services.roll_back(by=administrator, reason="It missed a radiograph.", now=now + timedelta(days=2))

    assert selectors.active_version() == first
    assert [promotion.version.number for promotion in selectors.history()] == [1, 2, 1]


def test_rolling_back_needs_something_to_go_back_to(
    register: Register, administrator: User, now: datetime
) -> None:
    services.promote(version=register(), by=administrator, reason=REASON, now=now)

    with pytest.raises(errors.NoPreviousVersion):
        services.roll_back(by=administrator, reason=REASON, now=now)


def test_only_those_who_may_promote_do(register: Register, radiologist: User, now: datetime) -> None:
    with pytest.raises(NotAllowed):
        services.promote(version=register(), by=radiologist, reason=REASON, now=now)


@pytest.mark.parametrize("reason", ["", "better", "     x     "])
def test_a_promotion_needs_a_reason(
    register: Register, administrator: User, now: datetime, reason: str
) -> None:
    with pytest.raises(errors.ReasonRequired):
        services.promote(version=register(), by=administrator, reason=reason, now=now)


def test_a_version_found_worse_needs_an_override(
    register: Register, administrator: User, now: datetime
) -> None:
    worse = register(verdict="reject")
    with pytest.raises(errors.OverrideRequired):
        services.promote(version=worse, by=administrator, reason=REASON, now=now)

    services.promote(version=worse, by=administrator, reason=REASON, now=now, override=True)

    assert selectors.active_version() == worse


def test_the_version_in_force_is_not_promoted_twice(
    register: Register, administrator: User, now: datetime
) -> None:
    version = register()
    services.promote(version=version, by=administrator, reason=REASON, now=now)

    with pytest.raises(errors.AlreadyActive):
        services.promote(version=version, by=administrator, reason=REASON, now=now)


@pytest.mark.parametrize("part", ["model.weights.h5", "manifest.json"])
def test_a_version_with_changed_files_is_not_promoted(
    register: Register, administrator: User, now: datetime, part: str
) -> None:
    version = register()
    path = selectors.bundle_path(version) / part
    path.write_text(path.read_text().replace("0.5", "0.4") if part == "manifest.json" else "other")

    with pytest.raises(errors.BundleDamaged):
        services.promote(version=version, by=administrator, reason=REASON, now=now)


def test_a_version_registered_by_an_earlier_release_can_still_be_promoted(
    register: Register, administrator: User, now: datetime
) -> None:
    version = register()
    new = ("conformal", "abstention", "out_of_distribution", "reference_sha256")
    version.manifest = {name: value for name, value in version.manifest.items() if name not in new}
    version.save()

    services.promote(version=version, by=administrator, reason=REASON, now=now)

    assert selectors.active_version() == version


def test_a_version_whose_thresholds_were_changed_is_not_promoted(
    register: Register, administrator: User, now: datetime
) -> None:
    version = register()
    path = selectors.bundle_path(version) / "manifest.json"
    path.write_text(path.read_text().replace('"conformal": {}', '"conformal": {"normal": 0.1}'))

    with pytest.raises(errors.BundleDamaged):
        services.promote(version=version, by=administrator, reason=REASON, now=now)


def test_the_network_that_comes_with_readroom_is_adopted_once(
    shelf: Path, tmp_path: Path, settings: Settings, now: datetime, db: None
) -> None:
    settings.DEFAULT_BUNDLE = paper_bundle(tmp_path / "default")

    adopted = services.adopt_default(now=now)
    again = services.adopt_default(now=now)

    assert adopted is not None
    assert again is None
    assert selectors.active_version() == adopted
    assert ModelVersion.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_promotions_at_the_same_moment_leave_one_in_force(
    register: Register, administrator: User, now: datetime
) -> None:
    services.promote(version=register(), by=administrator, reason=REASON, now=now)
    rivals, ready = [register(), register()], threading.Barrier(2)

    def press(version: ModelVersion) -> None:
        ready.wait()
        try:
            services.promote(version=version, by=administrator, reason=REASON, now=now)
        except errors.ActiveVersionChanged:
            pass  # PostgreSQL may refuse the slower one; SQLite lets them follow each other
        finally:
            connection.close()

    hands = [threading.Thread(target=press, args=[version]) for version in rivals]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()

    assert Promotion.objects.filter(active=True).count() == 1
    assert selectors.active_version() in rivals
