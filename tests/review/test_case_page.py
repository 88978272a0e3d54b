"""The case page shows the finding of the readers above the AI result."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.review.services import readings
from tests.review.conftest import Admit, Classify


def panel(client: Client, user: User, case: Case) -> str:
    client.force_login(user)
    html = client.get(reverse("cases:case", args=[case.pk])).content.decode()
    part = html[html.index('class="rr-panel case-panel"') :]
    part = part[part.index(">") + 1 : part.index("</section>")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part)).strip()


def test_the_final_finding_stands_above_the_ai_result(
    client: Client, radiologist: User, admit: Admit, classify: Classify, now: datetime
) -> None:
    case = admit(1)
    classify(case)
    readings.sign_reading(case=case, by=radiologist, finding="pneumonia", now=now)
    text = panel(client, radiologist, case)
    assert text.startswith("Final finding Pneumonia, other radiologist")
    assert text.index("Final finding") < text.index("AI result (v7)")


@pytest.mark.usefixtures("two_readers")
def test_before_the_final_finding_it_shows_the_status_and_no_reader_a_colleagues_finding(
    client: Client,
    radiologist: User,
    second_radiologist: User,
    technician: User,
    admit: Admit,
    now: datetime,
) -> None:
    case = admit(1)
    assert panel(client, technician, case).startswith("Finding Not read yet.")
    readings.sign_reading(case=case, by=radiologist, finding="pneumonia", now=now)
    assert panel(client, radiologist, case).startswith("Finding Awaiting second read")
    withheld = panel(client, second_radiologist, case)
    assert withheld.startswith("Finding Findings are shown after you have signed your own reading.")
    assert "Pneumonia" not in withheld
    Site.objects.update(technicians_see_predictions=False)
    client.force_login(technician)
    html = client.get(reverse("cases:case", args=[case.pk])).content.decode()
    assert "Readings are shown once the case is final." in html
    assert "Pneumonia, other" not in html
