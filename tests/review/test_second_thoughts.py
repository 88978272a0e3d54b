"""A signature can be taken back for some seconds, while nothing but the film has been seen."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.base import NotAllowed
from diagnostics.cases.answers import may_see_answer, note_shown
from diagnostics.cases.models import Case
from diagnostics.review import afterwards, second_thoughts, selectors, services
from diagnostics.review.models import Claim, Judgement, Reading, Served
from diagnostics.review.refusals import NotTakenBack
from tests.review.conftest import Admit, Classify

SECOND = timedelta(seconds=1)


def _sign_and_next(case: Case, by: User, now: datetime) -> Claim | None:
    return services.sign_and_claim_next(
        case=case, by=by, finding="covid-19", confidence="sure", note="", now=now
    )


def test_a_slip_is_taken_back_and_the_film_is_read_again(
    admit: Admit, classify: Classify, radiologist: User, now: datetime
) -> None:
    case, after = admit(1), admit(2)
    classify(case)
    claim = services.claim_next(by=radiologist, now=now)
    assert claim is not None
    following = _sign_and_next(case, radiologist, now)
    assert following is not None
    assert following.case == after
    assert second_thoughts.just_signed(radiologist, now + 9 * SECOND) == Reading.objects.get()

    taken = second_thoughts.take_back(case=case, by=radiologist, now=now + 9 * SECOND)

    case.refresh_from_db()
    assert (taken.case, taken.served, case.settled_at) == (case, Served.DUE, None)
    assert not Reading.objects.exists()
    assert not Judgement.objects.exists()
    assert not may_see_answer(radiologist, case)
    assert selectors.held_by(radiologist, now + 9 * SECOND) == taken
    assert list(selectors.labelled()) == []
    event = AuditEvent.objects.get(action=Action.READING_TAKEN_BACK)
    assert (event.by, event.target_id, event.detail["finding"]) == (radiologist, str(case.pk), "covid-19")
    # The film that had come next comes next again, and the second word counts.
    again = _sign_and_next(case, radiologist, now + 20 * SECOND)
    assert again is not None
    assert again.case == after
    assert Reading.objects.get().signed_at == now + 20 * SECOND


@pytest.mark.parametrize(
    ("seconds", "offered", "granted"), [(9, True, True), (14, False, True), (16, False, False)]
)
def test_the_offer_ends_a_little_before_the_grant(
    seconds: int, offered: bool, granted: bool, admit: Admit, radiologist: User, now: datetime
) -> None:
    case, at = admit(1), now + seconds * SECOND
    services.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    assert (second_thoughts.just_signed(radiologist, at) is not None) is offered
    if granted:
        second_thoughts.take_back(case=case, by=radiologist, now=at)
    else:
        with pytest.raises(NotTakenBack):
            second_thoughts.take_back(case=case, by=radiologist, now=at)
    assert Reading.objects.exists() is not granted


def test_what_has_been_seen_cannot_be_unseen(
    admit: Admit, classify: Classify, radiologist: User, now: datetime
) -> None:
    case = admit(1)
    answer = classify(case)
    services.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    note_shown(radiologist, [answer], now)
    assert second_thoughts.just_signed(radiologist, now) is None
    with pytest.raises(NotTakenBack, match="machine's answer"):
        second_thoughts.take_back(case=case, by=radiologist, now=now)
    assert Reading.objects.count() == 1


@pytest.mark.usefixtures("two_readers")
def test_a_film_that_a_colleague_has_read_too_stays_signed(
    admit: Admit, radiologist: User, second_radiologist: User, now: datetime
) -> None:
    case = admit(1)
    for reader in (radiologist, second_radiologist):
        services.sign_reading(case=case, by=reader, finding="normal", now=now)
    for reader in (radiologist, second_radiologist):
        with pytest.raises(NotTakenBack, match="colleague"):
            second_thoughts.take_back(case=case, by=reader, now=now)
    assert Reading.objects.count() == 2


def test_only_ones_own_signature_and_no_amendment(
    admit: Admit, radiologist: User, second_radiologist: User, stranger: User, technician: User, now: datetime
) -> None:
    case = admit(1)
    reading = services.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    with pytest.raises(NotTakenBack):
        second_thoughts.take_back(case=case, by=second_radiologist, now=now)
    for nobody in (stranger, technician):
        with pytest.raises(NotAllowed):
            second_thoughts.take_back(case=case, by=nobody, now=now)
    services.amend_reading(
        reading=reading,
        by=radiologist,
        finding="other",
        confidence="sure",
        note="",
        reason="Yes.",
        now=now + SECOND,
    )
    with pytest.raises(NotTakenBack):
        second_thoughts.take_back(case=case, by=radiologist, now=now + SECOND)
    assert Reading.objects.count() == 2


def test_a_second_opinion_asked_meanwhile_is_asked_no_more(
    admit: Admit, radiologist: User, now: datetime
) -> None:
    case = admit(1)
    services.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    afterwards.ask_second_opinion(case=case, by=radiologist, now=now)
    second_thoughts.take_back(case=case, by=radiologist, now=now)
    services.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    assert Judgement.objects.get().readers_needed == 1


def test_the_next_page_and_the_worklist_offer_it(
    client: Client, admit: Admit, classify: Classify, radiologist: User
) -> None:
    case, after = admit(1), admit(2)
    classify(case)
    client.force_login(radiologist)
    client.post(reverse("review:claim", args=[case.pk]))
    said = {"finding": "normal", "confidence": "sure", "note": "", "then": "next"}
    page = client.post(reverse("review:sign", args=[case.pk]), said, follow=True)
    address = reverse("review:take-back", args=[case.pk])
    assert page.redirect_chain[-1][0] == reverse("review:case", args=[after.pk])
    for html in (page.content.decode(), client.get(reverse("review:worklist")).content.decode()):
        assert address in html
        assert "Signed: Normal, ACC-1" in html
    back = client.post(address, follow=True)
    assert back.redirect_chain[-1][0] == reverse("review:case", args=[case.pk])
    assert address not in back.content.decode()
    assert "Sign and next" in back.content.decode()
    said["then"] = "stay"
    assert (
        address not in client.post(reverse("review:sign", args=[case.pk]), said, follow=True).content.decode()
    )
    late = client.post(address, follow=True).content.decode()
    assert "You have seen the machine&#x27;s answer since." in late
