"""Bad input to the decoders: each file gets a code or the grey values of an independent decoder."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.cases.upload_validation import REASONS
from ml.errors import UnreadableImage
from ml.images.decoding import decode_radiograph
from ml.records import DecodedRadiograph
from tests.bad_input import BadInput, Row, bad_inputs, table_of, valid_files
from tests.hostile_files import ACCEPTED
from tests.ml.encodings import rasters
from tests.radiographs import radiograph_dicom, radiograph_grey

FAST_INPUTS: Final = 2_000
NIGHTLY_INPUTS: Final = 100_000
STARTS: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", bytes(128) + b"DICM", b"")
GREY: Final = (radiograph_grey(1, (64, 64)) * 255).round().astype(np.uint8)
SEEDS: Final = [*rasters(GREY).values(), radiograph_dicom(1, (64, 64))]


def check(rows: dict[str, Row], inputs: int, seed: int) -> None:
    assert sum(row.codes.total() for row in rows.values()) == inputs
    for name, row in rows.items():
        assert set(row.codes) <= {ACCEPTED, *REASONS}, (seed, name, row)
        assert row.differing == 0, (seed, name, row)


def decoded(content: bytes) -> DecodedRadiograph | str:
    try:
        return decode_radiograph(content)
    except UnreadableImage as error:
        return error.code


@pytest.mark.slow
def test_two_thousand_bad_files_get_a_code_or_the_grey_of_an_independent_decoder(tmp_path: Path) -> None:
    rows = table_of(bad_inputs(FAST_INPUTS, 1, tmp_path))
    check(rows, FAST_INPUTS, seed=1)
    assert sum(row.codes[ACCEPTED] for row in rows.values()) > FAST_INPUTS / 20
    assert sum(row.compared for row in rows.values()) > FAST_INPUTS / 20


@pytest.mark.nightly
def test_a_hundred_thousand_bad_files_get_a_code_or_the_grey_of_an_independent_decoder(
    tmp_path: Path,
) -> None:
    seed = int(os.environ.get("READROOM_MUTANT_SEED", datetime.now(tz=UTC).strftime("%Y%m%d")))
    check(table_of(bad_inputs(NIGHTLY_INPUTS, seed, tmp_path)), NIGHTLY_INPUTS, seed)


@pytest.mark.slow
def test_every_valid_file_equals_the_grey_of_an_independent_decoder(tmp_path: Path) -> None:
    rows = table_of([BadInput(name, content) for name, content in valid_files(tmp_path).items()])
    assert all(row.compared == 1 and row.worst_difference < 1 for row in rows.values()), rows


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(STARTS), st.binary(max_size=400))
def test_any_bytes_behind_any_signature_are_refused(start: bytes, rest: bytes) -> None:
    assert decoded(start + rest) in REASONS


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(SEEDS), st.data())
def test_any_change_of_a_file_is_refused_or_gives_grey_values(content: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(content) - 1))
    removed = data.draw(st.integers(0, 40))
    inserted = data.draw(st.binary(max_size=40))
    result = decoded(content[:at] + inserted + content[at + removed :])
    if isinstance(result, str):
        assert result in REASONS
    else:
        assert result.grey.ndim == 2
        assert np.isfinite(result.grey).all()
        assert 0 <= result.grey.min() < result.grey.max() <= 1
