"""`python -m ml explain` prints one JSON line per image, without Django."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ml.__main__ import main
from tests.radiographs import radiograph_dicom, radiograph_png
from tests.small_bundle import make_bundle

pytestmark = pytest.mark.network
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "b", "scratch-cnn", size=128)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_image_has_a_line_of_json_and_a_heatmap(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.png").write_bytes(radiograph_png(1, (300, 200)))
    (tmp_path / "two.dcm").write_bytes(radiograph_dicom(2))
    (tmp_path / "three.txt").write_text("not a radiograph")
    images = [str(tmp_path / name) for name in ("one.png", "three.txt", "two.dcm", "four.png")]
    status = main(["explain", *images, "--bundle", str(directory), "--out", str(tmp_path / "out")])
    one, three, two, four = lines(capsys.readouterr().out)
    assert status == 0
    assert [one["image"], three["image"], two["image"], four["image"]] == images
    assert (three["error"], four["error"]) == ("unknown_format", "no_file")
    assert three["message"].endswith(".")
    for line in (one, two):
        assert sum(line["probabilities"].values()) == pytest.approx(1)
        assert line["finding"] in line["probabilities"]
        assert line["version"] == "small"
        assert (line["outcome"], line["candidates"], line["low_confidence"]) == ("finding", [], False)
        assert (line["out_of_distribution"], line["quality_flags"]) == (
            None,
            [] if line is two else ["small"],
        )
        grid = np.load(line["grid"], allow_pickle=False)
        assert grid.shape == (8, 8)
        assert grid.min() >= 0
    with Image.open(one["heatmap"]) as image:
        assert image.size == (200, 300)


def test_the_exit_status_is_1_without_a_readable_image(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "three.txt").write_text("not a radiograph")
    assert main(["explain", str(tmp_path / "three.txt"), "--bundle", str(directory)]) == 1
    assert lines(capsys.readouterr().out)[0]["error"] == "unknown_format"


def test_outputs_of_images_with_the_same_name_do_not_overwrite_each_other(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "radiograph.png").write_bytes(radiograph_png(ord(folder)))
    images = [str(tmp_path / folder / "radiograph.png") for folder in ("a", "b")]
    main(["explain", *images, "--bundle", str(directory), "--out", str(tmp_path)])
    first, second = lines(capsys.readouterr().out)
    assert first["heatmap"] != second["heatmap"]
    assert first["grid"] != second["grid"]


def test_a_missing_bundle_ends_with_an_error_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "radiograph.png", "--bundle", str(tmp_path / "none")]) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_the_command_runs_without_django(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(radiograph_png())
    script = (
        "import sys; sys.modules['django'] = None; from ml.__main__ import main; "
        f"sys.exit(main(['explain', {str(tmp_path / 'one.png')!r}, '--bundle', {str(directory)!r}, "
        f"'--out', {str(tmp_path)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert lines(done.stdout)[0]["finding"]
