"""The pages with which the tests of the viewer start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.pages.page_checks import log_in, record_errors
from tests.pages.viewer import SITE
from tests.stack import Stack


@pytest.fixture
def viewer_page(embedded_stack: Stack, browser: Any) -> Iterator[Any]:
    """Return a radiologist's worklist that must stay free of JavaScript errors."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    errors = record_errors(page)
    log_in(page, embedded_stack, embedded_stack.site(SITE).radiologist, then="/cases/")
    yield page
    assert errors == []
