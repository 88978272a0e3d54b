"""An inference worker loads the served network when it starts, before the first radiograph."""

from __future__ import annotations

import pytest

from tests.servers import wait_until
from tests.stack_fixtures import StartStack
from webapp.processes import INFERENCE, SCHEDULER, WEB

pytestmark = pytest.mark.stack

LOADED = """
from diagnostics.cases.models import Prediction
from diagnostics.jobs.models import Heartbeat
assert not Prediction.objects.exists()
print(*{each.version for each in Heartbeat.objects.filter(name="worker-inference") if each.version})
"""


def test_the_first_heartbeats_of_an_inference_worker_name_the_loaded_version(start_stack: StartStack) -> None:
    with start_stack("embedded", processes=(WEB, INFERENCE, SCHEDULER)) as stack:
        wait_until(lambda: stack.shell(LOADED).strip() == "v1", seconds=60, what="a heartbeat with a version")
