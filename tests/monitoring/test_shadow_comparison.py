"""The comparison of a shadow run with the active version: figures by hand, page, API and selection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.monitoring.models import ShadowRun
from diagnostics.monitoring.selectors.shadow_comparison import comparison_of
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import Consensus, SelectedCase
from tests.cases.conftest import Login
from tests.monitoring.conftest import Classified
from tests.monitoring.shadow import add_case, score, scores

Pair = Callable[..., Case]


@pytest.fixture
def pair(run: ShadowRun, classified: Classified) -> Pair:
    """Return a function that stores a case with the scores of both versions."""

    def store(active: float, candidate: float, *, pneumonia: float = 0.0, **columns: str) -> Case:
        case = columns.pop("case", None)
        prediction = classified(active, case=case, outcome=columns.pop("before", "finding"))
        score(run, prediction, scores(candidate, pneumonia), outcome=columns.pop("after", "finding"))
        return prediction.case

    return store


def test_matrix_agreement_and_flags_are_those_counted_by_hand(
    run: ShadowRun, pair: Pair, administrator: User
) -> None:
    """The active version flags 3 of 5 cases, the candidate 2; one case is normal, then pneumonia."""
    pair(0.9, 0.8)
    removed = pair(0.7, 0.4)
    added = pair(0.45, 0.5)  # the threshold belongs to the flag
    pair(0.1, 0.2)
    other = pair(0.2, 0.1, pneumonia=0.6, before="indeterminate")

    found = comparison_of(run, user=administrator)

    assert found.matrix == {
        ("covid-19", "covid-19"): 1,
        ("covid-19", "normal"): 1,
        ("normal", "covid-19"): 1,
        ("normal", "normal"): 1,
        ("normal", "pneumonia"): 1,
    }
    assert (found.agreement.count, found.agreement.total, found.agreement.too_few) == (2, 5, True)
    # By hand: observed 2/5, expected 2/5 * 2/5 + 3/5 * 2/5 = 10/25; so kappa is 0.
    assert found.kappa is not None
    assert found.kappa.value == pytest.approx(0.0, abs=1e-12)
    # Changed flags first, the largest difference of the score first.
    assert [each.case for each in found.disagreements] == [removed, added, other]
    assert found.outcomes("indeterminate") == (1, 0)


def test_the_thresholds_are_those_of_the_deployment_and_of_the_candidate(
    run: ShadowRun, pair: Pair, administrator: User
) -> None:
    pair(0.6, 0.6)
    run.operating_points = {"covid-19": 0.7}
    run.save()
    (only,) = comparison_of(run, user=administrator).compared
    assert (only.active.flagged, only.shadow.flagged) == (True, False)


def test_cases_of_other_sites_and_withheld_results_are_counted_but_not_compared(
    run: ShadowRun,
    pair: Pair,
    site: Site,
    other_site: Site,
    technician: User,
    administrator: User,
    now: datetime,
) -> None:
    pair(0.9, 0.1, case=add_case(other_site, technician, now))
    own = pair(0.9, 0.1)
    assert [each.case for each in comparison_of(run, user=administrator).compared] == [own]
    Site.objects.filter(pk=site.pk).update(administrators_see_predictions=False)
    found = comparison_of(run, user=administrator)
    assert (found.compared, found.hidden) == ((), 2)


def test_the_page_shows_matrix_scatter_and_disagreements_and_ends_the_run(
    client: Client, run: ShadowRun, pair: Pair, administrator: User
) -> None:
    changed, same = pair(0.7, 0.4), pair(0.9, 0.8)
    client.force_login(administrator)
    url = reverse("monitoring:shadow", args=[run.version_id])
    page = client.get(url).content.decode()
    assert "v2 scores each new case of v1. Readers see nothing of it." in page
    assert reverse("cases:thumbnail", args=[changed.pk]) in page
    assert reverse("cases:thumbnail", args=[same.pk]) not in page
    assert "1 / 2, too few" in page
    assert page.count("<circle") == 2
    ended = client.post(reverse("monitoring:shadow-end", args=[run.version_id]), follow=True)
    assert "Ended: ended by a user." in ended.content.decode()
    again = client.post(reverse("monitoring:shadow-end", args=[run.version_id]))
    assert (again.status_code, "v2 has no shadow run" in again.content.decode()) == (409, True)


def test_the_page_of_a_version_without_a_run_offers_the_start(
    client: Client, candidate: ModelVersion, active: ModelVersion, administrator: User
) -> None:
    client.force_login(administrator)
    page = client.get(reverse("monitoring:shadow", args=[candidate.pk])).content.decode()
    assert ("No shadow run yet" in page, "Start shadow run" in page) == (True, True)
    refused = client.post(reverse("monitoring:shadow-start", args=[active.pk]))
    assert (refused.status_code, "v1 is active" in refused.content.decode()) == (409, True)
    started = client.post(reverse("monitoring:shadow-start", args=[candidate.pk]), follow=True)
    assert "v2 scores each new case of v1" in started.content.decode()
    assert ShadowRun.objects.get().started_by == administrator


def test_the_api_starts_reads_and_ends_a_run(
    candidate: ModelVersion, classified: Classified, administrator: User, api_client: Login
) -> None:
    client = api_client(administrator)
    url = reverse("api-version-shadow", args=[candidate.pk])
    assert client.get(url).status_code == 404
    started = client.post(url)
    assert (started.status_code, started.json()["open"], started.json()["against"]) == (201, True, "v1")
    assert client.post(url).json()["code"] == "shadow_running"
    prediction = classified(0.7)
    score(ShadowRun.objects.get(), prediction, scores(0.25))
    body = client.get(url).json()
    assert body["counts"] == {"queued": 0, "running": 0, "done": 1, "failed": 0}
    assert body["comparison"]["matrix"] == [{"active": "covid-19", "shadow": "normal", "cases": 1}]
    assert body["comparison"]["disagreements"] == [
        {
            "case": str(prediction.case_id),
            "active": {"score": 0.7, "finding": "covid-19", "flagged": True, "outcome": "finding"},
            "shadow": {"score": 0.25, "finding": "normal", "flagged": False, "outcome": "finding"},
        }
    ]
    end = reverse("api-version-shadow-end", args=[candidate.pk])
    assert client.post(end).json()["end"] == "user"
    assert client.post(end).json()["code"] == "no_shadow_running"


def test_open_disagreements_are_sent_to_the_active_learning_queue_and_final_ones_are_not(
    client: Client, run: ShadowRun, pair: Pair, administrator: User, radiologist: User, now: datetime
) -> None:
    unread, final = pair(0.7, 0.4), pair(0.8, 0.4)
    Consensus.objects.create(case=final, readers_needed=1, status="final", finding="pneumonia")
    Case.objects.filter(pk=final.pk).update(finalized_at=now)
    client.force_login(administrator)
    page = client.get(reverse("monitoring:shadow", args=[run.version_id])).content.decode()
    assert f'value="{unread.pk}"' in page
    assert f'value="{final.pk}"' not in page
    assert "Final: Pneumonia, other" in page
    url = reverse("monitoring:shadow-select", args=[run.version_id])
    sent = client.post(url, {"cases": [str(unread.pk), str(final.pk)]}, follow=True)
    assert "1 case is next in the active-learning queue." in sent.content.decode()
    assert [each.case for each in SelectedCase.objects.all()] == [unread]
    for wrong in ({}, {"cases": ["x"]}):
        assert "Select at least one case." in client.post(url, wrong, follow=True).content.decode()


def test_the_api_selects_cases_of_the_own_sites_only(
    pair: Pair, other_site: Site, technician: User, administrator: User, api_client: Login, now: datetime
) -> None:
    own, foreign = pair(0.7, 0.4), add_case(other_site, technician, now)
    sent = {"cases": [str(own.pk), str(foreign.pk)]}
    client = api_client(administrator)
    responses = [
        client.post(reverse("api-selected-cases"), sent, content_type="application/json") for _ in range(2)
    ]
    assert [each.json() for each in responses] == [{"cases": [str(own.pk)]}, {"cases": []}]


def test_without_a_compared_case_the_page_says_so(
    client: Client, run: ShadowRun, administrator: User
) -> None:
    client.force_login(administrator)
    page = client.get(reverse("monitoring:shadow", args=[run.version_id])).content.decode()
    assert "No case is compared yet." in page
