"""Modules of ml that the web process imports load no network library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # starts processes

ROOT = Path(__file__).resolve().parents[2]
LIGHT = (
    "ml.records",
    "ml.recipes",
    "ml.images.decoding",
    "ml.images.decode_in_child",
    "ml.datasets.patient_split",
    "ml.inference.overlay",
    "ml.inference.heatmap_files",
    "ml.networks.bundle",
    "ml.metrics.reader_agreement",
)


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_imports_no_network_library(module: str) -> None:
    script = (
        f"import sys, {module}; sys.exit(3 * bool({{'tensorflow', 'keras', 'django'}} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_reading_a_manifest_imports_no_network_library(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from ml import errors; from ml.networks import bundle\n"
        "try: bundle.verify(pathlib.Path(sys.argv[1]))\n"
        "except errors.BundleError: sys.exit('tensorflow' in sys.modules)\n"
        "sys.exit(2)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
