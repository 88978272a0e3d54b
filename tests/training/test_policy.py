"""Training parameters, required labels, the times of the schedule and the remaining time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from diagnostics.training import policy
from diagnostics.training.errors import InvalidParameters, TooFewLabels
from diagnostics.training.policy import ClassCount, Parameters

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("changed", "evaluated", "days", "expected"),
    [
        # Berlin is one hour ahead in March, so 02:00 there is 01:00 UTC.
        ("2026-03-02 00:30", None, 7, "2026-03-02 01:00"),
        ("2026-03-02 01:00", None, 7, "2026-03-02 01:00"),
        ("2026-03-02 09:30", None, 7, "2026-03-03 01:00"),
        ("2026-03-02 09:30", "2026-03-03 01:00", 7, "2026-03-10 01:00"),
        ("2026-03-02 09:30", "2026-03-03 14:45", 1, "2026-03-04 01:00"),
        # After a change the next evaluation is in the following night, regardless of the last one.
        ("2026-03-20 12:00", "2026-03-03 01:00", 7, "2026-03-21 01:00"),
        # Summer time has begun on 29 March: 02:00 is 00:00 UTC from then on.
        ("2026-03-02 09:30", "2026-03-25 01:00", 7, "2026-04-01 00:00"),
    ],
)
def test_the_schedule_is_evaluated_at_its_hour_in_the_time_zone_of_the_site(
    changed: str, evaluated: str | None, days: int, expected: str
) -> None:
    slot = policy.next_slot(
        changed_at=at(changed),
        evaluated_at=at(evaluated) if evaluated else None,
        every_days=days,
        at_hour=2,
        zone=BERLIN,
    )

    assert slot == at(expected)


def test_two_findings_with_five_patients_each_are_sufficient() -> None:
    policy.require_enough_labels(
        [ClassCount("covid-19", 9, 5), ClassCount("normal", 5, 5), ClassCount("pneumonia", 1, 1)]
    )


def test_the_error_for_too_few_labels_states_the_counts_and_the_requirement() -> None:
    with pytest.raises(TooFewLabels) as error:
        policy.require_enough_labels([ClassCount("covid-19", 9, 5), ClassCount("normal", 30, 4)])

    assert "radiographs of 5 patients each" in str(error.value)
    assert "COVID-19: 5; Normal: 4" in str(error.value)


@pytest.mark.parametrize(
    "invalid",
    [{"recipe": "alexnet"}, {"epochs": 0}, {"epochs": 101}, {"batch_size": 0}, {"learning_rate": 0.0}],
)
def test_parameters_out_of_range_are_refused(invalid: dict[str, object]) -> None:
    with pytest.raises(InvalidParameters):
        Parameters(**invalid)  # type: ignore[arg-type]


def test_parameters_default_to_those_of_the_recipe() -> None:
    parameters = Parameters.of("tiny-cnn", seed=7)

    assert (parameters.seed, parameters.epochs, parameters.spec().epochs) == (7, 20, 20)
    assert parameters.spec().architecture.family == "tiny-cnn"


def test_the_remaining_time_is_estimated_from_the_completed_epochs() -> None:
    assert policy.seconds_remaining([], 20) is None
    assert policy.seconds_remaining([10.0, 14.0], 20) == 216.0
    assert policy.seconds_remaining([10.0] * 20, 20) == 0.0
