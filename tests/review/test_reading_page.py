"""The worklist page and the reading page."""

from __future__ import annotations

import re
from datetime import timedelta

from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.cases.models import Priority
from diagnostics.review.models import Claim, Reading
from diagnostics.review.services import claims
from tests.review.conftest import Admit
from tests.review.pages import claim, page_of, sign


def test_filters_are_query_parameters(reader: Client, second_radiologist: User, admit: Admit) -> None:
    held, free = admit(1), admit(2)
    claim(held, second_radiologist)
    html = reader.get(reverse("cases:list"), {"status": "reading"}).content.decode()
    assert page_of(held) in html
    assert page_of(free) not in html
    assert "Being read by colleague" in html
    assert re.search(r'href="\?"[^>]*aria-current[^>]*>\s*Being read\s', html)  # the link clears the filter


def test_an_empty_list_says_so_and_links_to_the_upload(reader: Client, admit: Admit) -> None:
    empty = reader.get(reverse("cases:list")).content.decode()
    assert "No case yet" in empty
    sign(reader, admit(1))
    read = reader.get(reverse("cases:list")).content.decode()
    assert "All cases are read" in read
    for html in (empty, read):
        assert f'class="btn btn-primary" href="{reverse("cases:upload")}"' in html


def test_an_unknown_filter_is_ignored(reader: Client, admit: Admit) -> None:
    case = admit(1)
    assert page_of(case) in reader.get(reverse("cases:list"), {"status": "'"}).content.decode()


def test_read_next_opens_the_most_urgent_case(reader: Client, radiologist: User, admit: Admit) -> None:
    admit(1)
    stat = admit(2, priority=Priority.STAT)
    response = reader.post(reverse("review:next"))
    assert response["Location"] == page_of(stat)
    assert Claim.objects.get().by == radiologist


def test_read_next_with_an_empty_queue_says_so(reader: Client) -> None:
    html = reader.post(reverse("review:next"), follow=True).content.decode()
    assert "nothing left for you to read" in html


def test_sign_and_next_opens_the_next_case_or_the_worklist(
    reader: Client, radiologist: User, admit: Admit
) -> None:
    first, second = admit(1), admit(2)
    reader.post(reverse("review:next"))
    assert sign(reader, first)["Location"] == page_of(second)
    assert Claim.objects.get(ended_at=None).case == second
    last = sign(reader, second)
    assert last["Location"] == reverse("cases:list")
    assert "All cases are read" in reader.get(last["Location"]).content.decode()
    assert Reading.objects.filter(by=radiologist).count() == 2


def test_a_form_without_a_finding_is_refused_and_keeps_the_note(
    reader: Client, radiologist: User, admit: Admit
) -> None:
    case = admit(1)
    claim(case, radiologist)
    response = sign(reader, case, finding="", note="Look at the left base.")
    assert response.status_code == 400
    html = response.content.decode()
    assert "Please choose a finding first" in html
    assert "Look at the left base." in html
    assert not Reading.objects.exists()


def test_signing_after_a_lost_claim_shows_the_reason_and_keeps_the_note(
    reader: Client, radiologist: User, second_radiologist: User, admit: Admit
) -> None:
    case = admit(1)
    now = timezone.now()
    claims.claim(case=case, by=radiologist, now=now - settings.CLAIM_LEASE)
    claims.claim(case=case, by=second_radiologist, now=now)
    response = sign(reader, case, note="Rare.")
    assert response.status_code == 409
    html = response.content.decode()
    assert "Your claim on this case has expired and colleague is reading it now" in html
    assert "Rare." in html


def test_a_case_claimed_by_another_reader_offers_the_next_one(
    reader: Client, second_radiologist: User, admit: Admit
) -> None:
    case = admit(1)
    claim(case, second_radiologist)
    html = reader.get(page_of(case)).content.decode()
    assert "colleague is reading this case until" in html
    assert reverse("review:sign", args=[case.pk]) not in html


def test_opening_a_case_does_not_claim_it_but_the_button_does(
    reader: Client, radiologist: User, admit: Admit
) -> None:
    case = admit(1)
    assert "Claim case" in reader.get(page_of(case)).content.decode()
    assert not Claim.objects.exists()
    assert reader.post(reverse("review:claim", args=[case.pk]))["Location"] == page_of(case)
    assert Claim.objects.get().by == radiologist


def test_release_leads_to_the_worklist(reader: Client, radiologist: User, admit: Admit) -> None:
    case = admit(1)
    claim(case, radiologist)
    response = reader.post(reverse("review:release", args=[case.pk]), follow=True)
    assert "back on the worklist" in response.content.decode()
    assert Claim.objects.get().ended_at is not None


def test_a_claim_is_renewed_until_it_is_released(
    reader: Client, radiologist: User, second_radiologist: User, admit: Admit
) -> None:
    case = admit(1)
    claims.claim(case=case, by=radiologist, now=timezone.now() - timedelta(minutes=5))
    renew = reverse("review:renew", args=[case.pk])
    assert int(reader.post(renew).content) > 590
    claims.release(case=case, by=radiologist, now=timezone.now())
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


def test_a_prior_is_shown_only_of_the_same_patient(reader: Client, admit: Admit) -> None:
    case, prior, unrelated = admit(3, patient="P"), admit(1, patient="P"), admit(2)
    html = reader.get(page_of(case)).content.decode()
    assert "1 prior" in html
    assert reverse("cases:radiograph", args=[prior.pk]) not in html
    beside = reader.get(page_of(case), {"prior": str(prior.pk)}).content.decode()
    assert reverse("cases:radiograph", args=[prior.pk]) in beside
    wrong = reader.get(page_of(case), {"prior": str(unrelated.pk)}).content.decode()
    assert reverse("cases:radiograph", args=[unrelated.pk]) not in wrong
