"""100 inverted radiographs raise an alert within the hour; in the nightly test through upload and worker."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import pipeline
from diagnostics.cases.models import PredictionOutcome
from diagnostics.cases.services import admission
from diagnostics.monitoring.measures import Measure
from diagnostics.monitoring.models import Alert, Reference
from diagnostics.monitoring.policy import REFERENCE_CASES, Rule
from diagnostics.monitoring.services import watch
from diagnostics.registry.models import ModelVersion
from ml.images.decoding import decode_radiograph
from ml.images.input_measures import input_measures
from ml.images.quality_gate import stop_code
from tests.monitoring.conftest import Store, measures_of
from tests.radiographs import radiograph_grey


@pytest.fixture
def reference(store: Store, now: datetime) -> Reference:
    """Freeze the reference of the active version, from radiographs of the two weeks before."""
    for seed in range(REFERENCE_CASES):
        store(seed, at=now - timedelta(days=3, minutes=seed))
    watch.watch(now=now - timedelta(days=2))
    return Reference.objects.get()


def inverted_png(seed: int) -> bytes:
    out = io.BytesIO()
    grey = (255 * (1 - radiograph_grey(seed, (160, 160)))).round().astype(np.uint8)
    Image.fromarray(grey).save(out, "PNG")
    return out.getvalue()


def test_a_hundred_inverted_radiographs_raise_alerts_within_the_hour(
    reference: Reference, store: Store, now: datetime
) -> None:
    watch.watch(now=now)
    assert not Alert.objects.exists()

    for seed in range(100):
        grey = (1 - radiograph_grey(seed, (160, 160))).astype(np.float32)
        store(
            seed,
            at=now + timedelta(seconds=30 * seed),
            outcome=PredictionOutcome.NOT_SCORED,
            quality_code=stop_code(grey),
            input_measures=input_measures(grey),
            probabilities={},
            out_of_distribution={},
        )
    within_the_hour = now + timedelta(minutes=59)
    watch.watch(now=within_the_hour)

    raised = set(Alert.objects.values_list("rule", "subject"))
    assert (Rule.STOPPED, "") in raised
    assert (Rule.INPUT_DRIFT, Measure.GREY_MEAN) in raised
    assert (Rule.INPUT_DRIFT, Measure.CORNER_EXCESS) in raised
    stopped = Alert.objects.get(rule=Rule.STOPPED)
    assert (stopped.value, stopped.cases, stopped.opened_at) == (1.0, 100, within_the_hour)


@pytest.mark.nightly
def test_a_hundred_uploaded_inverted_radiographs_raise_alerts_within_the_hour(
    reference: Reference,
    technician: User,
    site: Site,
    version: ModelVersion,
    settings: Settings,
    tmp_path: Path,
    now: datetime,
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"

    for seed in range(100):
        at = now + timedelta(seconds=30 * seed)
        case = admission.open_case(
            radiograph=inverted_png(seed), patient_ref=f"I-{seed}", by=technician, now=at
        ).case
        pipeline.classify(case.predictions.get().pk, clock=partial(max, at, now))
        assert case.predictions.get().outcome == PredictionOutcome.NOT_SCORED
    watch.watch(now=now + timedelta(minutes=59))

    raised = {(alert.rule, alert.subject) for alert in Alert.objects.filter(site=site)}
    assert {(Rule.STOPPED, ""), (Rule.INPUT_DRIFT, Measure.GREY_MEAN)} <= raised
    assert AuditEvent.objects.filter(action=Action.ALERT_RAISED, site=site.pk).count() == len(raised)


def test_radiographs_like_those_of_the_reference_raise_none(
    reference: Reference, store: Store, now: datetime
) -> None:
    for seed in range(1000, 1100):
        store(seed, at=now + timedelta(seconds=30 * (seed - 1000)))

    watch.watch(now=now + timedelta(minutes=59))

    assert not Alert.objects.exists()


def test_inverted_radiographs_that_pass_the_gate_are_found_by_their_greys(
    reference: Reference, store: Store, now: datetime
) -> None:
    for seed in range(1000, 1100):
        at = now + timedelta(seconds=30 * (seed - 1000))
        store(seed, at=at, input_measures=measures_of(seed, inverted=True))

    watch.watch(now=now + timedelta(minutes=59))

    assert {alert.rule for alert in Alert.objects.all()} == {Rule.INPUT_DRIFT}


@pytest.mark.realdata
def test_a_hundred_inverted_real_radiographs_raise_alerts_and_a_hundred_others_none(
    realdata: Path, store: Store, now: datetime
) -> None:
    files = sorted((realdata / "darkcovidnet" / "No_findings").glob("*"))[: REFERENCE_CASES + 200]
    greys = [decode_radiograph(path.read_bytes()).grey for path in files]
    for number, grey in enumerate(greys[:REFERENCE_CASES]):
        store(number, at=now - timedelta(days=3, minutes=number), input_measures=input_measures(grey))
    watch.watch(now=now - timedelta(days=2))
    for number, grey in enumerate(greys[REFERENCE_CASES:-100]):
        store(number, at=now + timedelta(seconds=number), input_measures=input_measures(grey))
    watch.watch(now=now + timedelta(minutes=59))
    assert not Alert.objects.exists()

    for number, grey in enumerate(greys[-100:]):
        at = now + timedelta(hours=30, seconds=number)
        store(number, at=at, input_measures=input_measures(1 - grey))
    watch.watch(now=now + timedelta(hours=30, minutes=59))

    raised = set(Alert.objects.values_list("rule", "subject"))
    assert {(Rule.INPUT_DRIFT, Measure.GREY_MEAN), (Rule.INPUT_DRIFT, Measure.CORNER_EXCESS)} <= raised
