"""Schedule of a training: learning rate, stages, progress."""

from __future__ import annotations

import pytest

from ml.recipes import Stage
from ml.training.schedule import Progress, one_cycle, stage_ends


def test_the_learning_rate_rises_to_its_peak_and_falls() -> None:
    rates = [one_cycle(1e-3, step / 100) for step in range(101)]
    assert max(rates) == pytest.approx(1e-3)
    assert rates.index(max(rates)) == 20
    assert rates[0] == pytest.approx(4e-5)
    assert rates[-1] == pytest.approx(1e-6)
    assert rates[:21] == sorted(rates[:21])
    assert rates[20:] == sorted(rates[20:], reverse=True)


def test_stages_end_at_whole_epochs_and_too_short_ones_are_skipped() -> None:
    stages = (Stage(0.25, "logits"), Stage(0.5, "block5_conv1"), Stage(0.25))
    assert stage_ends(stages, 8) == (0.25, 0.75, 1)  # 2, 4 and 2 epochs
    assert stage_ends(stages, 3) == pytest.approx((1 / 3, 2 / 3, 1))
    assert stage_ends(stages, 1) == (0, 1, 1)
    progress = Progress(10, 0, clock=lambda: 0.0, ends=(0, 0.5, 1))
    positions = []
    for progress.steps_done in range(11):
        positions.append((progress.stage, progress.fraction_of(progress.stage)))
    assert positions[:6] == [(1, 0.0), (1, 0.2), (1, 0.4), (1, 0.6), (1, 0.8), (2, 0.0)]
    assert positions[10] == (2, 1.0)
    assert [progress.steps_of(stage) for stage in range(3)] == [0, 5, 5]


def test_a_time_limit_ends_the_training() -> None:
    now = [100.0]
    progress = Progress(steps=10, seconds=60, clock=lambda: now[0])
    progress.steps_done = 10
    assert not progress.finished
    now[0] = 145.0
    assert progress.fraction == 0.75
    assert progress.image_size(((0.5, 96), (0.8, 128)), 160) == 128
    now[0] = 161.0
    assert progress.finished
