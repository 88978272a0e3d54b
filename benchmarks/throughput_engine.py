"""Milliseconds a radiograph of the serving engine alone; run by `benchmarks.throughput`.

python -m benchmarks.throughput_engine BUNDLE FILE...
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from ml.images.decoding import decode_radiograph
from ml.inference import engine_cache, overlay
from ml.inference.predictor import Predictor

REFERENCE = 0.05  # opacity of the overlay; its value does not change the time


def main() -> None:
    """Print the mean over all files, after one warm-up."""
    bundle, files = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    greys = [decode_radiograph(path.read_bytes()).grey for path in files]
    with tempfile.TemporaryDirectory() as folder:
        predictor = Predictor(bundle, serving=engine_cache.serving_engine(bundle, Path(folder)))
        predictor.warm_up()
        started = time.perf_counter()
        for grey in greys:
            found = predictor.explain(grey)
            overlay.overlay_png(grey, found.maps[found.finding], found.frame, reference=REFERENCE)
        print(1000 * (time.perf_counter() - started) / len(greys))


if __name__ == "__main__":
    main()
