"""The kept description of the API is the one the code gives, and it is sound."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from rest_framework.test import APIClient

from diagnostics.accounts.models import User

KEPT = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"


@pytest.fixture
def generated() -> dict[str, object]:
    schema: dict[str, object] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


def test_the_kept_description_is_what_the_code_gives(generated: dict[str, object]) -> None:
    assert yaml.safe_load(KEPT.read_text()) == generated, "run `make openapi`"


def test_the_description_is_valid_openapi(generated: dict[str, object]) -> None:
    validate_schema(generated)


def test_a_running_readroom_serves_it(technician: User, generated: dict[str, object]) -> None:
    client = APIClient()
    client.force_login(technician)

    served = yaml.safe_load(client.get("/api/v1/schema/").content)

    assert served["paths"] == generated["paths"]
