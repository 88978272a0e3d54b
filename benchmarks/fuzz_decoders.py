"""Coverage-guided fuzzing of the decoders with atheris: any other error than UnreadableImage stops it.

python -m benchmarks.fuzz_decoders [-max_total_time=600] [other options of libFuzzer]

Needs `pip install atheris==3.0.0`. It runs in one process, without the decoding child and its limits: formats
whose C decoders crash or hang are left to `benchmarks.bad_input`.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import tempfile
import warnings
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["ml", "PIL.PngImagePlugin"]):
    from ml.errors import UnreadableImage
    from ml.images.decoding import decode_radiograph

from tests.ml.encodings import rasters
from tests.radiographs import radiograph_dicom, radiograph_grey

COMPRESSED = b"1.2.840.10008.1.2.4"  # the transfer syntaxes of C decoders


def decode(content: bytes) -> None:
    """Decode one input of the fuzzer."""
    if content[128:132] == b"DICM" and COMPRESSED in content:
        return
    with contextlib.suppress(UnreadableImage, MemoryError):
        radiograph = decode_radiograph(content)
        assert radiograph.grey.ndim == 2
        assert np.isfinite(radiograph.grey).all()


def main() -> None:
    """Write the valid files as the first inputs, and fuzz until the time is over or an input fails."""
    warnings.simplefilter("ignore")
    logging.disable()
    grey = (radiograph_grey(1, (64, 64)) * 255).round().astype(np.uint8)
    seeds = [*rasters(grey).values(), radiograph_dicom(1, (64, 64))]
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds):
            Path(folder, f"seed-{number}").write_bytes(seed)
        atheris.Setup([*sys.argv, "-max_len=20000", folder], decode)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
