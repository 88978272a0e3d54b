"""A burst of radiographs of 40 megapixels: none is refused, and the memory stays below the stated bound."""

from __future__ import annotations

import pytest

from benchmarks.largest_uploads import send_burst
from tests.hostile_files import ACCEPTED
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.network, pytest.mark.nightly]

UPLOADS = 16


def test_a_burst_of_the_largest_radiographs_is_accepted_within_the_memory_bound(
    embedded_stack: Stack,
) -> None:
    slots = int(embedded_stack.shell("from django.conf import settings; print(settings.DECODING_SLOTS)"))
    burst = send_burst(embedded_stack, UPLOADS, clients=8)
    assert burst.outcomes == {ACCEPTED: UPLOADS}
    assert burst.is_within(slots), burst
