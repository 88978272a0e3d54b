"""When the schedule is due, what is too few, and how long it still takes: no database."""

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
    ("changed", "considered", "days", "expected"),
    [
        # Berlin is one hour ahead in March, so 02:00 there is 01:00 UTC.
        ("2026-03-02 00:30", None, 7, "2026-03-02 01:00"),
        ("2026-03-02 01:00", None, 7, "2026-03-02 01:00"),
        ("2026-03-02 09:30", None, 7, "2026-03-03 01:00"),
        ("2026-03-02 09:30", "2026-03-03 01:00", 7, "2026-03-10 01:00"),
        ("2026-03-02 09:30", "2026-03-03 14:45", 1, "2026-03-04 01:00"),
        # A change puts the next look to the coming night, however long the last one is ago.
        ("2026-03-20 12:00", "2026-03-03 01:00", 7, "2026-03-21 01:00"),
        # Summer time has begun on 29 March: 02:00 is 00:00 UTC from then on.
        ("2026-03-02 09:30", "2026-03-25 01:00", 7, "2026-04-01 00:00"),
    ],
)
def test_the_schedule_looks_at_its_hour_of_the_sites_day(
    changed: str, considered: str | None, days: int, expected: str
) -> None:
    slot = policy.next_slot(
        changed_at=at(changed),
        considered_at=at(considered) if considered else None,
        every_days=days,
        at_hour=2,
        zone=BERLIN,
    )

    assert slot == at(expected)


def test_two_findings_with_five_patients_each_are_enough() -> None:
    policy.refuse_too_few(
        [ClassCount("covid-19", 9, 5), ClassCount("normal", 5, 5), ClassCount("pneumonia", 1, 1)]
    )


def test_a_refusal_names_every_count_and_what_is_needed() -> None:
    with pytest.raises(TooFewLabels) as refusal:
        policy.refuse_too_few([ClassCount("covid-19", 9, 5), ClassCount("normal", 30, 4)])

    assert "radiographs of 5 patients each" in str(refusal.value)
    assert "COVID-19: 5; Normal: 4" in str(refusal.value)


@pytest.mark.parametrize(
    "wrong",
    [{"preset": "alexnet"}, {"epochs": 0}, {"epochs": 101}, {"batch_size": 0}, {"learning_rate": 0.0}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParameters):
        Parameters(**wrong)  # type: ignore[arg-type]


def test_what_nobody_chose_follows_the_recipe() -> None:
    chosen = Parameters.of("tiny-cnn", seed=7)

    assert (chosen.seed, chosen.epochs, chosen.spec().epochs) == (7, 20, 20)
    assert chosen.spec().architecture.family == "tiny-cnn"


def test_what_is_left_is_told_from_the_passes_so_far() -> None:
    assert policy.seconds_left([], 20) is None
    assert policy.seconds_left([10.0, 14.0], 20) == 216.0
    assert policy.seconds_left([10.0] * 20, 20) == 0.0
