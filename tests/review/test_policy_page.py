"""The page of the reading policy: grouped fields, each with its effect, and its changes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.errors import NotAllowed
from diagnostics.review.forms.reading_policy import PolicyForm
from diagnostics.review.models import ReadingPolicy
from diagnostics.review.services.reading_policy import set_policy

RULES: dict[str, Any] = {
    "double_read_percent": 20,
    "reference_percent": 0,
    "repeat_percent": 0,
    "stat_minutes": 30,
    "urgent_minutes": 60,
    "routine_minutes": 240,
    "uncertain_percent": 40,
    "contradicted_percent": 20,
    "novel_percent": 20,
    "technicians_see_predictions": "on",
    "administrators_see_predictions": "on",
}


@pytest.fixture
def office(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


def page(office: Client, **query: str) -> str:
    return re.sub(r"\s+", " ", office.get(reverse("review:policy"), query).text)


def test_every_field_stands_in_one_group_with_a_sentence_of_its_effect() -> None:
    form = PolicyForm()
    shown = [field for group in form.groups() for field in group.fields]

    assert sorted(field.name for field in shown) == sorted(form.fields)
    assert all(str(field.help_text).endswith(".") for field in shown)
    assert [str(group.heading) for group in form.groups()] == [
        "Double reading",
        "Control cases",
        "Worklist order and due times",
        "Active-learning queue",
        "Visibility of AI results",
    ]


def test_the_page_names_each_change_with_old_and_new_value_and_the_user(office: Client) -> None:
    assert "No change yet" in page(office)

    office.post(reverse("review:policy"), RULES)
    office.post(reverse("review:policy"), RULES | {"double_read_percent": 5, "triage_by_score": "on"})

    html = page(office)
    newest, oldest = html.split("Changes")[-1].split('class="rr-entry"')[1:]
    assert "Double-read radiographs (percent): 20, now 5" in newest
    assert "their COVID-19 score: no, now yes" in newest
    assert newest.count("<li>") == 2
    assert "Double-read radiographs (percent): 0, now 20" in oldest
    assert oldest.count("<li>") == 1
    assert newest.count("administrator") == oldest.count("administrator") == 1


def test_a_change_in_djangos_admin_is_part_of_the_history(
    office: Client, administrator: User, site: Site, now: datetime
) -> None:
    changes = {"urgent_minutes": {"old": 60, "new": 45}, "name": {"old": "North", "new": "Ward"}}
    record(action=Action.SITE_CHANGED, by=administrator, target=site, detail={"changes": changes}, now=now)

    history = page(office).split("Changes")[-1]
    assert "Urgent radiographs are due after (minutes): 60, now 45" in history
    assert "Ward" not in history


def test_an_administrator_of_two_sites_chooses_the_site(
    office: Client, administrator: User, site: Site, other_site: Site
) -> None:
    assert office.get(reverse("review:policy"), {"site": str(other_site.pk)}).status_code == 404
    administrator.sites.add(other_site)

    assert "Reading policy of South" in page(office, site=str(other_site.pk))
    office.post(f"{reverse('review:policy')}?site={other_site.pk}", RULES)

    assert [policy.site for policy in ReadingPolicy.objects.all()] == [other_site]
    assert "Reading policy of North" in page(office, site="no id")


def test_the_policy_of_another_site_is_refused(administrator: User, other_site: Site, now: datetime) -> None:
    with pytest.raises(NotAllowed):
        set_policy(site=other_site, policy={}, site_rules={}, by=administrator, now=now)
