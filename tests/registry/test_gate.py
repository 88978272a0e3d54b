"""The promotion gate is enforced: no ordinary promotion of a version that did not pass it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.urls import reverse
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role, Scope
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.errors import NotAllowed
from diagnostics.registry import errors, promotion_gate, selectors, services
from diagnostics.registry.models import ModelVersion
from tests.conftest import create_user
from tests.registry.conftest import REASON, Register, logged_in
from tests.registry.tiny_network import FAILED, register_tiny_network, trust_json

OVERRIDE_REASON = "A test of the interface; no patient is read with it."


@pytest.fixture
def tiny(register: Register, db: None) -> ModelVersion:
    return register_tiny_network(register)


@pytest.fixture
def second_administrator(site: Site) -> User:
    return create_user("second", Role.ADMINISTRATOR, site)


def to_acknowledge(version: ModelVersion) -> list[str]:
    return list(promotion_gate.gate_today(version).to_acknowledge)


def test_the_tiny_network_is_not_accepted_and_names_what_failed(tiny: ModelVersion) -> None:
    gate = promotion_gate.gate_of(tiny)

    assert gate.outcome == "reject"
    rules = {rule.name: rule for rule in gate.rules}
    assert (rules["sensitivity"].n, rules["sensitivity"].value) == (3, -1.0)
    assert not rules["sensitivity"].accepted
    assert rules["counts"].outcome == "inconclusive"
    assert [check.id for check in gate.failed_checks] == list(FAILED)
    assert set(FAILED) < set(gate.to_acknowledge)


def test_the_tiny_network_is_refused_through_the_page(
    tiny: ModelVersion, administrator: User, register: Register, now: datetime
) -> None:
    active = register()
    services.promote(version=active, by=administrator, reason=REASON, now=now)
    url = reverse("registry:promote", args=[tiny.pk])

    page = logged_in(administrator).get(url).content.decode()
    refused = logged_in(administrator).post(url, {"reason": REASON})
    forged = logged_in(administrator).post(url, {"reason": REASON, "override": "on"})

    assert page.count('name="acknowledged"') == len(to_acknowledge(tiny))
    assert "Blocking trust check B4, Held-out source: failed" in page
    assert (refused.status_code, forged.status_code) == (400, 400)
    assert "The promotion gate of v1 was not passed." in refused.content.decode()
    assert selectors.active_version() == active


@pytest.mark.parametrize("verdict", ["reject", "inconclusive", "none"])
def test_only_an_accepted_version_is_promoted_by_an_ordinary_click(
    verdict: str, register: Register, administrator: User, now: datetime
) -> None:
    with pytest.raises(errors.GateNotPassed):
        services.promote(version=register(verdict), by=administrator, reason=REASON, now=now)


def test_an_accepted_version_with_a_failed_blocking_check_is_refused(
    register: Register, administrator: User, now: datetime
) -> None:
    version = register(report=trust_json("A5"))

    with pytest.raises(errors.GateNotPassed, match="A5"):
        services.promote(version=version, by=administrator, reason=REASON, now=now)


def test_a_compared_version_without_its_trust_report_is_refused(
    register: Register, administrator: User, now: datetime
) -> None:
    version = register(comparison={"rules": [{"name": "AUROC", "outcome": "kept", "detail": ""}]})

    with pytest.raises(errors.GateNotPassed, match="trust report"):
        services.promote(version=version, by=administrator, reason=REASON, now=now)


def test_an_override_with_one_name_missing_is_refused(
    tiny: ModelVersion, administrator: User, now: datetime
) -> None:
    names = to_acknowledge(tiny)
    assert len(names) > 5
    for missing in names:
        with pytest.raises(errors.GateNotPassed, match=f"Not named: {missing}\\."):
            services.promote(
                version=tiny,
                by=administrator,
                reason=OVERRIDE_REASON,
                now=now,
                override=True,
                acknowledged=[name for name in names if name != missing],
            )
    assert selectors.active_version() is None


def test_names_without_the_override_are_refused(
    tiny: ModelVersion, administrator: User, now: datetime
) -> None:
    with pytest.raises(errors.GateNotPassed):
        services.promote(
            version=tiny, by=administrator, reason=REASON, now=now, acknowledged=to_acknowledge(tiny)
        )


def test_a_complete_override_is_marked_in_audit_history_and_card(
    tiny: ModelVersion, administrator: User, now: datetime
) -> None:
    names = to_acknowledge(tiny)
    client = logged_in(administrator)

    response = client.post(
        reverse("registry:promote", args=[tiny.pk]), {"reason": OVERRIDE_REASON, "acknowledged": names}
    )

    assert response.status_code == 302
    event = AuditEvent.objects.filter(action=Action.VERSION_PROMOTED).get()
    assert (event.detail["override"], event.detail["acknowledged"]) == (True, names)
    assert event.detail["roll_back"] is False
    listed = ", ".join(names)
    assert f"Promoted in spite of the gate: {listed}." in " ".join(
        client.get(reverse("registry:versions")).content.decode().split()
    )
    page = client.get(reverse("registry:version", args=[tiny.pk])).content.decode()
    assert f"<strong>Promoted in spite of the gate.</strong> Acknowledged: {listed}" in page
    tiny.refresh_from_db()
    assert tiny.overridden_at is not None


def test_a_check_can_be_acknowledged_by_its_name(
    register: Register, administrator: User, now: datetime
) -> None:
    version = register(report=trust_json("B4"))

    promoted = services.promote(
        version=version,
        by=administrator,
        reason=REASON,
        now=now,
        override=True,
        acknowledged=["held-out source"],
    )

    assert (promoted.override, promoted.acknowledged) == (True, ["B4"])


def test_an_override_of_a_passed_gate_is_no_override(
    register: Register, administrator: User, now: datetime
) -> None:
    version = register()

    promoted = services.promote(version=version, by=administrator, reason=REASON, now=now, override=True)

    assert (promoted.override, promoted.acknowledged) == (False, [])


def test_a_comparison_with_an_earlier_version_does_not_pass_the_gate(
    register: Register, administrator: User, now: datetime
) -> None:
    services.promote(version=register(), by=administrator, reason=REASON, now=now)
    rule = {"name": "AUROC", "outcome": "kept", "detail": ""}
    compared = {"active": "v1", "rules": [rule]}
    second, third = (register(comparison=compared, report=trust_json()) for _ in range(2))
    assert promotion_gate.gate_today(second).passed
    services.promote(version=third, by=administrator, reason=REASON, now=now + timedelta(hours=1))

    with pytest.raises(errors.GateNotPassed, match="active version"):
        services.promote(version=second, by=administrator, reason=REASON, now=now + timedelta(hours=2))

    page = logged_in(administrator).get(reverse("registry:promote", args=[second.pk])).content.decode()
    assert "v2 was compared with v1, but v3 is the active version now." in page


def test_an_override_needs_a_permission_of_its_own(
    tiny: ModelVersion, administrator: User, now: datetime
) -> None:
    administrator.scopes = frozenset({Scope.TRAIN})  # of a token that may promote

    with pytest.raises(NotAllowed, match="in spite of the promotion gate"):
        services.promote(
            version=tiny,
            by=administrator,
            reason=REASON,
            now=now,
            override=True,
            acknowledged=to_acknowledge(tiny),
        )


def test_the_requester_of_a_run_does_not_approve_it(
    register: Register, administrator: User, second_administrator: User, now: datetime
) -> None:
    version = register(by=administrator)
    url = reverse("registry:promote", args=[version.pk])
    pages = [logged_in(user).get(url).content for user in (administrator, second_administrator)]
    assert [b"Another administrator must promote it." in page for page in pages] == [True, False]
    with pytest.raises(errors.SecondPersonRequired):
        services.promote(version=version, by=administrator, reason=REASON, now=now)

    promoted = services.promote(version=version, by=second_administrator, reason=REASON, now=now)

    assert (promoted.by, promoted.one_person) == (second_administrator, False)


def test_a_one_person_site_approves_its_own_run_and_the_card_says_so(
    register: Register, administrator: User, now: datetime, settings: Settings
) -> None:
    settings.ONE_PERSON_APPROVAL = True
    version = register(by=administrator)

    promoted = services.promote(version=version, by=administrator, reason=REASON, now=now)

    assert promoted.one_person
    page = logged_in(administrator).get(reverse("registry:version", args=[version.pk])).content.decode()
    assert "approved by the user who requested the training (one-person site)" in page
    assert AuditEvent.objects.get(action=Action.VERSION_PROMOTED).detail["one_person"] is True


def test_a_roll_back_is_not_an_override(
    tiny: ModelVersion, register: Register, administrator: User, now: datetime
) -> None:
    names = to_acknowledge(tiny)
    services.promote(
        version=tiny, by=administrator, reason=REASON, now=now, override=True, acknowledged=names
    )
    services.promote(version=register(), by=administrator, reason=REASON, now=now + timedelta(days=1))

    back = services.roll_back(by=administrator, reason="It missed a radiograph.", now=now + timedelta(days=2))

    assert (back.version, back.override, back.roll_back) == (tiny, False, True)
    event = AuditEvent.objects.filter(action=Action.VERSION_PROMOTED).first()
    assert event is not None
    assert (event.detail["override"], event.detail["roll_back"]) == (False, True)
