"""Staff, sites and a fixed point in time for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from django.core.cache import cache

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role

pytest_plugins = ["tests.stack_fixtures", "tests.selection", "tests.small_disk", "tests.s3_fixtures"]
PASSWORD = "a long pass phrase"
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def site(db: None) -> Site:
    # Pseudonyms depend on the site's id: a fixed id gives the same split by patient in every run.
    return Site.objects.create(pk=UUID(int=1), name="North", is_default=True)


@pytest.fixture
def other_site(db: None) -> Site:
    return Site.objects.create(name="South")


@pytest.fixture
def technician(site: Site) -> User:
    return create_user("technician", Role.TECHNICIAN, site)


@pytest.fixture
def radiologist(site: Site) -> User:
    return create_user("radiologist", Role.RADIOLOGIST, site)


@pytest.fixture
def administrator(site: Site) -> User:
    return create_user("administrator", Role.ADMINISTRATOR, site)


@pytest.fixture
def stranger(other_site: Site) -> User:
    return create_user("stranger", Role.RADIOLOGIST, other_site)


def create_user(username: str, role: Role, *sites: Site) -> User:
    """Create a member of staff with the password PASSWORD."""
    is_admin = role == Role.ADMINISTRATOR
    user = User.objects.create_user(
        username, password=PASSWORD, role=role, is_staff=is_admin, is_superuser=is_admin
    )
    user.sites.set(sites)
    return user


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Return the folder of real radiographs; skip the test if there is none."""
    folder = Path(os.environ.get("READROOM_REALDATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real radiographs: set READROOM_REALDATA to their folder")
    return folder


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    yield
    cache.clear()
