"""The worklist and the reading page, tried by those who may and by those who may not."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, Prediction, Priority
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import Claim, Reading
from diagnostics.review.services import claiming, readings
from tests.review.conftest import Admit, Classify

# Everything by which the answer of the fixture `classify` could be told.
MACHINE = re.compile(
    r"0\.83|0\.41|0\.11|8317|4129|1121|heat|overlay|v7|Machine|rr-bar|operating", re.IGNORECASE
)

RANDOM = re.compile(r'name="csrfmiddlewaretoken" value="\w+"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


def still(html: str) -> str:
    """Leave out what changes from one look to the next."""
    return re.sub(r'data-lease="\d+"|hx-headers=\S+ \S+', "", RANDOM.sub("", html))


@pytest.fixture
def reader(client: Client, radiologist: User) -> Client:
    client.force_login(radiologist)
    return client


def page_of(case: Case) -> str:
    return reverse("review:case", args=[case.pk])


def sign(client: Client, case: Case, then: str = "next", **answer: str):
    form = {"finding": "normal", "confidence": "sure", "note": "", "then": then} | answer
    return client.post(reverse("review:sign", args=[case.pk]), form)


def take(case: Case, by: User) -> Claim:
    return claiming.claim(case=case, by=by, now=timezone.now())


def shown_of_machine(html: str) -> list[str]:
    """Find what tells of the machine in the part of a page that is about the case."""
    main = html[html.index("<main") : html.index("</main>")]
    return MACHINE.findall(RANDOM.sub("", main))


def test_the_worklist_shows_what_a_reader_needs_and_no_score(
    reader: Client, admit: Admit, classify: Classify
) -> None:
    stat = admit(2, priority=Priority.STAT, patient="MRN-004431")
    classify(stat)
    admit(1)
    html = reader.get(reverse("review:worklist")).content.decode()
    assert html.index("ACC-2") < html.index("ACC-1")
    assert "****431" in html
    assert "MRN-004431" not in html
    assert "F 63" in html
    assert "STAT" in html
    assert page_of(stat) in html
    assert shown_of_machine(html) == []


def test_filters_are_the_address_and_carry_their_counts(
    reader: Client, second_radiologist: User, admit: Admit
) -> None:
    held, free = admit(1), admit(2)
    take(held, second_radiologist)
    html = reader.get(reverse("review:worklist"), {"status": "reading"}).content.decode()
    assert page_of(held) in html
    assert page_of(free) not in html
    assert "Reading by colleague" in html
    assert re.search(r'href="\?status=reading"[^>]*aria-current[^>]*>\s*Being read <span[^>]*>1<', html)


def test_an_empty_worklist_says_what_will_stand_here(reader: Client, site: object) -> None:
    html = reader.get(reverse("review:worklist")).content.decode()
    assert "All read" in html
    assert reverse("cases:upload") in html


def test_an_unknown_filter_is_no_filter(reader: Client, admit: Admit) -> None:
    case = admit(1)
    assert page_of(case) in reader.get(reverse("review:worklist"), {"status": "'"}).content.decode()


def test_read_next_opens_the_most_urgent_case(reader: Client, radiologist: User, admit: Admit) -> None:
    admit(1)
    stat = admit(2, priority=Priority.STAT)
    answer = reader.post(reverse("review:next"))
    assert answer["Location"] == page_of(stat)
    assert Claim.objects.get().by == radiologist


def test_read_next_with_nothing_left_says_so(reader: Client) -> None:
    html = reader.post(reverse("review:next"), follow=True).content.decode()
    assert "Nothing is waiting for you" in html


def test_before_the_signature_no_byte_of_the_page_tells_what_the_machine_said(
    reader: Client, radiologist: User, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case)
    free = reader.get(page_of(case)).content.decode()
    take(case, radiologist)
    held = reader.get(page_of(case)).content.decode()
    refused = sign(reader, case, finding="").content.decode()
    for html in (free, held, refused):
        assert reverse("cases:radiograph", args=[case.pk]) in html
        assert shown_of_machine(html) == []
    assert "Sign and next" in held


def test_before_the_signature_the_pages_are_the_same_whatever_the_machine_said(
    reader: Client, radiologist: User, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case)
    take(case, radiologist)
    addresses = [reverse("review:worklist"), page_of(case)]
    said_covid = [still(reader.get(address).content.decode()) for address in addresses]
    Prediction.objects.update(
        finding="normal",
        probabilities={"normal": 1.0},
        heat={},
        version=None,
        outcome="out-of-distribution",
        candidates=["normal", "covid-19"],
        out_of_distribution={"knn": {"value": 1.0, "limit": 0.5}},
        abstention=1.0,
        quality_flags=["flat"],
    )
    said_normal = [still(reader.get(address).content.decode()) for address in addresses]
    assert said_covid == said_normal


def test_after_the_signature_the_machine_is_shown_beside_the_reader(
    reader: Client, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case)
    answer = sign(reader, case, then="stay")
    assert answer["Location"] == page_of(case)
    text = re.sub(r"<[^>]+>|\s+", " ", reader.get(page_of(case)).content.decode())
    text = re.sub(r" +", " ", text)
    assert "You: Normal" in text
    assert "Machine (v7): COVID-19 0.83, above 0.41" in text
    html = reader.get(page_of(case)).content.decode()
    assert reverse("cases:heat", args=[case.pk, "covid-19"]) in html
    assert reverse("cases:case", args=[case.pk]) in html


def test_after_the_signature_the_reader_sees_what_the_answer_is_worth(
    reader: Client, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case)
    Prediction.objects.update(
        outcome="indeterminate", candidates=["covid-19", "pneumonia"], abstention=0.9, quality_flags=["flat"]
    )
    sign(reader, case, then="stay")
    html = reader.get(page_of(case)).content.decode()
    assert "Cannot separate COVID-19 from pneumonia" in html
    assert "Only from a score of 0.90 on was this version right 19 times in 20." in html
    assert "The picture has hardly any contrast." in html


def test_a_signed_case_without_an_answer_of_the_machine_says_so(
    reader: Client, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case, JobStatus.QUEUED)
    sign(reader, case, then="stay")
    assert "has not answered yet" in reader.get(page_of(case)).content.decode()


def test_sign_and_next_opens_the_next_case_and_the_last_one_leads_home(
    reader: Client, radiologist: User, admit: Admit
) -> None:
    first, second = admit(1), admit(2)
    reader.post(reverse("review:next"))
    assert sign(reader, first)["Location"] == page_of(second)
    assert Claim.objects.get(ended_at=None).case == second
    last = sign(reader, second)
    assert last["Location"] == reverse("review:worklist")
    assert "All read" in reader.get(last["Location"]).content.decode()
    assert Reading.objects.filter(by=radiologist).count() == 2


def test_a_form_without_a_finding_is_asked_for_again_and_keeps_the_note(
    reader: Client, radiologist: User, admit: Admit
) -> None:
    case = admit(1)
    take(case, radiologist)
    answer = sign(reader, case, finding="", note="Look at the left base.")
    assert answer.status_code == 400
    html = answer.content.decode()
    assert "Please choose a finding first" in html
    assert "Look at the left base." in html
    assert not Reading.objects.exists()


def test_who_lost_the_case_reads_why_and_keeps_what_was_written(
    reader: Client, radiologist: User, second_radiologist: User, admit: Admit
) -> None:
    case = admit(1)
    now = timezone.now()
    claiming.claim(case=case, by=radiologist, now=now - settings.CLAIM_LEASE)
    claiming.claim(case=case, by=second_radiologist, now=now)
    answer = sign(reader, case, note="Rare.")
    assert answer.status_code == 409
    html = answer.content.decode()
    assert "Your time for this case has ended and colleague is reading it now" in html
    assert "Rare." in html


def test_a_case_in_another_readers_hands_offers_the_next_one(
    reader: Client, second_radiologist: User, admit: Admit
) -> None:
    case = admit(1)
    take(case, second_radiologist)
    html = reader.get(page_of(case)).content.decode()
    assert "colleague is reading this case until" in html
    assert reverse("review:sign", args=[case.pk]) not in html


def test_a_free_case_is_taken_by_a_button_not_by_looking(
    reader: Client, radiologist: User, admit: Admit
) -> None:
    case = admit(1)
    assert "Take this case" in reader.get(page_of(case)).content.decode()
    assert not Claim.objects.exists()
    assert reader.post(reverse("review:claim", args=[case.pk]))["Location"] == page_of(case)
    assert Claim.objects.get().by == radiologist


def test_giving_back_leads_to_the_worklist(reader: Client, radiologist: User, admit: Admit) -> None:
    case = admit(1)
    take(case, radiologist)
    answer = reader.post(reverse("review:release", args=[case.pk]), follow=True)
    assert "back on the worklist" in answer.content.decode()
    assert Claim.objects.get().ended_at is not None


def test_the_page_of_a_reader_at_work_asks_for_more_time(
    reader: Client, radiologist: User, second_radiologist: User, admit: Admit
) -> None:
    case = admit(1)
    claiming.claim(case=case, by=radiologist, now=timezone.now() - timedelta(minutes=5))
    renew = reverse("review:renew", args=[case.pk])
    assert int(reader.post(renew).content) > 590
    claiming.release(case=case, by=radiologist, now=timezone.now())
    assert reader.post(renew).status_code == 409


def test_an_amendment_from_the_page_needs_a_reason_and_keeps_both(reader: Client, admit: Admit) -> None:
    case = admit(1)
    sign(reader, case, then="stay")
    first = Reading.objects.get()
    form = {
        "reading": str(first.pk),
        "finding": "pneumonia",
        "confidence": "fairly",
        "note": "",
        "reason": "",
    }
    amend = reverse("review:amend", args=[case.pk])
    assert reader.post(amend, form).status_code == 400
    assert reader.post(amend, form | {"reason": "Prior radiograph."})["Location"] == page_of(case)
    html = reader.get(page_of(case)).content.decode()
    assert "Pneumonia, other" in html
    assert "Prior radiograph." in html
    again = reader.post(amend, form | {"reason": "Again."})
    assert again.status_code == 409
    assert "amended meanwhile" in again.content.decode()


def test_a_prior_radiograph_stands_beside_and_only_one_of_the_same_patient(
    reader: Client, admit: Admit
) -> None:
    case, prior, unrelated = admit(3, patient="P"), admit(1, patient="P"), admit(2)
    html = reader.get(page_of(case)).content.decode()
    assert "1 prior" in html
    assert reverse("cases:radiograph", args=[prior.pk]) not in html
    beside = reader.get(page_of(case), {"prior": str(prior.pk)}).content.decode()
    assert reverse("cases:radiograph", args=[prior.pk]) in beside
    wrong = reader.get(page_of(case), {"prior": str(unrelated.pk)}).content.decode()
    assert reverse("cases:radiograph", args=[unrelated.pk]) not in wrong


def test_what_a_colleague_signed_is_closed_until_ones_own_signature(
    reader: Client, two_readers: None, second_radiologist: User, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case)
    readings.sign_reading(
        case=case, by=second_radiologist, finding="pneumonia", note="A secret.", now=timezone.now()
    )
    html = reader.get(page_of(case)).content.decode()
    assert "Nobody is reading this case." in html
    of_the_case = reader.get(reverse("cases:case", args=[case.pk])).content.decode()
    for page in (html, of_the_case):
        assert "A secret." not in page
        assert "colleague" not in page[page.index("<main") :]
        assert re.findall(r"0\.83|0\.41|Pneumonia, other</b>|overlay\.png|heat/", page) == []


POSTS = ["claim", "renew", "release", "sign", "amend", "keep", "second-opinion"]


@pytest.mark.parametrize("role", ["technician", "administrator"])
def test_only_radiologists_come_in(
    role: str, client: Client, admit: Admit, request: pytest.FixtureRequest
) -> None:
    case = admit(1)
    client.force_login(request.getfixturevalue(role))
    hands_out = role == "administrator"
    assert client.get(reverse("review:worklist")).status_code == (200 if hands_out else 403)
    assert client.get(page_of(case)).status_code == 403
    assert client.post(reverse("review:next")).status_code == 403
    for name in POSTS:
        assert client.post(reverse(f"review:{name}", args=[case.pk])).status_code == 403


def test_a_stranger_finds_no_such_case(client: Client, stranger: User, admit: Admit) -> None:
    case = admit(1)
    client.force_login(stranger)
    assert page_of(case) not in client.get(reverse("review:worklist")).content.decode()
    assert client.get(page_of(case)).status_code == 404
    for name in POSTS:
        assert client.post(reverse(f"review:{name}", args=[case.pk])).status_code == 404


def test_who_is_not_logged_in_is_asked_to(client: Client, admit: Admit) -> None:
    case = admit(1)
    for address in (reverse("review:worklist"), page_of(case)):
        assert reverse("accounts:login") in client.get(address)["Location"]
    assert client.post(reverse("review:next")).status_code == 302
    assert not Claim.objects.exists()


def test_looking_never_writes_and_writing_is_never_a_get(reader: Client, admit: Admit) -> None:
    case = admit(1)
    assert reader.get(reverse("review:next")).status_code == 405
    for name in POSTS:
        assert reader.get(reverse(f"review:{name}", args=[case.pk])).status_code == 405


def test_forms_are_guarded_against_other_sites(radiologist: User, admit: Admit) -> None:
    case = admit(1)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(radiologist)
    assert strict.post(reverse("review:next")).status_code == 403
    assert strict.post(reverse("review:sign", args=[case.pk]), {"finding": "normal"}).status_code == 403
    assert not Reading.objects.exists()


def test_no_page_carries_an_inline_script_or_style(reader: Client, admit: Admit, classify: Classify) -> None:
    case = admit(1)
    classify(case)
    pages = [reader.get(reverse("review:worklist")), reader.get(page_of(case))]
    sign(reader, case, then="stay")
    for page in [*pages, reader.get(page_of(case))]:
        html = page.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", html)
