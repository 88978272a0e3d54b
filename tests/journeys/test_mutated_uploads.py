"""Thousands of mutated files and the largest images on a running stack, every night with another seed."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.hostile_files import ACCEPTED, MEGABYTE, Reply, send_until_free, specimens
from tests.mutants import largest_images, mutants, valid_images
from tests.radiographs import radiograph_png
from tests.stack import Stack
from webapp.processes import WEB

pytestmark = [pytest.mark.stack, pytest.mark.network, pytest.mark.nightly]

MUTANTS = 5_000


def test_thousands_of_mutated_files_get_a_code_and_end_no_process(embedded_stack: Stack) -> None:
    stack, token = embedded_stack, embedded_stack.token("technician")
    seed = int(os.environ.get("READROOM_MUTANT_SEED", datetime.now(tz=UTC).strftime("%Y%m%d")))

    def upload(content: bytes) -> Reply:
        return send_until_free(stack.base_url, token, content)

    with ThreadPoolExecutor(4) as pool:
        outcomes = Counter(reply.outcome for reply in pool.map(upload, mutants(MUTANTS, seed)))
        files = [*specimens(inflated=800 * MEGABYTE), *valid_images(), *largest_images(4)]
        replies = list(
            pool.map(lambda file: send_until_free(stack.base_url, token, file.content, file.name), files)
        )

    wrong = [
        (file.label, reply)
        for file, reply in zip(files, replies, strict=True)
        if reply.outcome not in file.allowed
    ]
    assert wrong == []
    assert MUTANTS / 10 < outcomes[ACCEPTED] < MUTANTS * 9 / 10, (seed, outcomes)
    assert stack.processes[WEB].poll() is None
    assert upload(radiograph_png(81_001)).outcome == ACCEPTED
    assert "Traceback" not in stack.log_file(WEB).read_text(errors="replace"), seed
