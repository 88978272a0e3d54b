"""Pre-training of the VGG16 trunk on radiographs that no reproduced system uses.

It sees COVID-19 and normal radiographs of one part of the Radiography Database, without whole or cropped
copies of any other collection. NIH's and Cohen's radiographs, and so all of DarkCovidNet, stay unseen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.public_datasets import PublicDatasets, by_patient
from benchmarks.seeds.collections import Collections
from benchmarks.train_default import train, training_spec

LEARNING_RATE: Final = 8e-4
BATCH_SIZE: Final = 32
SMALLER: Final = ("0.5:64", "0.8:96")  # until this share of the time, pixels; then the size of train_default


def pretrain(data: Collections, out: Path, minutes: float) -> None:
    """Train the trunk for some minutes and write its bundle; raises OSError."""
    datasets = PublicDatasets(by_patient(data.radiography_of_the_trunk()), (), {})
    spec = training_spec(minutes, batch_size=BATCH_SIZE, learning_rate=LEARNING_RATE, smaller=SMALLER)
    train(datasets, out, spec, None)
