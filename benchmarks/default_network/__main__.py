"""Start, resume or export a training of the default network.

python -m benchmarks.default_network DATA --run FOLDER [--export OUT --size 160]

The same command starts and resumes. SIGTERM ends the attempt after its step with a checkpoint.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
from dataclasses import replace
from pathlib import Path
from threading import Event

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from benchmarks.default_network.recipe import RECIPES, LongRecipe, stored_recipe


def main() -> None:
    """Parse the arguments, then train or export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the public collections")
    parser.add_argument("--run", type=Path, required=True, help="folder of the training")
    parser.add_argument("--recipe", choices=RECIPES, default="long", help="of a training that starts")
    parser.add_argument("--steps", type=int, help="of a training that starts, if not the recipe's")
    parser.add_argument("--export", type=Path, metavar="OUT", help="write a bundle of the averaged weights")
    parser.add_argument(
        "--average-with",
        type=Path,
        nargs="*",
        default=[],
        help="earlier checkpoints to average with",
    )
    parser.add_argument("--size", type=int, default=160, help="input size of the bundle in pixels")
    arguments = parser.parse_args()
    arguments.run.mkdir(parents=True, exist_ok=True)
    if arguments.export:
        from benchmarks.default_network.export import export

        export(arguments.run, arguments.data, arguments.export, arguments.size, arguments.average_with)
    else:
        recipe = RECIPES[arguments.recipe]
        recipe = replace(recipe, steps=arguments.steps or recipe.steps)
        train(arguments.run, arguments.data, stored_recipe(arguments.run, recipe))


def train(folder: Path, data: Path, recipe: LongRecipe) -> None:
    """Start or resume the training; a second process in the same folder is refused."""
    from benchmarks.default_network import radiographs
    from benchmarks.default_network.run import LongTraining

    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("Another process trains in this folder.") from None
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        (folder / "pid").write_text(f"{os.getpid()}\n", encoding="utf-8")
        training = LongTraining(folder, radiographs.load(data, folder / "cache"), recipe)
        training.resume()
        print(f"pid {os.getpid()}, step {training.progress.step} of {recipe.steps}", flush=True)
        training.train(stop.is_set)
        print("stopped" if stop.is_set() else "finished", training.progress, flush=True)


if __name__ == "__main__":
    main()
