"""Homes of a running Readroom: migrated, collected and staffed once for a test session, then copied."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Literal

from tests.servers import postgres_server, redis_server
from tests.session_cache import build_once

ROOT: Final = Path(__file__).resolve().parent.parent
DEMO_PASSWORD: Final = "a long pass phrase"
NO_BUNDLE: Final = Path("/nonexistent/bundle")
Broker = Literal["embedded", "production"]


def environment_of(home: Path, *, bundle: Path | None, servers: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of all processes on a home; `bundle` replaces the default one."""
    own = {
        "READROOM_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "READROOM_DEMO_PASSWORD": DEMO_PASSWORD,
        "READROOM_DISK_RESERVE_MB": "1",  # copied with each home
        "READROOM_SERVING_ENGINE": "auto" if bundle is None else "tensorflow",  # an export takes seconds
    }
    if bundle is not None:
        own["READROOM_DEFAULT_BUNDLE"] = str(bundle)
    return {**os.environ, **own, **servers}


def prepare(environment: Mapping[str, str]) -> None:
    """Prepare a home with the tables, static files, default bundle, staff, sites and tokens of the tests."""
    command = [sys.executable, "-m", "tests.prepare_home"]
    done = subprocess.run(command, cwd=ROOT, env=dict(environment), capture_output=True, text=True)
    assert done.returncode == 0, f"the preparation of a home failed:\n{done.stdout}{done.stderr}"


@contextmanager
def servers(
    broker: Broker, template: Path | None, *, save_as: Path | None = None
) -> Iterator[dict[str, str]]:
    """Run Redis and PostgreSQL for a production installation and yield the environment that names them."""
    with ExitStack() as resources:
        if broker == "embedded":
            yield {}
            return
        cluster = template / "cluster" if template else None
        yield {
            "BROKER_URL": resources.enter_context(redis_server()),
            "DATABASE_URL": resources.enter_context(postgres_server(cluster, save_as=save_as)),
            "SECRET_KEY": "for-tests-" + "x" * 50,
        }


def template_home(templates: Path, broker: Broker, bundle: Path | None) -> Path:
    """Return the folder with a prepared `home` and, for production, the PostgreSQL `cluster` of it."""

    def build(folder: Path) -> None:
        home = folder / "home"
        home.mkdir(parents=True)
        if bundle != NO_BUNDLE:  # migrations, static files and staff are the same for every bundle
            base = template_home(templates, broker, NO_BUNDLE)
            shutil.copytree(base / "home", home, dirs_exist_ok=True)
        else:
            base = None
        with servers(broker, base, save_as=folder / "cluster") as running:
            prepare(environment_of(home, bundle=bundle, servers=running))

    name = "default" if bundle is None else bundle.name
    return build_once(templates, f"home-{broker}-{name}", build)
