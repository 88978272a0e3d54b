"""Scores, references and times in words."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from diagnostics.cases.models import Prediction
from diagnostics.cases.presenters import case
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion


def done(now: datetime, **fields: object) -> Prediction:
    version = ModelVersion(number=3, bundle="v3")
    return Prediction(
        case_id=uuid4(), status=JobStatus.DONE, version=version, queued_at=now, finished_at=now, **fields
    )


@pytest.mark.parametrize(
    ("reference", "shown"), [("H7300431", "****431"), ("431", "****"), ("7", "****"), ("A431", "****431")]
)
def test_a_patient_reference_shows_its_last_three_characters_at_most(reference: str, shown: str) -> None:
    assert case.masked_reference(reference) == shown


@pytest.mark.parametrize(
    ("value", "threshold", "words"),
    [
        (0.8317, 0.4129, "0.83, above 0.41"),
        (0.05, 0.41, "0.05, below 0.41"),
        (0.41, 0.41, "0.410, above 0.410"),
    ],
)
def test_a_score_stands_beside_its_operating_point(
    now: datetime, value: float, threshold: float, words: str
) -> None:
    answer = case.prediction_summary(
        done(now, finding="normal", probabilities={"normal": value}, operating_points={"normal": threshold})
    )
    assert answer.top.words == words


def test_two_figures_that_look_the_same_are_written_longer(now: datetime) -> None:
    answer = case.prediction_summary(
        done(now, finding="normal", probabilities={"normal": 0.412}, operating_points={"normal": 0.414})
    )
    assert answer.top.words == "0.412, below 0.414"


def test_the_most_probable_class_stands_first(now: datetime) -> None:
    probabilities = {"covid-19": 0.1, "pneumonia": 0.2, "normal": 0.7}
    answer = case.prediction_summary(done(now, finding="normal", probabilities=probabilities))
    assert [score.label for score in answer.scores] == ["Normal", "Pneumonia, other", "COVID-19"]


@pytest.mark.parametrize(
    ("raw_max", "no_evidence", "reason"),
    [
        (0.0, True, "No region raised this score."),
        (0.01, False, "Hardly any heat: no region stands out for this class."),
        (0.9, False, ""),
    ],
)
def test_a_map_with_nothing_to_see_says_so(
    now: datetime, raw_max: float, no_evidence: bool, reason: str
) -> None:
    heat = {"normal": {"raw_max": raw_max, "reference": 1.0, "no_positive_evidence": no_evidence}}
    answer = case.prediction_summary(done(now, finding="normal", probabilities={"normal": 1.0}, heat=heat))
    assert [map.reason for map in answer.heats] == [reason]


def test_waiting_is_counted_from_the_queue_to_now(now: datetime) -> None:
    waiting = Prediction(status=JobStatus.QUEUED, queued_at=now - timedelta(seconds=75))
    work = case.job_summary(waiting, now)
    assert work is not None
    assert (work.elapsed, work.elapsed_words, work.is_open) == (75.0, "75 s", True)
