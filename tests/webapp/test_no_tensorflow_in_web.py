"""The web process and the parents of prefork workers load neither TensorFlow nor another network engine.

The web process stays small, and a worker that has loaded TensorFlow must not fork.
"""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

pytestmark = pytest.mark.slow  # starts processes

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ("tensorflow", "keras", "openvino", "jax", "torch")
# A `pipeline` runs in a worker's child only (contract 5). A command of `management` is a process of its own,
# and Django imports it only when it is called.
EXCLUDED = {"pipeline", "management"}
PACKAGES = {"webapp", "diagnostics"}
WEB = "import webapp.wsgi, webapp.urls"
WORKER = "from webapp.celery import app; app.loader.init_worker(); app.finalize()"


def modules_of_the_installed_apps() -> list[str]:
    """Return every module of our apps, except those in EXCLUDED."""
    ours = [config for config in apps.get_app_configs() if config.name.split(".")[0] in PACKAGES]
    return sorted(name for config in ours for name in _modules(config.name, config.path))


def _modules(package: str, path: str) -> Iterator[str]:
    yield package
    for module in pkgutil.iter_modules([path]):
        if module.name in EXCLUDED:
            continue
        if module.ispkg:
            yield from _modules(f"{package}.{module.name}", f"{path}/{module.name}")
        else:
            yield f"{package}.{module.name}"


@pytest.mark.parametrize("start", [WEB, WORKER], ids=["web", "worker's parent"])
def test_no_module_of_an_installed_app_loads_a_network_engine(start: str) -> None:
    code = f"""
import importlib, json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
{start}
engines = {ENGINES!r}
loaded_by = {{engine: "start" for engine in engines if engine in sys.modules}}
for name in sys.argv[1:]:
    importlib.import_module(name)
    for engine in engines:
        if engine in sys.modules:
            loaded_by.setdefault(engine, name)
print(json.dumps(loaded_by))
"""
    command = [sys.executable, "-c", code, *modules_of_the_installed_apps()]

    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == {}


def test_the_list_of_modules_covers_every_app_and_layer() -> None:
    modules = modules_of_the_installed_apps()

    folders = {path.name for path in (ROOT / "diagnostics").iterdir() if (path / "apps.py").is_file()}
    assert {name.split(".")[1] for name in modules if name.startswith("diagnostics.")} == folders
    layers = {
        "urls",
        "views",
        "api",
        "admin",
        "periodic",
        "services",
        "presenters",
        "selectors",
        "tasks",
        "models",
    }
    assert layers <= {part for name in modules for part in name.split(".")}
    assert not any(set(name.split(".")) & EXCLUDED for name in modules)
