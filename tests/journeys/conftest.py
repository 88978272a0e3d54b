"""Both kinds of machine, and what the journeys do on them."""

from __future__ import annotations

import itertools

import pytest

from tests.radiographs import radiograph_png
from tests.servers import wait_until
from tests.stack import Stack
from tests.visitor import Visitor

_SEEDS = itertools.count(50_000)


@pytest.fixture(params=["embedded_stack", "production_stack"])
def stack(request: pytest.FixtureRequest) -> Stack:
    running: Stack = request.getfixturevalue(request.param)
    return running


def send(script: Visitor, *, patient: str, priority: str = "routine") -> str:
    """Send a radiograph nobody has seen before and give the address of its case."""
    radiograph = radiograph_png(next(_SEEDS))
    fields = {"patient_ref": patient, "priority": priority}
    sent = script.post("/api/v1/cases/", fields, {"radiograph": ("radiograph.png", radiograph)})
    assert sent.status == 201, sent.text
    return f"/api/v1/cases/{sent.json()['id']}/"


def answer_of(stack: Stack, script: Visitor, address: str, *, seconds: float = 60) -> dict[str, object]:
    """Wait until the machine is through with a case and give what the API says of it."""
    wait_until(
        lambda: script.get(address).json()["status"] in ("done", "failed"),
        seconds=seconds,
        what=f"an answer\n{stack.tail()}",
    )
    answer: dict[str, object] = script.get(address).json()
    return answer
