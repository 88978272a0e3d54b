"""Entry of the command line: `readroom`, or `python -m readroom`."""

from readroom import commands as _commands  # noqa: F401 - each registers itself
from readroom.cli import cli


def main() -> None:
    """Run the command line."""
    cli(prog_name="readroom")


if __name__ == "__main__":
    main()
