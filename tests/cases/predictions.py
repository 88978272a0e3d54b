"""A finished prediction with its files, without a network."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from uuid import uuid4

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


def finish_prediction(case: Case, version: ModelVersion) -> Prediction:
    """Finish the queued prediction of a case as a worker does, and return it."""
    grid = np.zeros((8, 8), np.float32)
    grid[2:4, 5:7] = 1
    evidence, no_evidence = ClassMap(grid, 1.0, False), ClassMap(np.zeros_like(grid), 0.0, True)
    heatmaps = {"covid-19": evidence, "pneumonia": no_evidence, "normal": no_evidence}
    files = storage.prediction_files(case.predictions.get().pk, uuid4())
    packed = heatmap_files.packed_heatmaps(heatmaps, Frame(256, 256, 0, 0, 256, 256))
    checksums = storage.store_prediction(files, heatmaps=packed, overlay=radiograph_png(7))
    case.predictions.update(
        status=JobStatus.DONE,
        version=version,
        attempts=1,
        finding="covid-19",
        probabilities=PROBABILITIES,
        operating_points=OPERATING_POINTS,
        heatmaps={
            name: {
                "raw_max": each.raw_max,
                "reference": 1.0,
                "no_positive_evidence": each.no_positive_evidence,
            }
            for name, each in heatmaps.items()
        },
        heatmap_file=files.heatmaps,
        overlay_file=files.overlay,
        **asdict(checksums),
        seconds={"waited": 0.02, "prepare": 0.05, "network": 0.03, "heatmap": 0.01, "store": 0.01},
        finished_at=timezone.now() + timedelta(seconds=1),
    )
    return case.predictions.get()
