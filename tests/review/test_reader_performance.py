"""Reader performance on control cases: reference standard and intra-reader agreement."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse
from sklearn.metrics import cohen_kappa_score

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services.blinding import record_prediction_shown
from diagnostics.errors import NotAllowed
from diagnostics.review.models import (
    ReadingPolicy,
)
from diagnostics.review.selectors import (
    automation_bias,
    model_performance,
    reader_agreement,
    reader_performance,
)
from diagnostics.review.selectors import reference_cases as reference_case_selectors
from diagnostics.review.services import assisted_reading, claims, kept_figures, readings, reference_cases
from tests.review.conftest import Admit, Classify
from tests.review.control_cases import (
    MONTH,
    REPEAT,
    add_control,
    make_reference_case,
    sign,
    write_files,
)

pytestmark = pytest.mark.usefixtures("media_root")


def test_control_cases_count_in_no_other_measure(
    control_policy: ReadingPolicy,
    reference_case: Case,
    radiologist: User,
    administrator: User,
    admit: Admit,
    classify: Classify,
    now: datetime,
) -> None:
    control = add_control(admit(1), radiologist, now)
    claims.claim(case=control, by=radiologist, now=now)
    control.claims.update(served="random")
    Prediction.objects.filter(case=control).delete()
    classify(control)
    sign(control, radiologist, "covid-19", now)
    record_prediction_shown(radiologist, list(control.predictions.all()), now)
    assisted_reading.confirm_reading(case=control, by=radiologist, now=now)
    for user in (administrator, radiologist):
        assert control.pk not in reader_agreement.first_readings(user).values_list("case", flat=True)
        kept_figures.recount_changed()
        assert automation_bias.automation_bias(user).assisted == 0
        assert model_performance.model_performance(user).sensitivity.total == 0


def test_reader_performance_uses_first_readings_of_reference_cases(
    control_policy: ReadingPolicy,
    radiologist: User,
    second_radiologist: User,
    administrator: User,
    admit: Admit,
    now: datetime,
) -> None:
    references = ["covid-19"] * 3 + ["normal", "pneumonia", "normal"]
    readings_signed = ["covid-19", "normal", "cannot-judge", "pneumonia", "covid-19", "cannot-judge"]
    for number, (reference, finding) in enumerate(zip(references, readings_signed, strict=True)):
        make_reference_case(admit(100 + number), reference, second_radiologist, administrator, now)
        control = add_control(admit(200 + number), radiologist, now)
        reading = sign(control, radiologist, finding, now)
    readings.amend_reading(
        reading=reading,
        by=radiologist,
        finding="normal",
        confidence="sure",
        note="",
        reason="On reflection.",
        now=now,
    )
    kept_figures.recount_changed()
    (row,) = reader_performance.reference_performance(administrator)
    assert row.reader == "radiologist"
    assert (row.sensitivity.count, row.sensitivity.total) == (1, 3)
    assert (row.specificity.count, row.specificity.total) == (1, 3)  # pneumonia for normal is no COVID-19
    assert row.cannot_judge == 2
    assert [(each.read, each.served) for each in reference_case_selectors.reference_cases(administrator)] == [
        (1, 1)
    ] * 6


def test_intra_reader_agreement_equals_scikit_learn(
    control_policy: ReadingPolicy, radiologist: User, administrator: User, admit: Admit, now: datetime
) -> None:
    first = ["normal", "normal", "pneumonia", "covid-19", "covid-19", "other"]
    second = ["normal", "pneumonia", "pneumonia", "covid-19", "normal", "other"]
    for number, finding in enumerate(first):
        case = admit(number)
        write_files(case)
        sign(case, radiologist, finding, now - MONTH)
    pairs = []
    for number in range(6):
        control = add_control(admit(50 + number), radiologist, now, REPEAT)
        assert control.copy_of is not None
        place = int(control.copy_of.accession_number.removeprefix("ACC-"))
        sign(control, radiologist, second[place], now)
        pairs.append((first[place], second[place]))
    kept_figures.recount_changed()
    (row,) = reader_performance.intra_reader_agreement(administrator)
    assert (row.reader, row.same, row.kappa.cases) == ("radiologist", 4, 6)
    assert row.kappa.value == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))


def test_administrators_of_other_sites_see_and_set_nothing(
    control_policy: ReadingPolicy,
    reference_case: Case,
    radiologist: User,
    other_site: Site,
    admit: Admit,
    now: datetime,
) -> None:
    sign(add_control(admit(1), radiologist, now), radiologist, "covid-19", now)
    overseer = User.objects.create_user("overseer", role="administrator")
    overseer.sites.set([other_site])
    kept_figures.recount_changed()
    assert reader_performance.reference_performance(overseer) == []
    assert not reference_case_selectors.reference_cases(overseer).exists()
    with pytest.raises(NotAllowed):
        reference_cases.set_reference_case(
            case=reference_case, finding="normal", basis="ct", by=overseer, now=now
        )
    with pytest.raises(NotAllowed):
        reference_cases.retire_reference_case(case=reference_case, by=overseer, now=now)


def test_the_readers_page_shows_both_measures(
    client: Client,
    control_policy: ReadingPolicy,
    reference_case: Case,
    radiologist: User,
    administrator: User,
    admit: Admit,
    now: datetime,
) -> None:
    sign(add_control(admit(1), radiologist, now), radiologist, "covid-19", now)
    client.force_login(administrator)
    html = re.sub(r">\s+<", "><", client.get(reverse("review:readers")).content.decode())
    assert '<th scope="row">radiologist</th><td class="rr-num">1 / 1</td>' in html
    assert "too few" in html
