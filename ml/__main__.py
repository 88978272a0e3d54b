"""`python -m ml ...`: the library at work without Django, one JSON line for each image."""

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
    explain = commands.add_parser("explain", help="classify radiographs and draw their heat maps")
    explain.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="PNG, JPEG or DICOM file")
    explain.add_argument(
        "--bundle", type=Path, default=DEFAULT_BUNDLE, metavar="DIR", help="the model to ask"
    )
    explain.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where pictures are written")
    explain.set_defaults(run=_explain)
    trust = commands.add_parser("trust", help="ask what a model's figures are worth")
    trust.add_argument("bundle", type=Path, metavar="BUNDLE", help="the model, a folder")
    trust.add_argument("data", type=Path, metavar="DATA", help="labelled radiographs it did not learn from")
    trust.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where the report is written")
    trust.add_argument(
        "--cohen", type=Path, metavar="DIR", help="Cohen's collection, which names darkcovidnet's patients"
    )
    trust.add_argument("--most", type=int, default=0, metavar="N", help="take at most N radiographs")
    trust.add_argument("--no-pictures", action="store_true", help="show no radiograph in the report")
    trust.set_defaults(run=_trust)
    return parser


def _explain(options: argparse.Namespace) -> int:
    """Explain each image; 0 if at least one could be read, 1 if none."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from ml.inference.predictor import Predictor  # not before the arguments are known to be right
    from ml.records import BundleError

    try:
        predictor = Predictor(options.bundle)
    except BundleError as trouble:
        print(f"python -m ml explain: {trouble}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    names = _stems(options.images)
    lines = 0
    for image, name in zip(options.images, names, strict=True):
        line = _line(predictor, image, options.out / name)
        lines += "error" not in line
        print(json.dumps({"image": str(image), **line}), flush=True)
    return 0 if lines else 1


def _trust(options: argparse.Namespace) -> int:
    """Write the trust report and print its summary; 0 whatever the verdict, 2 if it cannot be made."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from ml.trust import command

    return command.run(
        options.bundle,
        options.data,
        out=options.out,
        cohen=options.cohen,
        most=options.most,
        with_pictures=not options.no_pictures,
    )


def _stems(images: list[Path]) -> list[str]:
    """Name the outputs after their images, with a number where two images share a name."""
    seen: dict[str, int] = {}
    names = []
    for image in images:
        count = seen[image.stem] = seen.get(image.stem, 0) + 1
        names.append(image.stem if count == 1 else f"{image.stem}-{count}")
    return names


def _line(predictor: Predictor, image: Path, stem: Path) -> dict[str, Any]:
    import numpy as np

    from ml.images.decode import read_radiograph_in_child
    from ml.inference import overlay
    from ml.records import UnreadableImage

    try:
        radiograph = read_radiograph_in_child(image.read_bytes())
    except UnreadableImage as refusal:
        return {"error": refusal.code, "message": str(refusal)}
    except OSError as trouble:
        return {"error": "no_file", "message": f"This file cannot be opened: {trouble.strerror}."}
    found = predictor.explain(radiograph.grey, colour=radiograph.colour)
    heat = found.maps[found.finding]
    picture, grid = stem.with_name(f"{stem.name}.overlay.png"), stem.with_name(f"{stem.name}.grid.npy")
    reference = predictor.manifest.heatmap_reference.get(found.finding) or heat.raw_max or 1.0
    picture.write_bytes(overlay.overlay_png(radiograph.grey, heat, found.frame, reference=reference))
    np.save(grid, heat.grid, allow_pickle=False)
    return {
        "probabilities": found.probabilities,
        "finding": found.finding,
        "outcome": found.outcome,
        "candidates": found.candidates,
        "doubtful": found.doubtful,
        "out_of_distribution": asdict(found.out_of_distribution) if found.out_of_distribution else None,
        "quality_flags": found.quality_flags,
        "version": found.version,
        "heatmap": str(picture),
        "grid": str(grid),
    }


if __name__ == "__main__":
    sys.exit(main())
