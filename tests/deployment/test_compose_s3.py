"""docker-compose.s3.yml: workers without a shared folder, and one service for each queue."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
import yaml
from compose_spec import PyCompose

from tests.conftest import ROOT
from tests.deployment.compose_file import parsed
from webapp.celery_config import QUEUES, celery_settings
from webapp.process_health import checks

PATH: Final = ROOT / "docs" / "deployment" / "docker-compose.s3.yml"


class Override(list[Any]):
    """A list with the tag !override: it replaces the one of the first file."""


class Loader(yaml.SafeLoader):
    """Reads a file with the tags of Docker Compose."""


def _override(loader: Loader, node: yaml.SequenceNode) -> Override:
    return Override(loader.construct_sequence(node))


Loader.add_constructor("!override", _override)


def merged(first: Any, second: Any) -> Any:
    """Return what Docker Compose makes of a value of two files."""
    if isinstance(first, dict) and isinstance(second, dict):
        own = {name: merged(first[name], value) if name in first else value for name, value in second.items()}
        return first | own
    if isinstance(first, list) and isinstance(second, list) and not isinstance(second, Override):
        return [*first, *(value for value in second if value not in first)]
    return list(second) if isinstance(second, list) else second


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    first, second = parsed(), yaml.load(PATH.read_text(), Loader)
    whole = {key: value for key, value in merged(first, second).items() if not key.startswith("x-")}
    for service in whole["services"].values():
        if extended := service.pop("extends", None):
            base = merged(parsed()["services"][extended["service"]], service)
            base["command"] = service["command"]  # commands are always replaced
            base["healthcheck"] |= service["healthcheck"]
            service.update(base)
    return whole


def queues_of(service: dict[str, Any]) -> list[str]:
    words = [re.fullmatch(r"--queues=(\S+)", word) for word in service.get("command", [])]
    return [queue for match in words if match for queue in match[1].split(",")]


def test_both_files_together_obey_the_compose_specification(document: dict[str, Any]) -> None:
    assert "worker-maintenance" in PyCompose.from_yaml(yaml.safe_dump(document)).service_names()


def test_an_inference_worker_shares_no_volume(document: dict[str, Any]) -> None:
    assert document["services"]["worker-inference"]["volumes"] == ["/srv/readroom"]
    assert "container_name" not in document["services"]["worker-inference"]


def test_every_queue_has_a_service_and_what_needs_the_home_runs_where_it_is(document: dict[str, Any]) -> None:
    services = document["services"]
    consumers = {
        queue: [name for name, service in services.items() if queue in queues_of(service)] for queue in QUEUES
    }

    assert consumers == {
        "stat": ["worker-inference"],
        "inference": ["worker-inference"],
        "training": ["worker-training"],
        "maintenance": ["worker-maintenance"],
    }
    for name in ("web", "worker-maintenance", "worker-training"):
        assert "home:/srv/readroom" in services[name]["volumes"]
    routes = celery_settings("redis://redis:6379/0", ROOT, shares_home=False)["task_routes"]
    assert routes["imports.import_batch"] == {"queue": "maintenance"}  # it reads unpacked collections
    assert routes["storage.sweep"] == {"queue": "maintenance"}  # it deletes files of the home


@pytest.mark.parametrize("name", ["worker-inference", "worker-maintenance"])
def test_the_health_check_of_a_worker_asks_that_worker(name: str, document: dict[str, Any]) -> None:
    service = document["services"][name]
    process = service["healthcheck"]["test"][-1]

    assert process in checks({})
    assert f"--hostname={process}@%h" in service["command"]  # which the ping of the check names


def test_the_keys_are_files_and_every_variable_is_read_by_the_settings(document: dict[str, Any]) -> None:
    settings = (ROOT / "webapp" / "storage_settings.py").read_text()
    for name in ("prepare", "web", "worker-inference", "worker-maintenance", "worker-training", "scheduler"):
        service = document["services"][name]
        variables = {key for key in service["environment"] if key.startswith("READROOM_S3_")}
        assert len(variables) == 7
        assert all(f'"{variable.removesuffix("_FILE")}"' in settings for variable in variables)
        assert {"s3_access_key", "s3_secret_key", "secret_key"} <= set(service["secrets"])
        assert "READROOM_S3_SECRET_KEY" not in service["environment"]
    assert document["secrets"]["s3_secret_key"] == {"file": "./secrets/s3_secret_key"}
