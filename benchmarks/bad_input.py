"""Table of the answers of the decoders to bad input of every format.

python -m benchmarks.bad_input [--inputs 20000] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

from tests.bad_input import Row, bad_inputs, table_of
from tests.hostile_files import ACCEPTED

HEADER = (
    "format",
    "inputs",
    "accepted",
    "refused",
    "crashes",
    "timeouts",
    "compared",
    "differ",
    "refused by the other",
    "max s",
)
CRASHES, TIMEOUTS = "decoder_crashed", "decoder_timeout"


def main() -> int:
    """Decode the inputs and print the table; return 1 if an accepted file differs from another decoder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # pydicom's about the mutants
    with tempfile.TemporaryDirectory() as folder:
        rows = table_of(bad_inputs(arguments.inputs, arguments.seed, Path(folder)))
    print("\n".join(table(rows)))
    return int(any(row.differing for row in rows.values()))


def table(rows: dict[str, Row]) -> list[str]:
    """Return the lines of a Markdown table and one line with the number of each code."""
    total = Row()
    for row in rows.values():
        total.codes += row.codes
        total.compared += row.compared
        total.differing += row.differing
        total.refused_elsewhere += row.refused_elsewhere
        total.seconds = max(total.seconds, row.seconds)
    lines = ["| " + " | ".join(HEADER) + " |", "|" + " --- |" * len(HEADER)]
    lines += [_line(name, row) for name, row in (*rows.items(), ("**all**", total))]
    return [*lines, "", "Codes: " + ", ".join(f"{code} {n:,}" for code, n in _refusals(total.codes))]


def _line(name: str, row: Row) -> str:
    inputs, accepted = row.codes.total(), row.codes[ACCEPTED]
    cells = [f"{count:,}" for count in (inputs, accepted, inputs - accepted, row.codes[CRASHES])]
    cells += [
        f"{count:,}" for count in (row.codes[TIMEOUTS], row.compared, row.differing, row.refused_elsewhere)
    ]
    return "| " + " | ".join([name, *cells, f"{row.seconds:.1f}"]) + " |"


def _refusals(codes: Counter[str]) -> list[tuple[str, int]]:
    return [(code, count) for code, count in codes.most_common() if code != ACCEPTED]


if __name__ == "__main__":
    sys.exit(main())
