"""Fetch the vendored browser libraries from the npm registry: python static/vendor/fetch.py."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LIST = HERE / "VENDOR.json"
# The maps are not shipped, and a stylesheet that names a missing file stops collectstatic.
SOURCE_MAP = re.compile(rb"\n?(/\*# sourceMappingURL=.*?\*/|//# sourceMappingURL=.*)\n?$")

README = """# Vendored browser libraries

Fetched by `python static/vendor/fetch.py` with the versions and checksums of VENDOR.json.
Nothing is edited by hand, but the line that names a source map is dropped.

| name | version | licence | files |
| --- | --- | --- | --- |
"""


def main() -> None:
    """Fetch, verify and unpack every library, then write the table of them."""
    packages = json.loads(LIST.read_text())["packages"]
    for package in packages:
        with tempfile.TemporaryDirectory() as folder:
            _unpack(_pack(package, Path(folder)), package)
    (HERE / "README.md").write_text(README + "".join(_row(package) for package in packages))


def _pack(package: dict[str, Any], folder: Path) -> Path:
    wanted = f"{package['name']}@{package['version']}"
    subprocess.run(["npm", "pack", wanted, "--silent", "--pack-destination", folder], check=True)
    (tarball,) = folder.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != package["integrity"]:
        raise SystemExit(f"{wanted} is not what VENDOR.json promises; nothing was changed.")
    return tarball


def _unpack(tarball: Path, package: dict[str, Any]) -> None:
    with tarfile.open(tarball) as archive:
        for inside, outside in package["files"].items():
            member = archive.extractfile(f"package/{inside}")
            if member is None:
                raise SystemExit(f"{package['name']} has no file {inside}.")
            place = HERE / outside
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(SOURCE_MAP.sub(b"\n", member.read()))


def _row(package: dict[str, Any]) -> str:
    files = ", ".join(f"`{name}`" for name in package["files"].values())
    return f"| {package['name']} | {package['version']} | {package['licence']} | {files} |\n"


if __name__ == "__main__":
    main()
