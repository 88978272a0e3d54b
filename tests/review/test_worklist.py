"""The worklist as its address says it: order, filters, kept views, and work handed out."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Priority
from diagnostics.cases.services.priority import set_priority
from diagnostics.errors import NotAllowed
from diagnostics.review.errors import TooManyViews, UnknownReader
from diagnostics.review.models import Assignment, SavedView
from diagnostics.review.selectors import worklist
from diagnostics.review.services import assignments, claiming, readings, saved_views
from diagnostics.review.templatetags.reading import due
from diagnostics.review.worklist_query import ORDERS, WorklistQuery, WorklistState
from tests.review.conftest import Admit, Classify

WORKLIST = "review:worklist"


@pytest.fixture
def reader(client: Client, radiologist: User) -> Client:
    client.force_login(radiologist)
    return client


def listed(user: User, now: datetime, **wanted: str) -> list[str]:
    return [case.accession_number for case in worklist.worklist(user, WorklistQuery.of(wanted), now=now)]


def test_what_is_due_first_stands_first_so_that_no_radiograph_waits_for_ever(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    """Routine is due after four hours, urgent after one; radiographs came in two hours before now."""
    urgent, routine = admit(1, priority=Priority.URGENT), admit(2)
    old, stat = admit(-121), admit(9, priority=Priority.STAT)  # routine of four hours ago, due a minute ago
    assert listed(radiologist, now) == [case.accession_number for case in (stat, urgent, old, routine)]
    later = now + timedelta(minutes=30)
    fresh = admit(150, priority=Priority.URGENT)  # urgent, but due after the old one
    order = [case.accession_number for case in (stat, urgent, old, fresh, routine)]
    assert listed(radiologist, later) == order


@pytest.mark.parametrize("sort", list(ORDERS))
def test_stat_stays_on_top_of_every_order(sort: str, radiologist: User, admit: Admit, now: datetime) -> None:
    for number in (5, 3, 8):
        admit(number)
    admit(6, priority=Priority.STAT)
    found = listed(radiologist, now, sort=sort)
    assert found[0] == "ACC-6"
    if sort in {"accession", "-accession"}:
        expected = ["ACC-3", "ACC-5", "ACC-8"]
        assert found[1:] == (expected if sort == "accession" else expected[::-1])


def test_filters_narrow_and_what_an_address_cannot_mean_is_left_out(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    admit(1), admit(2, priority=Priority.URGENT), admit(3)
    assert listed(radiologist, now, priority="urgent") == ["ACC-2"]
    assert listed(radiologist, now, q="acc-3") == ["ACC-3"]
    assert listed(radiologist, now, view="AP") == []
    assert len(listed(radiologist, now, view="PA", sort="; DROP", status="gone", priority="x")) == 3
    assert WorklistQuery.of({"sort": "; DROP", "q": "a\x00b", "mine": "no"}).query == ""


def test_the_machine_hides_and_moves_nothing(
    radiologist: User, admit: Admit, classify: Classify, now: datetime
) -> None:
    first, second = admit(1), admit(2)
    classify(second)
    assert listed(radiologist, now) == [first.accession_number, second.accession_number]


def test_a_radiograph_handed_to_a_reader_is_served_to_nobody_else(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    handed, free = admit(1), admit(2)
    assignments.assign(cases=[handed], to=second_radiologist, by=radiologist, now=now)
    mine, theirs = (claiming.claim_next(by=user, now=now) for user in (radiologist, second_radiologist))
    assert mine is not None
    assert theirs is not None
    assert (mine.case, theirs.case) == (free, handed)
    assert listed(second_radiologist, now, mine="yes") == ["ACC-1"]
    assert len(listed(radiologist, now)) == 2


def test_nobody_is_handed_a_radiograph_of_a_site_where_they_do_not_work(
    administrator: User, stranger: User, technician: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    for wrong in (stranger, technician):
        with pytest.raises(UnknownReader):
            assignments.assign(cases=[case], to=wrong, by=administrator, now=now)
    assert not Assignment.objects.exists()


def test_whoever_may_not_hand_out_work_cannot(technician: User, admit: Admit, now: datetime) -> None:
    case = admit(1)
    with pytest.raises(NotAllowed):
        assignments.assign(cases=[case], to=None, by=technician, now=now)
    with pytest.raises(NotAllowed):
        set_priority(cases=[case], priority=Priority.STAT, by=technician, now=now)


def test_an_administrator_frees_what_a_reader_holds(
    administrator: User, radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    claiming.claim(case=case, by=radiologist, now=now)
    with pytest.raises(NotAllowed):
        assignments.unassign(cases=[case], by=second_radiologist, now=now)
    assert assignments.unassign(cases=[case], by=administrator, now=now) == 1
    taken = claiming.claim_next(by=second_radiologist, now=now)
    assert taken is not None
    assert taken.case == case
    assert AuditEvent.objects.filter(action=Action.CLAIM_ENDED).count() == 1


def test_another_priority_brings_another_deadline(
    radiologist: User, stranger: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    assert set_priority(cases=[case], priority=Priority.STAT, by=stranger, now=now) == 0
    assert set_priority(cases=[case], priority=Priority.STAT, by=radiologist, now=now) == 1
    case.refresh_from_db()
    assert (case.priority, case.priority_rank, case.stat_rank, case.due_at) == ("stat", 0, 0, case.opened_at)
    assert set_priority(cases=[case], priority=Priority.STAT, by=radiologist, now=now) == 0


def test_the_page_hands_out_and_changes_many_at_once(
    reader: Client, second_radiologist: User, admit: Admit
) -> None:
    cases = [admit(number) for number in range(3)]
    ids = [str(case.pk) for case in cases]
    answer = reader.post(
        reverse("review:bulk"), {"case": ids, "act": "urgent", "here": "sort=accession&evil=1"}
    )
    assert answer["Location"] == f"{reverse(WORKLIST)}?sort=accession"
    assert set(Case.objects.values_list("priority", flat=True)) == {"urgent"}
    reader.post(reverse("review:bulk"), {"case": ids[:2], "act": "assign", "to": "colleague"})
    assert Assignment.objects.filter(to=second_radiologist).count() == 2
    reader.post(reverse("review:bulk"), {"case": ids, "act": "assign", "to": ""})
    assert not Assignment.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"act": "urgent"},
        {"act": "urgent", "case": "no id"},
        {"act": "delete", "case": "x"},
        {"act": "assign", "to": "nobody", "case": "00000000-0000-0000-0000-000000000000"},
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    wrong: dict[str, str], reader: Client, admit: Admit
) -> None:
    admit(1)
    page = reader.post(reverse("review:bulk"), wrong, follow=True).content.decode()
    assert "rr-alert" in page
    assert not Assignment.objects.exists()
    assert Case.objects.get().priority == "routine"


def test_a_view_is_kept_under_a_name_for_its_owner_alone(
    reader: Client, client: Client, radiologist: User, second_radiologist: User, admit: Admit
) -> None:
    admit(1)
    reader.post(reverse("review:keep-view"), {"name": "My STAT", "here": "priority=stat&sort=-received"})
    view = SavedView.objects.get()
    assert (view.owner, view.query) == (radiologist, "priority=stat&sort=-received")
    page = re.sub(r"\s+", " ", reader.get(reverse(WORKLIST)).content.decode())
    assert 'href="?priority=stat&amp;sort=-received"' in page
    client.force_login(second_radiologist)
    assert "My STAT" not in client.get(reverse(WORKLIST)).content.decode()
    assert client.post(reverse("review:drop-view", args=[view.pk])).status_code == 404
    client.force_login(radiologist)
    client.post(reverse("review:drop-view", args=[view.pk]))
    assert not SavedView.objects.exists()


def test_there_is_an_end_to_views(radiologist: User) -> None:
    for number in range(saved_views.MAX_VIEWS):
        saved_views.save_view(name=f"{number}", wanted=WorklistQuery(priority="stat"), by=radiologist)
    saved_views.save_view(name="0", wanted=WorklistQuery(), by=radiologist)
    with pytest.raises(TooManyViews):
        saved_views.save_view(name="more", wanted=WorklistQuery(), by=radiologist)


def test_an_administrator_sees_the_table_without_a_button_to_read(
    client: Client, administrator: User, admit: Admit
) -> None:
    case = admit(1)
    client.force_login(administrator)
    page = client.get(reverse(WORKLIST)).content.decode()
    assert "Read next" not in page
    assert reverse("cases:case", args=[case.pk]) in page
    assert reverse("review:case", args=[case.pk]) not in page
    assert "Free from their reader" in page


def test_a_page_of_the_worklist_costs_the_same_with_one_case_and_with_thirty(
    reader: Client, admit: Admit, django_assert_max_num_queries: object
) -> None:
    admit(1)
    with django_assert_max_num_queries(26) as one:  # type: ignore[operator]
        reader.get(reverse(WORKLIST))
    for number in range(2, 31):
        admit(number)
    with django_assert_max_num_queries(len(one)):  # type: ignore[operator]
        reader.get(reverse(WORKLIST))


@pytest.mark.parametrize(("shown", "answer"), [(True, "covid-19"), (False, None)])
def test_technicians_see_answers_before_the_reading_as_the_site_says(
    shown: bool,
    answer: str | None,
    client: Client,
    technician: User,
    radiologist: User,
    site: Site,
    admit: Admit,
    classify: Classify,
    now: datetime,
) -> None:
    Site.objects.update(technicians_see_predictions=shown)
    case = admit(1)
    classify(case)
    client.force_login(technician)
    address = reverse("api-case", args=[case.pk])
    prediction = client.get(address).json()["prediction"]
    assert (prediction and prediction["finding"]) == answer
    assert ("0.83" in client.get(reverse("cases:list")).content.decode()) is shown
    readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    assert client.get(address).json()["prediction"]["finding"] == "covid-19"


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(17, "in 17 min"), (60, "in 1 h"), (-59, "59 min late"), (-333, "5 h late"), (2880, "in 2 days")],
)
def test_a_deadline_is_told_in_one_measure(minutes: int, words: str, now: datetime) -> None:
    assert due(now + timedelta(minutes=minutes), now) == words


def test_every_state_has_a_chip_with_its_count(reader: Client, admit: Admit) -> None:
    admit(1)
    page = re.sub(r"\s+", " ", reader.get(reverse(WORKLIST)).content.decode())
    for state in WorklistState:
        assert f'href="?status={state.value}"' in page
