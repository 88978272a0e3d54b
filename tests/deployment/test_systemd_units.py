"""The systemd units: valid, hardened, and with the commands of docker-compose.yml."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.deployment.compose_file import OURS, dockerfile_command, services

UNITS = ROOT / "docs" / "deployment" / "systemd"
INSTALLED = "/opt/readroom"
COMPOSE = services({"READROOM_HOST": "readroom.example.org"})
MAX_EXPOSURE = 20  # tenths; systemd calls up to 20 of 100 OK and a unit without hardening, 96, UNSAFE
SERVICES = [f"readroom-{name}.service" for name in OURS]


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Return the units with the paths of an installation in a temporary folder."""
    installed = tmp_path / "installed"
    (installed / ".venv" / "bin").mkdir(parents=True)
    (installed / ".venv" / "bin" / "python").symlink_to(sys.executable)
    for unit in UNITS.iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace(INSTALLED, str(installed)))
    return tmp_path


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True)


def settings_of(unit: str) -> list[tuple[str, str]]:
    return re.findall(r"^(\w+)=(.*)$", (UNITS / unit).read_text(), re.MULTILINE)


def setting(unit: str, name: str) -> str:
    (value,) = [value for key, value in settings_of(unit) if key == name]
    return value


@pytest.mark.slow
def test_systemd_accepts_every_unit_without_a_warning(units: Path) -> None:
    files = [str(units / name) for name in [*SERVICES, "readroom.target"]]

    verified = analyze("verify", "--man=no", *files)

    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@pytest.mark.slow
def test_systemd_reports_a_misspelt_setting(units: Path) -> None:
    unit = units / "readroom-web.service"
    unit.write_text(unit.read_text().replace("ProtectSystem=", "ProtectSistem="))

    assert "ProtectSistem" in analyze("verify", "--man=no", str(unit)).stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVICES)
def test_the_exposure_of_a_service_is_low(units: Path, name: str) -> None:
    options = ("--offline=true", f"--threshold={MAX_EXPOSURE}")

    assert analyze("security", *options, str(units / name)).returncode == 0


@pytest.mark.parametrize("name", OURS)
def test_a_unit_runs_the_command_of_its_container(name: str) -> None:
    command = setting(f"readroom-{name}.service", "ExecStart").replace("%%", "%").split()
    container = COMPOSE[name].get("command", dockerfile_command())

    assert command[0] == f"{INSTALLED}/.venv/bin/python"
    there = [word.replace("0.0.0.0:", "127.0.0.1:") for word in container[1:]]
    assert sorted(command[1:]) == sorted(there)


@pytest.mark.parametrize("name", OURS)
def test_a_unit_reads_its_secrets_from_files_and_limits_its_memory(name: str) -> None:
    unit = f"readroom-{name}.service"
    credentials = {value.split(":")[0] for key, value in settings_of(unit) if key == "LoadCredential"}
    variables = " ".join(value for key, value in settings_of(unit) if key == "Environment")

    assert set(re.findall(r"%d/(\w+)", variables)) == credentials == set(COMPOSE[name]["secrets"])
    assert "MemoryMax" in dict(settings_of(unit))
    assert setting(unit, "User") == "readroom"
    assert setting(unit, "UMask") == "0077"


def test_the_environment_has_the_variables_of_the_containers() -> None:
    text = (UNITS / "readroom.env").read_text()
    unit = (UNITS / "readroom-web.service").read_text()
    names = set(re.findall(r"^(\w+)=", text, re.MULTILINE)) | set(re.findall(r"[ =](\w+)=[/%\w]", unit))

    optional = {"SENTRY_DSN", "HOME"}
    assert set(COMPOSE["web"]["environment"]) - optional <= names
    assert not re.search(r"^(SECRET_KEY|DATABASE_PASSWORD|METRICS_TOKEN)=", text, re.MULTILINE)
