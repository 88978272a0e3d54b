"""The operating point of a deployment: chosen from the test set, stored, and brought back by a roll-back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.urls import reverse
from sklearn.metrics import roc_curve

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.registry import policy, selectors, services
from diagnostics.registry.errors import OperatingPointUnavailable
from diagnostics.registry.models import Promotion
from diagnostics.registry.policy import OperatingPointRequest
from ml.metrics.curves import summary_with_curves, threshold_points
from ml.metrics.evaluation_result import Evaluation, from_logits
from tests.ml.evaluations import MANIFEST, labelled_images
from tests.registry.conftest import REASON, Register, logged_in

LATER = timedelta(minutes=1)
LABELS = ["covid-19"] * 40 + ["normal"] * 60


def evaluation(seed: int = 3) -> Evaluation:
    """Return noisy predictions in which radiographs with COVID-19 score higher."""
    noise = np.random.default_rng(seed).normal(size=(len(LABELS), 3))
    noise[:40, 0] += 1.5
    return from_logits(MANIFEST, labelled_images(LABELS), noise)


def stored() -> dict[str, Any]:
    return {"test": summary_with_curves(evaluation())}


@pytest.mark.parametrize("target", [0.8, 0.95, 1.0])
def test_the_threshold_of_a_sensitivity_is_the_highest_that_reaches_it(target: float) -> None:
    point = policy.choose(stored()["test"], OperatingPointRequest("sensitivity", target))

    measured = evaluation()
    rates = roc_curve(measured.truth("covid-19"), measured.scores("covid-19"), drop_intermediate=False)
    false_positives, sensitivities, thresholds = rates
    first = int(np.flatnonzero(sensitivities >= target)[0])
    assert point.threshold == thresholds[first]
    assert point.sensitivity == pytest.approx(sensitivities[first])
    assert point.specificity == pytest.approx(1 - false_positives[first])
    assert (point.with_finding, point.without_finding) == (40, 60)


@pytest.mark.parametrize("target", [0.8, 0.9])
def test_the_threshold_of_a_specificity_is_the_lowest_that_reaches_it(target: float) -> None:
    point = policy.choose(stored()["test"], OperatingPointRequest("specificity", target))

    measured = evaluation()
    negatives = measured.scores("covid-19")[~measured.truth("covid-19")]
    reaching = [score for score in measured.scores("covid-19") if (negatives < score).mean() >= target]
    assert point.threshold == min(reaching)


def test_many_scores_are_stored_as_few_thresholds() -> None:
    logits = np.random.default_rng(1).normal(size=(2000, 3))
    points = threshold_points(
        from_logits(MANIFEST, labelled_images(["covid-19", "normal"] * 1000), logits), "covid-19"
    )

    assert len(points) == 400
    assert points[-1]["sensitivity"] == 1.0
    assert [point["threshold"] for point in points] == sorted(
        (point["threshold"] for point in points), reverse=True
    )


def test_predictive_values_follow_bayes_theorem() -> None:
    # Altman & Bland 1994: sensitivity 0.90, specificity 0.95 at a prevalence of 0.10.
    ppv, npv = policy.predictive_values(0.90, 0.95, 0.10)

    assert ppv == pytest.approx(0.09 / (0.09 + 0.045))
    assert npv == pytest.approx(0.855 / (0.855 + 0.01))
    assert policy.predictive_values(0.9, 0.95, None) == (None, None)
    ppv, npv = policy.predictive_values(0.0, 1.0, 0.1)
    assert ppv is None
    assert npv == pytest.approx(0.9)


def test_a_version_without_stored_thresholds_keeps_its_own() -> None:
    with pytest.raises(OperatingPointUnavailable, match="Its own operating points apply"):
        policy.choose(None, OperatingPointRequest("sensitivity", 0.9))


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_value_outside_0_to_1_is_refused(value: float) -> None:
    with pytest.raises(OperatingPointUnavailable):
        OperatingPointRequest("sensitivity", value)


def test_a_deployment_stores_its_operating_point(
    register: Register, administrator: User, now: datetime
) -> None:
    version = register(metrics=stored())
    request = OperatingPointRequest("sensitivity", 0.95, prevalence=0.1)

    promoted = services.promote(
        version=version, by=administrator, reason=REASON, now=now, operating_point=request
    )

    expected = policy.choose(stored()["test"], request)
    assert promoted.operating_points == {
        "covid-19": expected.threshold,
        "pneumonia": 0.5,
        "normal": 0.5,
    }
    assert promoted.operating_choice["sensitivity"] >= 0.95
    assert promoted.operating_choice["ppv"] == expected.ppv
    assert selectors.deployed_points(version) == promoted.operating_points
    detail = AuditEvent.objects.get(action=Action.VERSION_PROMOTED).detail
    assert detail["operating_points"] == promoted.operating_points


def test_a_roll_back_brings_back_the_thresholds_of_that_time(
    register: Register, administrator: User, now: datetime
) -> None:
    first, second = register(metrics=stored()), register()
    request = OperatingPointRequest("threshold", 0.123)
    services.promote(version=first, by=administrator, reason=REASON, now=now, operating_point=request)
    services.promote(version=second, by=administrator, reason=REASON, now=now + timedelta(days=1))
    assert selectors.deployed_points(second)["covid-19"] == 0.5

    services.roll_back(by=administrator, reason=REASON, now=now + timedelta(days=2))

    assert selectors.active_version() == first
    assert selectors.deployed_points(first)["covid-19"] == 0.123


def test_a_deployment_of_an_earlier_release_has_the_thresholds_of_its_bundle(
    register: Register, now: datetime
) -> None:
    version = register()
    Promotion.objects.create(version=version, reason=REASON, since=now)

    assert selectors.deployed_points(version) == version.manifest["operating_points"]


def test_the_page_shows_the_point_and_promotes_with_it(register: Register, administrator: User) -> None:
    version = register(metrics=stored())
    url = reverse("registry:promote", args=[version.pk])
    fields = {"target": "sensitivity", "value": "0.95", "prevalence": "0.1"}
    client = logged_in(administrator)

    page = client.get(url, fields).content.decode()
    client.post(url, fields | {"reason": REASON})

    point = policy.choose(stored()["test"], OperatingPointRequest("sensitivity", 0.95, 0.1))
    assert point.ppv is not None
    assert f"<dd>{point.threshold:.3f}</dd>" in page
    assert f"<dd>{point.ppv:.3f}</dd>" in page
    assert "chosen operating point" in page
    assert '<input type="hidden" name="value" value="0.95">' in page
    assert selectors.deployed_points(version)["covid-19"] == point.threshold
    history = client.get(reverse("registry:versions")).content.decode()
    card = client.get(reverse("registry:version", args=[version.pk])).content.decode()
    assert f"Threshold {point.threshold:.3f}." in history
    assert f"threshold {point.threshold:.3f} for covid-19" in card


@pytest.mark.parametrize(
    "fields",
    [
        {"target": "sensitivity"},
        {"target": "sensitivity", "value": "95"},
        {"target": "specificity", "value": "1"},
        {"target": "no", "value": "0.5"},
    ],
)
def test_an_operating_point_that_does_not_exist_is_refused(
    fields: dict[str, str], register: Register, administrator: User
) -> None:
    metrics = stored()
    for point in metrics["test"]["curves"]["thresholds"]:
        point["specificity"] = min(point["specificity"], 0.99)
    version = register(metrics=metrics)

    response = logged_in(administrator).post(
        reverse("registry:promote", args=[version.pk]), fields | {"reason": REASON}
    )

    assert response.status_code == 400
    assert selectors.active_version() is None


def test_the_thresholds_of_the_active_version_are_changed_with_a_reason_and_rolled_back(
    register: Register, administrator: User, now: datetime
) -> None:
    version = register(metrics=stored())
    request = OperatingPointRequest("sensitivity", 0.8)
    services.promote(version=version, by=administrator, reason=REASON, now=now, operating_point=request)
    before = selectors.deployed_points(version)

    changed = services.promote(
        version=version,
        by=administrator,
        reason="Fewer misses in winter.",
        now=now + LATER,
        operating_point=OperatingPointRequest("sensitivity", 1.0),
    )

    assert changed.operating_points["covid-19"] == evaluation().scores("covid-19")[:40].min()
    assert Promotion.objects.filter(active=True).get() == changed
    assert Promotion.objects.count() == 2
    assert AuditEvent.objects.filter(action=Action.VERSION_PROMOTED).count() == 2
    services.roll_back(by=administrator, reason=REASON, now=now + 2 * LATER)
    version.refresh_from_db()
    assert selectors.deployed_points(selectors.versions().get(pk=version.pk)) == before


def test_a_change_of_thresholds_keeps_the_mark_of_an_override(
    register: Register, administrator: User, now: datetime
) -> None:
    rule = {"name": "counts", "outcome": "undecided", "detail": "Too few."}
    version = register("inconclusive", comparison={"rules": [rule]}, metrics=stored())
    names = ["counts", "trust report"]
    services.promote(
        version=version, by=administrator, reason=REASON, now=now, override=True, acknowledged=names
    )

    changed = services.promote(
        version=version,
        by=administrator,
        reason=REASON,
        now=now + LATER,
        operating_point=OperatingPointRequest("sensitivity", 1.0),
    )

    assert (changed.override, changed.acknowledged) == (True, names)


def test_the_page_of_the_active_version_offers_a_change_of_its_thresholds(
    register: Register, administrator: User, now: datetime
) -> None:
    version = register(metrics=stored())
    services.promote(version=version, by=administrator, reason=REASON, now=now)
    client = logged_in(administrator)

    assert "Change thresholds" in client.get(reverse("registry:version", args=[version.pk])).content.decode()
    page = client.get(reverse("registry:promote", args=[version.pk])).content.decode()
    assert "This version is active: a promotion changes its thresholds." in page
    fields = {"reason": "Fewer misses in winter.", "target": "sensitivity", "value": "1.0"}
    assert client.post(reverse("registry:promote", args=[version.pk]), fields).status_code == 302
    assert Promotion.objects.get(active=True).operating_choice["target"] == "sensitivity"
