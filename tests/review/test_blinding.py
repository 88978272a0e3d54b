"""Blinding: no page tells of the AI result or of other readings before the signature."""

from __future__ import annotations

import re

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.cases.models import Prediction, Priority
from diagnostics.jobs.models import JobStatus
from diagnostics.review.services import readings
from tests.review.conftest import Admit, Classify
from tests.review.pages import claim, page_of, revealed, sign, without_random_parts


def test_the_worklist_shows_the_order_data_and_no_score(
    reader: Client, admit: Admit, classify: Classify
) -> None:
    stat = admit(2, priority=Priority.STAT, patient="MRN-004431")
    classify(stat)
    admit(1)
    html = reader.get(reverse("cases:list")).content.decode()
    assert html.index("ACC-2") < html.index("ACC-1")
    assert "****431" in html
    assert "MRN-004431" not in html
    assert "F 63" in html
    assert "STAT" in html
    assert page_of(stat) in html
    assert "hidden until read" in html
    assert revealed(html) == ["AI result"]  # the heading of the column


def test_before_the_signature_the_page_reveals_nothing_of_the_ai_result(
    reader: Client, radiologist: User, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case)
    free = reader.get(page_of(case)).content.decode()
    claim(case, radiologist)
    held = reader.get(page_of(case)).content.decode()
    refused = sign(reader, case, finding="").content.decode()
    for html in (free, held, refused):
        assert reverse("cases:radiograph", args=[case.pk]) in html
        assert revealed(html) == []
    assert "Sign and next" in held


def test_before_the_signature_the_pages_are_identical_for_any_ai_result(
    reader: Client, radiologist: User, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case)
    claim(case, radiologist)
    addresses = [reverse("cases:list"), page_of(case)]
    pages_of_covid = [without_random_parts(reader.get(address).content.decode()) for address in addresses]
    Prediction.objects.update(
        finding="normal",
        probabilities={"normal": 1.0},
        heatmaps={},
        version=None,
        outcome="out-of-distribution",
        candidates=["normal", "covid-19"],
        out_of_distribution={"knn": {"value": 1.0, "limit": 0.5}},
        abstention=1.0,
        quality_flags=["flat"],
    )
    pages_of_normal = [without_random_parts(reader.get(address).content.decode()) for address in addresses]
    assert pages_of_covid == pages_of_normal


def test_after_the_signature_the_ai_result_is_shown_beside_the_reading(
    reader: Client, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case)
    response = sign(reader, case, then="stay")
    assert response["Location"] == page_of(case)
    text = re.sub(r"<[^>]+>|\s+", " ", reader.get(page_of(case)).content.decode())
    text = re.sub(r" +", " ", text)
    assert "Your reading: Normal" in text
    assert "AI result (v7): COVID-19 0.83 (threshold 0.41)" in text
    html = reader.get(page_of(case)).content.decode()
    assert reverse("cases:heatmap", args=[case.pk, "covid-19"]) in html
    assert reverse("cases:case", args=[case.pk]) in html


def test_after_the_signature_the_uncertainty_of_the_ai_result_is_shown(
    reader: Client, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case)
    Prediction.objects.update(
        outcome="indeterminate", candidates=["covid-19", "pneumonia"], abstention=0.9, quality_flags=["flat"]
    )
    sign(reader, case, then="stay")
    html = reader.get(page_of(case)).content.decode()
    assert "Indeterminate: cannot separate COVID-19 from pneumonia" in html
    assert "this version reached 95% accuracy only from 0.90 upwards." in html
    assert "The image has very low contrast." in html


def test_a_signed_case_without_an_ai_result_says_so(reader: Client, admit: Admit, classify: Classify) -> None:
    case = admit(1)
    classify(case, JobStatus.QUEUED)
    sign(reader, case, then="stay")
    assert "There is no AI result yet" in reader.get(page_of(case)).content.decode()


def test_a_colleagues_reading_is_hidden_until_the_own_signature(
    reader: Client, two_readers: None, second_radiologist: User, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case)
    readings.sign_reading(
        case=case, by=second_radiologist, finding="pneumonia", note="A secret.", now=timezone.now()
    )
    html = reader.get(page_of(case)).content.decode()
    assert "No reader has claimed this case." in html
    of_the_case = reader.get(reverse("cases:case", args=[case.pk])).content.decode()
    for page in (html, of_the_case):
        assert "A secret." not in page
        assert "colleague" not in page[page.index("<main") :]
        assert re.findall(r"0\.83|0\.41|Pneumonia, other</b>|overlay\.png|heatmap/", page) == []
