"""What the journeys have in common: a radiograph is sent, and its prediction is awaited."""

from __future__ import annotations

import itertools
import os

from tests.http_client import HttpClient
from tests.radiographs import individual_radiograph_png
from tests.servers import wait_until
from tests.stack import Stack

_SEEDS = itertools.count(50_000 + os.getpid() % 1000 * 1000)  # no radiograph twice on a shared stack


def send(client: HttpClient, *, patient: str, priority: str = "routine") -> str:
    """Send a radiograph that no other test sends and return the address of its case."""
    radiograph = individual_radiograph_png(next(_SEEDS))
    fields = {"patient_ref": patient, "priority": priority}
    response = client.post("/api/v1/cases/", fields, {"radiograph": ("radiograph.png", radiograph)})
    assert response.status == 201, response.text
    return f"/api/v1/cases/{response.json()['id']}/"


def wait_for_case(
    stack: Stack, client: HttpClient, address: str, *, seconds: float = 60
) -> dict[str, object]:
    """Return the case as the API shows it, as soon as its prediction is done or has failed."""
    wait_until(
        lambda: client.get(address).json()["status"] in ("done", "failed"),
        seconds=seconds,
        what=f"the prediction\n{stack.tail()}",
    )
    case: dict[str, object] = client.get(address).json()
    return case
