"""Text of scores, heatmaps and job statuses."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from diagnostics.cases.models import Prediction
from diagnostics.cases.presenters.case_list import result_cell
from diagnostics.cases.presenters.job import job_summary
from diagnostics.cases.presenters.numbers import compared_texts
from diagnostics.cases.presenters.prediction import PredictionSummary, prediction_summary
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion


def summary(now: datetime, **fields: object) -> PredictionSummary:
    version = ModelVersion(number=3, bundle="v3")
    done = Prediction(
        case_id=uuid4(), status=JobStatus.DONE, version=version, queued_at=now, finished_at=now, **fields
    )
    return prediction_summary(done)


def score_text(now: datetime, value: float, threshold: float | None) -> str:
    points = {} if threshold is None else {"normal": threshold}
    probabilities = {"normal": value}
    return summary(now, finding="normal", probabilities=probabilities, operating_points=points).top.text


@pytest.mark.parametrize(
    ("value", "threshold", "text"),
    [
        (0.8317, 0.4129, "0.83 (threshold 0.41)"),
        (0.05, 0.41, "0.05 (threshold 0.41)"),
        (0.41, 0.41, "0.41 (threshold 0.41)"),
        (0.83, None, "0.83"),
        # Two digits would show the same number for a value below its threshold.
        (0.412, 0.414, "0.412 (threshold 0.414)"),
        (0.4951, 0.5, "0.495 (threshold 0.500)"),
        # Three digits would too: the value is rounded down, the threshold up.
        (0.49999, 0.5, "0.499 (threshold 0.500)"),
        (0.5, 0.500001, "0.500 (threshold 0.501)"),
        (0.500001, 0.5, "0.501 (threshold 0.500)"),
    ],
)
def test_a_probability_is_shown_with_its_threshold(
    now: datetime, value: float, threshold: float | None, text: str
) -> None:
    assert score_text(now, value, threshold) == text


def test_a_rounded_probability_never_contradicts_the_comparison_with_its_threshold(now: datetime) -> None:
    chance = random.Random(8)
    for _ in range(2_000):
        threshold = chance.random()
        value = min(1.0, max(0.0, threshold + chance.choice([-1, 0, 1]) * 10 ** -chance.uniform(1, 12)))
        numbers = re.findall(r"\d\.\d+", score_text(now, value, threshold))
        assert len(numbers) == 2
        shown, limit = (float(number) for number in numbers)
        assert (shown >= limit, shown > limit) == (value >= threshold, value > threshold), (value, threshold)
        assert abs(shown - value) < 0.01


@pytest.mark.parametrize(("value", "limit"), [(-2.0, -1.0), (-1.0000001, -1.0), (33.0004, 33.0)])
def test_measures_of_any_range_are_rounded_without_a_contradiction(value: float, limit: float) -> None:
    value_text, limit_text = compared_texts(value, limit)
    assert (float(value_text) > float(limit_text)) == (value > limit)


def test_the_most_probable_class_is_first(now: datetime) -> None:
    probabilities = {"covid-19": 0.1, "pneumonia": 0.2, "normal": 0.7}
    scores = summary(now, finding="normal", probabilities=probabilities).scores
    assert [score.label for score in scores] == ["Normal", "Pneumonia, other", "COVID-19"]


def test_the_caption_names_the_version_and_the_score(now: datetime) -> None:
    prediction = summary(now, finding="normal", probabilities={"normal": 1.0})
    assert (prediction.heading, prediction.caption) == ("AI result (v3)", "AI result (v3): Normal 1.00")


@pytest.mark.parametrize(
    ("raw_max", "no_evidence", "reason"),
    [
        (0.0, True, "No region raised this score."),
        (0.01, False, "The heatmap is nearly empty: no region stands out for this class."),
        (0.9, False, ""),
    ],
)
def test_an_empty_heatmap_has_a_reason(now: datetime, raw_max: float, no_evidence: bool, reason: str) -> None:
    scale = {"raw_max": raw_max, "reference": 1.0, "no_positive_evidence": no_evidence}
    prediction = summary(now, finding="normal", probabilities={"normal": 1.0}, heatmaps={"normal": scale})
    assert [heatmap.reason for heatmap in prediction.heatmaps] == [reason]
    assert prediction.heatmap_note == reason


def test_the_elapsed_time_of_a_queued_prediction_runs_from_the_queue_to_now(now: datetime) -> None:
    queued = Prediction(status=JobStatus.QUEUED, queued_at=now - timedelta(seconds=75))
    job = job_summary(queued, now)
    assert job is not None
    assert (job.elapsed_seconds, job.elapsed_text, job.is_open, job.label) == (75.0, "75 s", True, "Queued")


def test_every_result_of_a_version_promoted_in_spite_of_the_gate_is_marked(now: datetime) -> None:
    results = {}
    for overridden_at in (None, now):
        version = ModelVersion(number=3, bundle="v3", overridden_at=overridden_at)
        done = Prediction(
            case_id=uuid4(),
            status=JobStatus.DONE,
            version=version,
            queued_at=now,
            finished_at=now,
            finding="normal",
            probabilities={"normal": 0.9},
        )
        cell = result_cell(done)
        assert cell is not None
        results[overridden_at] = (prediction_summary(done).uncertainty.warnings, cell.title, cell.is_warning)

    mark = "Promoted in spite of the gate"
    assert results == {None: ([], "", False), now: ([mark], mark, True)}
