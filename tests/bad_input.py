"""Bad input of every accepted format, the answers of the decoding child to it, and a table of them."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from ml.errors import UnreadableImage
from ml.images.decode_in_child import Limits, decode_radiograph_in_child
from tests.hostile_files import ACCEPTED, MEGABYTE, specimens
from tests.independent_decoding import independent_grey
from tests.ml.encodings import compressed_dicoms, native_dicoms, rasters
from tests.mutants import as_radiograph, damage, samples, with_checksums
from tests.radiographs import radiograph_dicom, radiograph_grey

LIMITS: Final = Limits(cpu_seconds=10)
SIZE: Final = (96, 80)
THREADS: Final = 2


@dataclass(frozen=True)
class BadInput:
    """One file and the format that it was made from."""

    format: str
    content: bytes


@dataclass
class Row:
    """The answers to the files of one format."""

    codes: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    worst_difference: float = 0.0  # grey levels of 255, of accepted files
    differing: int = 0  # accepted files that differ by more than one grey level
    refused_elsewhere: int = 0  # accepted files that the independent decoder refuses
    seconds: float = 0.0  # the longest answer


def valid_files(folder: Path) -> dict[str, bytes]:
    """Return a valid file of each format and transfer syntax; dcmtk writes some of them into the folder."""
    grey = (radiograph_grey(5, SIZE) * 255).round().astype(np.uint8)
    plain = radiograph_dicom(5, SIZE)
    return rasters(grey) | native_dicoms(plain, folder) | compressed_dicoms(plain, folder)


def bad_inputs(count: int, seed: int, folder: Path) -> Iterator[BadInput]:
    """Yield bombs, polyglots and mutants of every format; the same seed gives the same ones."""
    fixed = [BadInput("bombs, polyglots, other formats", s.content) for s in specimens(inflated=8 * MEGABYTE)]
    yield from fixed[:count]
    chance = random.Random(seed)
    files = [*valid_files(folder).items()]
    files += [("DICOM samples of pydicom", as_radiograph(path)) for path in samples()]
    for _ in range(count - len(fixed)):
        # Each format gets the same share; the samples of pydicom are one of them.
        name, content = chance.choice(files[: -len(samples()) + 1] if chance.random() < 0.9 else files)
        yield BadInput(name, _mutant(content, chance))


def _mutant(content: bytes, chance: random.Random) -> bytes:
    mutant = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        damage(mutant, chance)
    is_png = mutant.startswith(b"\x89PNG")
    return with_checksums(bytes(mutant)) if is_png and chance.random() < 0.5 else bytes(mutant)


def table_of(inputs: Iterable[BadInput]) -> dict[str, Row]:
    """Decode all inputs and return a row for each format."""
    rows: dict[str, Row] = {}
    queue, lock = iter(inputs), threading.Lock()

    def work() -> None:
        while True:
            with lock:
                one = next(queue, None)
            if one is None:
                return
            _add(rows, lock, one)

    with ThreadPoolExecutor(THREADS) as pool:
        for worker in [pool.submit(work) for _ in range(THREADS)]:
            worker.result()
    return dict(sorted(rows.items()))


def _add(rows: dict[str, Row], lock: threading.Lock, one: BadInput) -> None:
    start, difference, refused_elsewhere = time.monotonic(), None, False
    try:
        grey = decode_radiograph_in_child(one.content, limits=LIMITS).grey
    except UnreadableImage as error:
        code, seconds = error.code, time.monotonic() - start
    else:
        code, seconds = ACCEPTED, time.monotonic() - start
        try:
            expected = independent_grey(one.content)
        except Exception:  # whatever another library raises; the file stays accepted and is counted
            refused_elsewhere, expected = True, None
        if expected is not None:
            same_shape = expected.shape == grey.shape
            difference = float(np.abs(expected - grey).max() * 255) if same_shape else 255.0
    with lock:
        row = rows.setdefault(one.format, Row())
        row.codes[code] += 1
        row.refused_elsewhere += refused_elsewhere
        row.seconds = max(row.seconds, seconds)
        if difference is not None:
            row.compared += 1
            row.worst_difference = max(row.worst_difference, difference)
            row.differing += difference > 1
