"""Selection, order and grouping of tests: `--fast`, nightly tests, groups for pytest-xdist."""

from __future__ import annotations

import sys
from typing import Final

import pytest

from tests.stack_fixtures import SHARED_STACKS

SLOW_MARKERS: Final = frozenset({"stack", "browser", "network", "slow", "realdata", "nightly"})
TENSORFLOW: Final = frozenset({"tensorflow", "keras"})


class _TensorFlowBlocker:
    """An import hook: test modules that import TensorFlow are skipped, tests that do so fail."""

    def __init__(self) -> None:
        self.is_collecting = True

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name not in TENSORFLOW:
            return
        if self.is_collecting:
            pytest.skip("this module imports TensorFlow", allow_module_level=True)
        raise ImportError(f"{name} is not imported with --fast: mark this test `network`")


_blocker = _TensorFlowBlocker()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--fast`."""
    text = "run only quick tests without processes, browsers and networks; never import TensorFlow"
    parser.addoption("--fast", action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Register the order of tests; block TensorFlow with `--fast`."""
    config.pluginmanager.register(SlowestFirst())
    if config.getoption("fast"):
        sys.meta_path.insert(0, _blocker)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the block."""
    if _blocker in sys.meta_path:
        sys.meta_path.remove(_blocker)


@pytest.hookimpl(tryfirst=True)  # before pytest applies -m and pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests with real data as nightly, group tests that share something, deselect with `--fast`."""
    for item in items:
        if item.get_closest_marker("realdata"):
            item.add_marker("nightly")
        if item.get_closest_marker("xdist_group") is None and (group := _group_of(item)):
            item.add_marker(pytest.mark.xdist_group(group))
    if config.getoption("fast"):
        slow = [item for item in items if _markers(item) & SLOW_MARKERS]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not _markers(item) & SLOW_MARKERS]


def pytest_collection_finish() -> None:
    """From here on an import of TensorFlow is an error of the test that does it."""
    _blocker.is_collecting = False


class SlowestFirst:
    """Runs after pytest-randomly: the longest work starts first, so that no worker idles at the end."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=_rank)  # stable: the order stays random within a rank


def _group_of(item: pytest.Item) -> str:
    """Name the group of a test: its shared stack, or its module when it builds networks."""
    callspec = getattr(item, "callspec", None)
    used = {*getattr(item, "fixturenames", ())} | {*map(str, callspec.params.values() if callspec else ())}
    for shared in (*SHARED_STACKS, "bucket"):  # the second needs the S3 server of its process
        if shared in used:
            return shared
    markers = _markers(item)
    return item.nodeid.split("::")[0] if "network" in markers and "stack" not in markers else ""


def _rank(item: pytest.Item) -> int:
    markers = _markers(item)
    return 0 if "stack" in markers else 1 if markers & SLOW_MARKERS else 2


def _markers(item: pytest.Item) -> set[str]:
    return {marker.name for marker in item.iter_markers()}
