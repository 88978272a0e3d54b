"""Staff, sites and a fixed moment that every test may ask for."""

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

pytest_plugins = ["tests.stack"]
PASSWORD = "a long pass phrase"
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def site(db: None) -> Site:
    # Pseudonyms are made with the site's id: the same patients then part the same way in every run.
    return Site.objects.create(pk=UUID(int=1), name="North", is_default=True)


@pytest.fixture
def other_site(db: None) -> Site:
    return Site.objects.create(name="South")


@pytest.fixture
def technician(site: Site) -> User:
    return employ("technician", Role.TECHNICIAN, site)


@pytest.fixture
def radiologist(site: Site) -> User:
    return employ("radiologist", Role.RADIOLOGIST, site)


@pytest.fixture
def administrator(site: Site) -> User:
    return employ("administrator", Role.ADMINISTRATOR, site)


@pytest.fixture
def stranger(other_site: Site) -> User:
    return employ("stranger", Role.RADIOLOGIST, other_site)


def employ(username: str, role: Role, *sites: Site) -> User:
    """Create a member of staff whose password is PASSWORD."""
    is_admin = role == Role.ADMINISTRATOR
    user = User.objects.create_user(
        username, password=PASSWORD, role=role, is_staff=is_admin, is_superuser=is_admin
    )
    user.sites.set(sites)
    return user


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Give the folder of real radiographs, or skip and say why."""
    folder = Path(os.environ.get("READROOM_REALDATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real radiographs here: set READROOM_REALDATA to their folder")
    return folder


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    yield
    cache.clear()
