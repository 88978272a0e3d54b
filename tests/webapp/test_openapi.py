"""The stored OpenAPI schema matches the code and is valid."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from rest_framework.test import APIClient

from diagnostics.accounts.models import User

STORED_SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"


@pytest.fixture
def generated() -> dict[str, object]:
    schema: dict[str, object] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


def test_the_stored_schema_matches_the_code(generated: dict[str, object]) -> None:
    assert yaml.safe_load(STORED_SCHEMA.read_text()) == generated, "run `make openapi`"


def test_the_schema_is_valid_openapi(generated: dict[str, object]) -> None:
    validate_schema(generated)


def test_the_api_serves_the_schema(technician: User, generated: dict[str, object]) -> None:
    client = APIClient()
    client.force_login(technician)

    served = yaml.safe_load(client.get("/api/v1/schema/").content)

    assert served["paths"] == generated["paths"]
