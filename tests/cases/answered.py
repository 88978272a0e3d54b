"""A case that the machine has answered, with its files, made without a network."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from django.utils import timezone

from diagnostics.cases import storage
from diagnostics.cases.models import Case, Prediction
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from ml.inference import heatmap_files
from ml.records import ClassMap, Frame
from tests.radiographs import radiograph_png

PROBABILITIES = {"covid-19": 0.8317, "pneumonia": 0.1121, "normal": 0.0562}
OPERATING_POINTS = {"covid-19": 0.4129, "pneumonia": 0.5, "normal": 0.5}


def answer_case(case: Case, version: ModelVersion) -> Prediction:
    """Finish the waiting prediction of a case as a worker would have."""
    grid = np.zeros((8, 8), np.float32)
    grid[2:4, 5:7] = 1
    hot, cold = ClassMap(grid, 1.0, False), ClassMap(np.zeros_like(grid), 0.0, True)
    found = {"covid-19": hot, "pneumonia": cold, "normal": cold}
    storage.path("answers").mkdir(parents=True, exist_ok=True)
    heatmap_files.save_heatmaps(
        storage.path(f"answers/{case.pk}.npz"), found, Frame(256, 256, 0, 0, 256, 256)
    )
    storage.store_file(f"answers/{case.pk}.png", radiograph_png(7))
    heat = {
        name: {"raw_max": map.raw_max, "reference": 1.0, "no_positive_evidence": map.no_positive_evidence}
        for name, map in found.items()
    }
    case.predictions.update(
        status=JobStatus.DONE,
        version=version,
        attempts=1,
        finding="covid-19",
        probabilities=PROBABILITIES,
        operating_points=OPERATING_POINTS,
        heat=heat,
        maps=f"answers/{case.pk}.npz",
        overlay=f"answers/{case.pk}.png",
        seconds={"waited": 0.02, "prepare": 0.05, "network": 0.03, "heatmap": 0.01, "store": 0.01},
        finished_at=timezone.now() + timedelta(seconds=1),
    )
    return case.predictions.get()
