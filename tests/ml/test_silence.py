"""What the web process may import of ml brings no TensorFlow along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIGHT = ("ml.records", "ml.imaging", "ml.decode", "ml.overlay", "ml.maps", "ml.bundle")


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_imports_no_network_library(module: str) -> None:
    script = f"import sys, {module}; sys.exit(bool({{'tensorflow', 'keras', 'django'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_reading_a_manifest_imports_no_network_library(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from ml import bundle, records\n"
        "try: bundle.verify(pathlib.Path(sys.argv[1]))\n"
        "except records.BundleError: sys.exit('tensorflow' in sys.modules)\n"
        "sys.exit(2)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == 0
