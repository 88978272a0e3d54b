"""The administrator's home: its figures, its charts, its queries, and who sees it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from diagnostics.accounts.models import Site, User
from diagnostics.administration.presenters import drawing, tiles
from diagnostics.administration.selectors import agreement, failures, workload
from diagnostics.cases.models import Case, Prediction, Priority
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion, Promotion
from diagnostics.review.proportion import Proportion
from diagnostics.review.services import kept_figures, readings
from diagnostics.training.models import Epoch, TrainingRun
from tests.review.conftest import Admit, Classify

MONTH = timedelta(days=30)


def finalize(case: Case, *, minutes: int, opened_at: datetime) -> None:
    """Let a case become final a number of minutes after its upload."""
    Case.objects.filter(pk=case.pk).update(
        opened_at=opened_at, finalized_at=opened_at + timedelta(minutes=minutes)
    )


def test_open_cases_are_counted_by_priority_with_those_that_are_overdue(
    admit: Admit, administrator: User, other_site: Site, now: datetime
) -> None:
    admit(1, priority=Priority.STAT)  # due half an hour after an upload two hours ago
    for number in (2, 3):
        admit(number)  # due four hours after it
    admit(4, at=other_site)
    final, withdrawn = admit(5), admit(6)
    finalize(final, minutes=5, opened_at=now)
    Case.objects.filter(pk=withdrawn.pk).update(withdrawn_at=now)

    found = workload.waiting_cases(administrator, now=now)

    assert [(row.priority, row.waiting, row.overdue) for row in found] == [
        ("stat", 1, 1),
        ("urgent", 0, 0),
        ("routine", 2, 0),
    ]


def test_turnaround_is_the_percentile_of_numpy_and_leaves_imported_cases_out(
    admit: Admit, administrator: User, now: datetime
) -> None:
    minutes = [3, 8, 15, 21, 34, 55, 90, 120, 240, 300, 1000]
    for number, each in enumerate(minutes):
        finalize(admit(number), minutes=each, opened_at=now - timedelta(days=2))
    finalize(admit(50, priority=Priority.STAT), minutes=7, opened_at=now - timedelta(days=1))
    finalize(admit(51), minutes=1, opened_at=now - timedelta(days=31))  # before the period
    imported = admit(52)
    finalize(imported, minutes=1, opened_at=now - timedelta(days=1))
    Case.objects.filter(pk=imported.pk).update(on_worklist=False)

    kept_figures.recount_changed()
    stat, others = workload.turnaround(administrator, now=now, over=MONTH)

    assert (others.cases, others.median) == (11, np.median(minutes))
    assert others.percentile_90 == pytest.approx(np.percentile(minutes, 90))
    assert (stat.cases, stat.median, stat.percentile_90) == (1, 7, None)


def test_failures_are_counted_by_kind_and_day(
    admit: Admit, classify: Classify, administrator: User, other_site: Site, now: datetime
) -> None:
    for number, (site_of, days) in enumerate([(None, 0), (None, 3), (None, 40), (other_site, 0)]):
        failed = classify(admit(number, at=site_of) if site_of else admit(number), JobStatus.FAILED)
        Prediction.objects.filter(pk=failed.pk).update(finished_at=now - timedelta(days=days))
    TrainingRun.objects.create(number=1, queued_at=now, status="failed", finished_at=now)

    found = failures.failures(administrator, now=now, days=30)

    assert (found.predictions, found.imports, found.runs, found.total) == (2, 0, 1, 3)
    by_day = {f"{day}": count for day, count in found.by_day if count}
    assert by_day == {"2026-02-27": 1, "2026-03-02": 2}
    assert len(found.by_day) == 30


def test_agreement_compares_the_first_reading_with_the_newest_ai_result(
    admit: Admit, classify: Classify, administrator: User, radiologist: User, now: datetime
) -> None:
    given = ("covid-19", "covid-19", "normal", "cannot-judge")
    for number, finding in enumerate(given):
        case = admit(number)
        classify(case)  # says covid-19
        readings.sign_reading(case=case, by=radiologist, finding=finding, now=now)
    indeterminate = admit(9)
    result = classify(indeterminate)
    Prediction.objects.filter(pk=result.pk).update(outcome="indeterminate")
    readings.sign_reading(case=indeterminate, by=radiologist, finding="covid-19", now=now)
    readings.sign_reading(case=admit(10), by=radiologist, finding="normal", now=now)  # no AI result

    found = agreement.ai_reader_agreement(administrator, now=now, over=MONTH)

    assert (found.count, found.total) == (2, 3)


def test_an_interval_is_drawn_from_thirty_readings_on() -> None:
    few = tiles.agreement_tile(Proportion(20, 29), days=90)
    enough = tiles.agreement_tile(Proportion(20, 30), days=90)

    assert (few.lead, few.chart) == ("20 of 29 first readings", None)
    assert "Too few" in few.lines[0]
    # By Wilson's formula 20 of 30 has the interval 0.4878 to 0.8077.
    assert enough.lines == ("20 of 30 first readings, 95 % interval 0.49 to 0.81",)
    assert enough.chart is not None
    assert enough.chart.description == enough.lines[0]


def test_bars_share_one_scale_and_columns_reach_the_top_at_their_maximum() -> None:
    chart = drawing.bars(
        "Two", [drawing.Bar("A", "10", ((10, "main"),)), drawing.Bar("B", "5", ((5, "main"),))]
    )
    long, short = (rect.width for rect in chart.rects if rect.tone == "main")
    assert long == 2 * short

    chart = drawing.columns("Days", [0, 4, 2], first="a", last="b", tone="stat")
    assert [(rect.y, rect.height) for rect in chart.rects if rect.tone == "stat"] == [
        (0, drawing.PLOT),
        (drawing.PLOT / 2, drawing.PLOT / 2),
    ]


@pytest.fixture
def version(administrator: User) -> ModelVersion:
    now = timezone.now()
    made = ModelVersion.objects.create(
        number=3, bundle="v3", weights_sha256="", manifest={}, registered_at=now, verdict="reject"
    )
    Promotion.objects.create(version=made, by=administrator, reason="Better here.", since=now)
    run = TrainingRun.objects.create(number=4, queued_at=now, status="done", finished_at=now, candidate=made)
    for number, accuracy in enumerate((0.5, 0.75), 1):
        Epoch.objects.create(
            run=run,
            number=number,
            planned_epochs=2,
            loss=1,
            accuracy=0.5,
            val_loss=1,
            val_accuracy=accuracy,
            seconds=1,
        )
    return made


def home(client: Client) -> str:
    return re.sub(r"\s+", " ", client.get("/").text)


def test_the_page_names_the_active_version_the_last_run_and_links_to_where_one_acts(
    client: Client, administrator: User, version: ModelVersion
) -> None:
    client.force_login(administrator)

    page = home(client)

    assert f'href="/models/{version.pk}/"' in page
    assert "promoted by administrator" in page
    assert "Better here." in page
    assert "Run 4" in page
    assert "Inferior to the active version" in page
    assert "Accuracy on the validation set by epoch, from 0.50 to 0.75" in page
    for link in ("/cases/?status=final", "/cases/?status=failed", "/imports/", "/training/", "/status/"):
        assert f'href="{link}"' in page, link


def test_every_chart_has_a_text_alternative(
    client: Client, admit: Admit, administrator: User, version: ModelVersion
) -> None:
    admit(1)
    client.force_login(administrator)

    charts = re.findall(r"<svg class=\"home-chart\"[^>]*>", home(client))

    assert len(charts) >= 4
    assert all('role="img"' in chart and re.search(r'aria-label="[^"]{10,}"', chart) for chart in charts)


def test_the_queries_do_not_grow_with_the_cases(
    client: Client,
    admit: Admit,
    classify: Classify,
    administrator: User,
    radiologist: User,
    version: ModelVersion,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client.force_login(administrator)
    client.get("/")
    for number in range(12):
        case: Any = admit(number)
        classify(case, JobStatus.FAILED if number % 2 else JobStatus.DONE)
        readings.sign_reading(case=case, by=radiologist, finding="normal", now=timezone.now())
    client.get("/")  # counts the new readings

    with django_assert_num_queries(37):
        client.get("/")


def test_an_empty_installation_has_a_home_too(client: Client, administrator: User) -> None:
    client.force_login(administrator)

    page = home(client)

    assert "No AI results until a version is promoted" in page
    assert "No run yet" in page
    assert "No final case" in page
