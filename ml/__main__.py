"""Command line of the library without Django: `python -m ml explain`, `trust` and `export-engine`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ml.inference.predictor import Predictor

DEFAULT_BUNDLE: Final = Path(__file__).resolve().parent / "bundles" / "default"


def main(arguments: list[str] | None = None) -> int:
    """Run the subcommand that the arguments name and return the exit status."""
    options = _parser().parse_args(arguments)
    status: int = options.run(options)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_explain(commands.add_parser("explain", help="classify radiographs and write their heatmaps"))
    _add_export(commands.add_parser("export-engine", help="export a model for serving without TensorFlow"))
    _add_trust(commands.add_parser("trust", help="run the trust checks of a model and write the report"))
    return parser


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="PNG, JPEG or DICOM file")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, metavar="DIR", help="model bundle")
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="folder for the heatmaps")
    parser.set_defaults(run=_explain)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="model bundle, a folder")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the graph")
    parser.set_defaults(run=_export)


def _add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="model bundle, a folder")
    parser.add_argument(
        "data", type=Path, metavar="DATA", help="labelled radiographs outside the training set"
    )
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="folder for the report")
    parser.add_argument(
        "--cohen", type=Path, metavar="DIR", help="Cohen's collection, with the patients of DarkCovidNet"
    )
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="use at most N radiographs")
    parser.add_argument("--no-images", action="store_true", help="no example radiographs in the report")
    parser.set_defaults(run=_trust)


def _explain(options: argparse.Namespace) -> int:
    """Explain each image and return 0 if at least one was readable, 1 if none, 2 without a usable bundle."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from ml.errors import BundleError
    from ml.inference.predictor import (
        Predictor,
    )  # TensorFlow is imported only after the arguments are checked

    try:
        predictor = Predictor(options.bundle)
    except BundleError as error:
        print(f"python -m ml explain: {error}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    names = _stems(options.images)
    succeeded = 0
    for image, name in zip(options.images, names, strict=True):
        result = _explanation(predictor, image, options.out / name)
        succeeded += "error" not in result
        print(json.dumps({"image": str(image), **result}), flush=True)
    return 0 if succeeded else 1


def _export(options: argparse.Namespace) -> int:
    """Export a bundle's network and return 0, or 2 if it cannot be exported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from ml.errors import BundleError
    from ml.inference import engine_export  # TensorFlow is imported only after the arguments are checked

    try:
        engine_export.export(options.bundle, options.out)
    except BundleError as error:
        print(f"python -m ml export-engine: {error}", file=sys.stderr)
        return 2
    return 0


def _trust(options: argparse.Namespace) -> int:
    """Write the trust report and print its summary; return 0 for any verdict, 2 without a report."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from ml.trust import command

    return command.run(
        options.bundle,
        options.data,
        out=options.out,
        cohen=options.cohen,
        limit=options.limit,
        with_images=not options.no_images,
    )


def _stems(images: list[Path]) -> list[str]:
    """Return the output names: those of the images, with a number where two images share a name."""
    counts: dict[str, int] = {}
    names = []
    for image in images:
        count = counts[image.stem] = counts.get(image.stem, 0) + 1
        names.append(image.stem if count == 1 else f"{image.stem}-{count}")
    return names


def _explanation(predictor: Predictor, image: Path, stem: Path) -> dict[str, Any]:
    import numpy as np

    from ml.errors import UnreadableImage
    from ml.images.decode_in_child import decode_radiograph_in_child
    from ml.inference import overlay

    try:
        radiograph = decode_radiograph_in_child(image.read_bytes())
    except UnreadableImage as error:
        return {"error": error.code, "message": str(error)}
    except OSError as error:
        return {"error": "no_file", "message": f"This file cannot be opened: {error.strerror}."}
    explanation = predictor.explain(radiograph.grey, colour=radiograph.colour)
    finding = explanation.finding
    heatmap = explanation.maps[finding]
    overlay_path, grid_path = (
        stem.with_name(f"{stem.name}.overlay.png"),
        stem.with_name(f"{stem.name}.grid.npy"),
    )
    reference = predictor.manifest.heatmap_reference.get(finding) or heatmap.raw_max or 1.0
    png = overlay.overlay_png(radiograph.grey, heatmap, explanation.frame, reference=reference)
    overlay_path.write_bytes(png)
    np.save(grid_path, heatmap.grid, allow_pickle=False)
    out_of_distribution = explanation.out_of_distribution
    return {
        "probabilities": explanation.probabilities,
        "finding": finding,
        "outcome": explanation.outcome,
        "candidates": explanation.candidates,
        "low_confidence": explanation.low_confidence,
        "out_of_distribution": asdict(out_of_distribution) if out_of_distribution else None,
        "quality_flags": explanation.quality_flags,
        "version": explanation.version,
        "heatmap": str(overlay_path),
        "grid": str(grid_path),
    }


if __name__ == "__main__":
    sys.exit(main())
