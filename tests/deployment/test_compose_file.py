"""docker-compose.yml: valid, hardened, and with the commands and settings that Readroom has."""

from __future__ import annotations

import copy
import os
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from tests.conftest import ROOT
from tests.deployment.compose_file import OURS, dockerfile_command, parsed, services
from webapp.celery_config import celery_settings
from webapp.processes import INFERENCE, SCHEDULER, TRAINING, WEB, all_processes

SERVICES = services({"READROOM_HOST": "readroom.example.org"})
DOCUMENT = parsed()
SETTINGS = "\n".join(
    (ROOT / name).read_text() for name in ("webapp/settings.py", "webapp/process_health.py", "Dockerfile")
)
NOT_OF_SETTINGS = {"HOME", "REMAP_SIGTERM"}  # of the libraries and of Celery


def test_the_file_obeys_the_compose_specification() -> None:
    assert set(PyCompose.from_yaml(yaml.safe_dump(DOCUMENT)).service_names()) == set(SERVICES)


def _misspelt(document: dict[str, Any]) -> None:
    document["services"]["web"]["helthcheck"] = {}


def _wrong_unit(document: dict[str, Any]) -> None:
    document["services"]["web"]["mem_limit"] = "2 gigs"


def _unknown_condition(document: dict[str, Any]) -> None:
    document["services"]["web"]["depends_on"]["prepare"]["condition"] = "service_ready"


@pytest.mark.parametrize("spoil", [_misspelt, _wrong_unit, _unknown_condition])
def test_the_specification_check_finds_errors(spoil: Callable[[dict[str, Any]], None]) -> None:
    document = copy.deepcopy(DOCUMENT)
    spoil(document)

    with pytest.raises(ValueError, match=r"services\.web"):
        PyCompose.from_yaml(yaml.safe_dump(document))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_without_root_privileges_on_a_read_only_system(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not re.fullmatch(r"(0|root)(:.*)?", service["user"])
    assert any(mount.split(":")[0] == "/tmp" for mount in service.get("tmpfs", [])) or name == "redis"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_limits_on_memory_processors_processes_and_log(name: str) -> None:
    service = SERVICES[name]

    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"prepare"}))
def test_a_service_that_stays_has_a_health_check_and_is_restarted(name: str) -> None:
    service = SERVICES[name]

    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= set(service["healthcheck"])


def test_secrets_are_files_and_no_environment_variable_contains_one() -> None:
    variables = {name for service in SERVICES.values() for name in service.get("environment", {})}

    assert not [name for name in variables if re.search(r"(KEY|PASSWORD|TOKEN)$", name)]
    assert {secret["file"].startswith("./secrets/") for secret in DOCUMENT["secrets"].values()} == {True}
    assert ":" not in SERVICES["web"]["environment"]["DATABASE_URL"].split("@")[0].removeprefix("postgres://")
    for name, service in SERVICES.items():
        files = [value for value in service.get("environment", {}).values() if "/run/secrets/" in str(value)]
        assert {file.removeprefix("/run/secrets/") for file in files} <= set(service.get("secrets", [])), name
    for name in (".gitignore", ".dockerignore"):
        assert {"secrets", ".env"} <= {line.strip("/") for line in (ROOT / name).read_text().splitlines()}


def test_only_nginx_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert DOCUMENT["networks"]["inside"]["internal"] is True
    outside = {name for name, service in SERVICES.items() if "outside" in service["networks"]}
    assert outside == {"nginx", "web"}


def test_every_variable_is_one_that_the_settings_read() -> None:
    variables = {name for service in OURS for name in SERVICES[service]["environment"]} - NOT_OF_SETTINGS

    unread = [name for name in variables if f'"{name.removesuffix("_FILE")}"' not in SETTINGS]
    assert not unread


def test_the_services_run_the_commands_of_run_all() -> None:
    run_all = {each.name: each for each in all_processes(host="0.0.0.0", port=8000)}

    for name in (INFERENCE, TRAINING, SCHEDULER):
        expected = run_all[name].command
        if name == TRAINING:  # its priority is `cpu_shares` here
            expected = expected[expected.index(sys.executable) :]
        assert SERVICES[name]["command"] == ["python", *expected[1:]], name
        assert run_all[name].environment.items() <= SERVICES[name]["environment"].items()
    if os.access("/dev/shm", os.W_OK):
        assert sorted(dockerfile_command()) == sorted(["python", *run_all[WEB].command[1:]])


def test_the_image_contains_what_the_processes_import() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()

    assert {"webapp", "diagnostics", "ml"} <= set(re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE))
    assert re.search(r"^USER 10001$", dockerfile, re.MULTILINE)
    assert {SERVICES[name]["user"] for name in OURS} == {"10001:10001"}


def test_the_stop_takes_longer_than_the_soft_timeout_of_the_worker() -> None:
    soft = celery_settings("redis://redis:6379/0", ROOT)["worker_soft_shutdown_timeout"]

    graces = [int(SERVICES[name]["stop_grace_period"].removesuffix("s")) for name in (INFERENCE, TRAINING)]
    assert min(graces) >= 2 * soft
