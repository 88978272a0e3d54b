"""Undoing a signature: when it is possible and what it restores."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.cases.services.blinding import may_see_prediction, record_prediction_shown
from diagnostics.errors import NotAllowed
from diagnostics.review.errors import CannotUndo
from diagnostics.review.models import Claim, Consensus, Reading, ServedReason
from diagnostics.review.selectors import claims as claim_selectors
from diagnostics.review.selectors import training_labels
from diagnostics.review.selectors.readings import standing_readings
from diagnostics.review.services import claims, readings, second_opinion, undo_signature
from tests.review.conftest import Admit, Classify

SECOND = timedelta(seconds=1)


def _sign_and_next(case: Case, by: User, now: datetime) -> Claim | None:
    return readings.sign_and_claim_next(
        case=case, by=by, finding="covid-19", confidence="sure", note="", now=now
    )


def test_an_undone_signature_reopens_the_case_for_the_same_reader(
    admit: Admit, classify: Classify, radiologist: User, now: datetime
) -> None:
    case, after = admit(1), admit(2)
    classify(case)
    claim = claims.claim_next(by=radiologist, now=now)
    assert claim is not None
    following = _sign_and_next(case, radiologist, now)
    assert following is not None
    assert following.case == after
    assert undo_signature.undoable_reading(radiologist, now + 9 * SECOND) == Reading.objects.get()

    taken = undo_signature.undo_signature(case=case, by=radiologist, now=now + 9 * SECOND)

    case.refresh_from_db()
    assert (taken.case, taken.served, case.finalized_at) == (case, ServedReason.DUE, None)
    assert Reading.objects.get().withdrawn_at == now + 9 * SECOND
    assert not standing_readings().exists()
    assert not Consensus.objects.exists()
    assert not may_see_prediction(radiologist, case)
    assert claim_selectors.claim_held_by(radiologist, now + 9 * SECOND) == taken
    assert list(training_labels.training_readings()) == []
    event = AuditEvent.objects.get(action=Action.SIGNATURE_UNDONE)
    assert (event.by, event.target_id, event.detail["finding"]) == (radiologist, str(case.pk), "covid-19")
    # The next case is served next again, and the second reading counts.
    again = _sign_and_next(case, radiologist, now + 20 * SECOND)
    assert again is not None
    assert again.case == after
    assert standing_readings().get().signed_at == now + 20 * SECOND


@pytest.mark.parametrize(
    ("seconds", "offered", "granted"), [(9, True, True), (14, False, True), (16, False, False)]
)
def test_undoing_is_offered_for_ten_seconds_and_possible_for_fifteen(
    seconds: int, offered: bool, granted: bool, admit: Admit, radiologist: User, now: datetime
) -> None:
    case, at = admit(1), now + seconds * SECOND
    readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    assert (undo_signature.undoable_reading(radiologist, at) is not None) is offered
    if granted:
        undo_signature.undo_signature(case=case, by=radiologist, now=at)
    else:
        with pytest.raises(CannotUndo):
            undo_signature.undo_signature(case=case, by=radiologist, now=at)
    assert standing_readings().exists() is not granted


def test_a_signature_cannot_be_undone_after_the_ai_result_was_seen(
    admit: Admit, classify: Classify, radiologist: User, now: datetime
) -> None:
    case = admit(1)
    prediction = classify(case)
    readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    record_prediction_shown(radiologist, [prediction], now)
    assert undo_signature.undoable_reading(radiologist, now) is None
    with pytest.raises(CannotUndo, match="AI result"):
        undo_signature.undo_signature(case=case, by=radiologist, now=now)
    assert Reading.objects.count() == 1


@pytest.mark.usefixtures("two_readers")
def test_a_signature_cannot_be_undone_after_a_colleague_has_read(
    admit: Admit, radiologist: User, second_radiologist: User, now: datetime
) -> None:
    case = admit(1)
    for reader in (radiologist, second_radiologist):
        readings.sign_reading(case=case, by=reader, finding="normal", now=now)
    for reader in (radiologist, second_radiologist):
        with pytest.raises(CannotUndo, match="colleague"):
            undo_signature.undo_signature(case=case, by=reader, now=now)
    assert Reading.objects.count() == 2


def test_only_the_own_first_signature_can_be_undone(
    admit: Admit, radiologist: User, second_radiologist: User, stranger: User, technician: User, now: datetime
) -> None:
    case = admit(1)
    reading = readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    with pytest.raises(CannotUndo):
        undo_signature.undo_signature(case=case, by=second_radiologist, now=now)
    for nobody in (stranger, technician):
        with pytest.raises(NotAllowed):
            undo_signature.undo_signature(case=case, by=nobody, now=now)
    readings.amend_reading(
        reading=reading,
        by=radiologist,
        finding="other",
        confidence="sure",
        note="",
        reason="Yes.",
        now=now + SECOND,
    )
    with pytest.raises(CannotUndo):
        undo_signature.undo_signature(case=case, by=radiologist, now=now + SECOND)
    assert Reading.objects.count() == 2


def test_undoing_also_cancels_a_second_opinion_request(
    admit: Admit, radiologist: User, now: datetime
) -> None:
    case = admit(1)
    readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    second_opinion.request_second_opinion(case=case, by=radiologist, now=now)
    undo_signature.undo_signature(case=case, by=radiologist, now=now)
    readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    assert Consensus.objects.get().readers_needed == 1


def test_the_next_page_and_the_worklist_offer_to_undo(
    client: Client, admit: Admit, classify: Classify, radiologist: User
) -> None:
    case, after = admit(1), admit(2)
    classify(case)
    client.force_login(radiologist)
    client.post(reverse("review:claim", args=[case.pk]))
    form = {"finding": "normal", "confidence": "sure", "note": "", "then": "next"}
    page = client.post(reverse("review:sign", args=[case.pk]), form, follow=True)
    address = reverse("review:undo-signature", args=[case.pk])
    assert page.redirect_chain[-1][0] == reverse("review:case", args=[after.pk])
    for html in (page.content.decode(), client.get(reverse("cases:list")).content.decode()):
        assert address in html
        assert "Signed: Normal, ACC-1" in html
    back = client.post(address, follow=True)
    assert back.redirect_chain[-1][0] == reverse("review:case", args=[case.pk])
    assert address not in back.content.decode()
    assert "Sign and next" in back.content.decode()
    form["then"] = "stay"
    assert (
        address not in client.post(reverse("review:sign", args=[case.pk]), form, follow=True).content.decode()
    )
    late = client.post(address, follow=True).content.decode()
    assert "You have seen the AI result since." in late
