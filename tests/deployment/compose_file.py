"""docker-compose.yml as its services see it: anchors merged, variables filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from tests.conftest import ROOT

PATH: Final = ROOT / "docker-compose.yml"
OURS: Final = ("prepare", "web", "worker-inference", "worker-training", "scheduler")
VARIABLE: Final = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def services(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the services with the variables of `.env` filled in."""
    return {name: _filled(service, variables) for name, service in parsed()["services"].items()}


def parsed() -> dict[str, Any]:
    """Return the file with its anchors merged and its variables as they stand."""
    return dict(yaml.safe_load(PATH.read_text()))


def dockerfile_command() -> list[str]:
    """Return the command that the image runs for a service without one."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    command = re.search(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert command, "the Dockerfile has no CMD"
    return list(yaml.safe_load(command[1]))


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, variables) for part in value]
    return VARIABLE.sub(lambda match: _value(match, variables), value) if isinstance(value, str) else value


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    name, kind, default = match.groups()
    if name in variables:
        return variables[name]
    assert kind != "?", f"{name} is required"
    return default or ""
