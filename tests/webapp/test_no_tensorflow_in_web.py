"""The web process and the workers' parents never load TensorFlow: one is small, the others can fork."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("accounts", "audit", "registry", "cases", "review", "training")
NAMES = (
    "urls",
    "views",
    "api",
    "admin",
    "forms",
    "http",
    "services",
    "selectors",
    "models",
    "clock",
    "tasks",
)
MODULES = [
    f"diagnostics.{room}.{name}"
    for room in ROOMS
    for name in NAMES
    if (ROOT / "diagnostics" / room / f"{name}.py").exists()
]
WEB = "import webapp.wsgi, webapp.urls"
WORKER = "from webapp.celery import app; app.loader.init_worker(); app.finalize()"


@pytest.mark.parametrize("start", [WEB, WORKER], ids=["web", "worker's parent"])
def test_neither_tensorflow_nor_keras_is_loaded(start: str) -> None:
    code = f"""
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
{start}
import importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
print(sorted({{"tensorflow", "keras", "jax", "torch"}} & set(sys.modules)))
"""
    asked = subprocess.run(
        [sys.executable, "-c", code, *MODULES], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert asked.stdout.strip() == "[]", asked.stderr
