"""Reports of final cases: the page, the PDF as another library reads it, and who may have them."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from diagnostics.accounts.models import User
from diagnostics.accounts.services import tokens
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import storage
from diagnostics.cases.models import Case, Prediction, PredictionShown
from diagnostics.patients.models import Patient
from diagnostics.review.models import Reading, ReadingKind
from diagnostics.review.services import readings
from tests.review.conftest import Admit, Classify

REFERENCE = "MRN-000001"
NAME = "Καλημέρα, Ёлка-Žofie"  # Greek, Cyrillic and Latin with a caron; not a person
DISCLAIMER = "Research use only. Not for diagnosis."
NOTE = {"opacity": ["ground-glass"], "laterality": "left"}


@pytest.fixture
def final_case(admit: Admit, classify: Classify, radiologist: User, now: datetime) -> Case:
    """Return a read case with an AI result and everything that a report may name."""
    case = admit(1)
    classify(case)
    Patient.objects.create(
        site=case.site, reference=REFERENCE, name=NAME, birth_date=date(1962, 12, 1), sex="F"
    )
    case.referrer, case.clinical_question = "ED 2", "dyspnoea & fever <3 d?"
    case.save()
    case.radiograph.study_at = datetime(2026, 3, 1, 7, 5, tzinfo=UTC)
    case.radiograph.device = "Detector 9"
    case.radiograph.save()
    sign(case, radiologist, now, structured=NOTE, note="Line one.\nLine <two> & more.")
    return case


def sign(case: Case, by: User, now: datetime, *, finding: str = "pneumonia", **values: Any) -> Reading:
    return readings.sign_reading(case=case, by=by, finding=finding, confidence="fairly", now=now, **values)


def amend(reading: Reading, by: User, now: datetime) -> Reading:
    return readings.amend_reading(
        reading=reading,
        by=by,
        finding="other",
        confidence="sure",
        note="Effusion.",
        reason="Compared with the prior.",
        now=now,
    )


def page_of(client: Client, case: Case) -> str:
    return client.get(reverse("reports:page", args=[case.pk])).content.decode()


def pdf_of(client: Client, case: Case) -> PdfReader:
    response = client.get(reverse("reports:pdf", args=[case.pk]))
    assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")
    return PdfReader(io.BytesIO(response.content))


def root_of(pdf: PdfReader) -> Any:
    return pdf.trailer["/Root"]


def text_of(pdf: PdfReader) -> str:
    """Return the text without line breaks, which depend on the layout."""
    return " ".join(" ".join(page.extract_text() for page in pdf.pages).split())


def test_the_page_names_patient_study_finding_and_reader_and_the_ai_result_apart(
    reader: Client, final_case: Case
) -> None:
    page = page_of(reader, final_case)

    reading, ai = page.split('class="report-ai"')
    for text in (NAME, REFERENCE, "1962-12-01", "ACC-1", "2026-03-01 07:05 UTC", "ED 2", "Detector 9"):
        assert text in reading
    assert "<dd>63</dd>" in reading  # 2026-03-01 is before the birthday
    assert "dyspnoea &amp; fever &lt;3 d?" in reading
    for text in (
        "Pneumonia, other",
        "fairly sure",
        "Ground-glass opacity, left.",
        "Line &lt;two&gt; &amp; more.",
    ):
        assert text in reading
    assert "Signed by radiologist, 2026-03-02 09:30 UTC" in reading
    for text in ("AI result (v7)", "COVID-19 0.83", "0.83 (threshold 0.41)", "overlay.png", DISCLAIMER):
        assert text in ai
        assert text not in reading


def test_the_pdf_has_the_same_content(reader: Client, final_case: Case) -> None:
    text = text_of(pdf_of(reader, final_case))

    for expected in (
        NAME,
        REFERENCE,
        "1962-12-01",
        "ACC-1",
        "2026-03-01 07:05 UTC",
        "dyspnoea & fever <3 d?",
    ):
        assert expected in text
    for expected in ("Pneumonia, other, fairly sure", "Ground-glass opacity, left.", "Line <two> & more."):
        assert expected in text
    assert "Signed by radiologist, 2026-03-02 09:30 UTC" in text
    before, after = text.split("AI result (v7)")
    assert "0.83 (threshold 0.41)" in after
    assert DISCLAIMER in after
    assert "COVID-19" not in before


def test_the_pdf_is_a4_with_title_language_and_embedded_fonts(reader: Client, final_case: Case) -> None:
    pdf = pdf_of(reader, final_case)

    assert pdf.metadata is not None
    assert pdf.metadata.title == "Report of chest radiograph ACC-1"
    assert root_of(pdf)["/Lang"] == "en"
    assert [round(float(side)) for side in pdf.pages[0].mediabox[2:]] == [595, 842]
    resources: Any = pdf.pages[0]["/Resources"]
    fonts = [font.get_object() for font in resources["/Font"].get_object().values()]
    named = {font["/BaseFont"].split("+")[-1]: font for font in fonts if "/FontDescriptor" in font}
    assert {"DejaVuSans", "DejaVuSans-Bold"} <= set(named)
    assert all("/FontFile2" in font["/FontDescriptor"].get_object() for font in named.values())


def test_a_character_that_the_font_lacks_is_shown_by_its_code_point(reader: Client, final_case: Case) -> None:
    Patient.objects.update(name="王 X")

    assert "[U+738B] X" in text_of(pdf_of(reader, final_case))


def test_the_file_name_and_the_response_headers_hold_nothing_of_the_patient(
    reader: Client, final_case: Case
) -> None:
    response = reader.get(reverse("reports:pdf", args=[final_case.pk]))

    assert response["Content-Disposition"] == f'attachment; filename="report-{final_case.pk}.pdf"'
    assert "no-store" in response["Cache-Control"]
    assert "no-store" in reader.get(reverse("reports:page", args=[final_case.pk]))["Cache-Control"]


def test_the_heatmap_is_in_the_pdf_and_a_missing_one_is_told(
    media_root: None, reader: Client, final_case: Case
) -> None:
    missing = pdf_of(reader, final_case)
    path = storage.path(Prediction.objects.get().overlay_file)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Wider than tall, and with more pixels than a page needs.
    Path(path).write_bytes(cv2.imencode(".png", np.full((900, 1800, 3), 90, np.uint8))[1].tobytes())

    shown = pdf_of(reader, final_case)

    assert "The heatmap is not available." in text_of(missing)
    images = [image.image for page in shown.pages for image in page.images]
    assert [image.size for image in images if image] == [(1200, 600)]


def test_an_amended_report_says_so_and_shows_the_earlier_reading(
    reader: Client, final_case: Case, radiologist: User, now: datetime
) -> None:
    amend(Reading.objects.get(), radiologist, now + timedelta(minutes=5))

    for text in (page_of(reader, final_case), text_of(pdf_of(reader, final_case))):
        for expected in ("Amended", "Other abnormality", "Effusion.", "Compared with the prior."):
            assert expected in text
        newer, earlier = text.split("Superseded by the amendment above:")
        assert "09:35 UTC" in newer
        assert "Pneumonia, other" not in newer
        assert "09:30 UTC" in earlier
        assert "Pneumonia, other" in earlier


def test_an_adjudicated_report_has_the_adjudication_alone(
    two_readers: None,
    reader: Client,
    admit: Admit,
    radiologist: User,
    second_radiologist: User,
    third_radiologist: User,
    now: datetime,
) -> None:
    case = admit(1)
    sign(case, radiologist, now, finding="normal", note="First note.")
    sign(case, second_radiologist, now, finding="pneumonia", note="Second note.")
    assert sign(case, third_radiologist, now, finding="pneumonia").kind == ReadingKind.ADJUDICATION

    page = page_of(reader, case)

    assert "Adjudicated after 2 earlier readings" in page
    assert "Signed by third" in page
    assert "First note." not in page
    assert "Second note." not in page


def test_a_case_without_a_final_reading_has_no_report(
    two_readers: None,
    reader: Client,
    admit: Admit,
    radiologist: User,
    second_radiologist: User,
    now: datetime,
) -> None:
    unread, once = admit(1), admit(2)
    sign(once, second_radiologist, now, note="CANARY")

    answers = [
        reader.get(reverse(name, args=[case.pk]))
        for case in (unread, once)
        for name in ("reports:page", "reports:pdf")
    ]

    assert [answer.status_code for answer in answers] == [409] * 4
    texts = {answer.content.decode().split("<p>")[1].split("</p>")[0] for answer in answers}
    assert texts == {"There is no report yet: the reading of this case is not final."}
    assert not AuditEvent.objects.filter(action__startswith="report").exists()


def test_a_withdrawn_case_has_no_report(reader: Client, final_case: Case, now: datetime) -> None:
    final_case.withdrawn_at = now
    final_case.save()

    assert "this case has been withdrawn" in page_of(reader, final_case)
    assert reader.get(reverse("reports:pdf", args=[final_case.pk])).status_code == 409


def test_each_view_and_each_export_is_audited_without_patient_data(
    reader: Client, final_case: Case, radiologist: User
) -> None:
    page_of(reader, final_case)
    pdf_of(reader, final_case)

    events = AuditEvent.objects.filter(action__startswith="report").order_by("pk")
    assert [event.action for event in events] == [Action.REPORT_VIEWED, Action.REPORT_EXPORTED]
    assert {(event.by, event.target_id, str(event.detail)) for event in events} == {
        (radiologist, str(final_case.pk), "{}")
    }


def test_a_reader_who_has_seen_a_report_has_seen_the_ai_result(
    client: Client, final_case: Case, second_radiologist: User
) -> None:
    client.force_login(second_radiologist)
    page_of(client, final_case)

    assert PredictionShown.objects.filter(case=final_case, to=second_radiologist).exists()


def test_a_stranger_gets_no_report(client: Client, final_case: Case, stranger: User) -> None:
    client.force_login(stranger)

    for name in ("reports:page", "reports:pdf"):
        assert client.get(reverse(name, args=[final_case.pk])).status_code == 404


def test_the_api_exports_a_report_to_a_token_with_the_scope_identifiers_only(
    client: Client, final_case: Case, technician: User
) -> None:
    url = reverse("api-report", args=[final_case.pk])
    answers = []
    for scopes in (["read"], ["read", "identifiers"]):
        key = tokens.create_token(by=technician, scopes=scopes, now=timezone.now())
        headers = {"Authorization": f"Token {key}", "Accept": "application/pdf"}
        answers.append(client.get(url, headers=headers))

    assert [answer.status_code for answer in answers] == [403, 200]
    assert "identifiers" in answers[0].json()["detail"]
    assert REFERENCE in text_of(PdfReader(io.BytesIO(answers[1].content)))
    client.force_login(technician)
    assert client.get(url).status_code == 403


def test_covid_19_above_its_operating_point_leads_the_ai_result_of_a_report(
    reader: Client, final_case: Case
) -> None:
    scores = {"covid-19": 0.44, "pneumonia": 0.50, "normal": 0.06}
    points = dict.fromkeys(scores, 0.41)
    final_case.predictions.update(probabilities=scores, finding="pneumonia", operating_points=points)

    _reading, ai = page_of(reader, final_case).split('class="report-ai"')

    assert "COVID-19 0.44 above the threshold 0.41; most probable: Pneumonia, other 0.50" in ai
