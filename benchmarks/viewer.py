"""Speed of the viewer in Chromium on 16-bit radiographs of 3000 x 3000 pixels: dragging, and next case.

python -m benchmarks.viewer [--cases 10] [--frames 180] [--gpu]

Compared on the same machine in the same browser: the renderer that the product selects, both of its
full-depth renderers, and the baseline, the 8-bit display PNG on a 2-D canvas. Without --gpu Chromium composes
pages and renders WebGL in software.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from playwright.sync_api import sync_playwright

from tests.chromium import CHROMIUM_ARGUMENTS, chromium_path
from tests.radiographs import radiograph_dicom
from tests.servers import wait_until
from tests.stack import DEMO_PASSWORD, ROOT, Stack, readroom_stack

SIDE: Final = 3000  # pixels
VIEWING: Final = 4000  # milliseconds between two actions of a reader
NO_WEBGL: Final = """
const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind === "webgl2" ? null : real.call(this, kind, ...more);
};
"""
ANY_WEBGL: Final = """
const real = WebGL2RenderingContext.prototype.getExtension;
WebGL2RenderingContext.prototype.getExtension = function (name) {
  return name === "WEBGL_debug_renderer_info" ? null : real.call(this, name); // hides the software renderer
};
"""
# From the key press to the frame after the one in which the next radiograph was painted.
TIMER: Final = """
addEventListener("keydown", (event) => {
  if (event.key === "Enter") window.pressed = performance.now();
}, true);
addEventListener("radiograph:shown", () => {
  if (!window.pressed) return;
  const began = window.pressed;
  window.pressed = 0;
  requestAnimationFrame(() => setTimeout(() => {
    document.documentElement.dataset.took = performance.now() - began;
  }));
});
"""
DRAG: Final = """({frames, button}) => new Promise((done) => {
  const stage = document.querySelector("[data-viewer-stage]");
  const edge = stage.getBoundingClientRect();
  const send = (kind, x, y) => stage.dispatchEvent(new PointerEvent(kind, {
    pointerId: 1, button, buttons: 1, clientX: edge.left + x, clientY: edge.top + y, bubbles: true,
  }));
  stage.setPointerCapture = () => {};
  send("pointerdown", 300, 300);
  const gaps = [];
  let last = 0;
  const frame = (now) => {
    if (last) gaps.push(now - last);
    last = now;
    if (gaps.length === frames) { send("pointerup", 300, 300); done(gaps); return; }
    const turn = gaps.length / 20;
    send("pointermove", 300 + 120 * Math.sin(turn), 300 + 80 * Math.sin(2 * turn));
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})"""


@dataclass(frozen=True)
class Renderer:
    """One renderer of a radiograph."""

    name: str
    script: str
    depth: bool
    painted_by: str  # value of the data attribute of the viewer; empty where the viewer selects


RENDERERS: Final = (
    Renderer("selected by the product", "", depth=True, painted_by=""),
    Renderer("full depth, WebGL2", ANY_WEBGL, depth=True, painted_by="webgl2"),
    Renderer("full depth, 2-D canvas", NO_WEBGL, depth=True, painted_by="2d"),
    Renderer("8-bit PNG, 2-D canvas (baseline)", NO_WEBGL, depth=False, painted_by="2d of the picture"),
)


def main() -> None:
    """Measure every renderer and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10, help="number of case changes per renderer")
    parser.add_argument("--frames", type=int, default=180)
    parser.add_argument("--gpu", action="store_true", help="render WebGL with the graphics processor")
    arguments = parser.parse_args()
    processor = "graphics processor" if arguments.gpu else "no graphics processor"
    print(f"{os.cpu_count()} cores, {platform.machine()}, {processor}; load {load()}")
    with readroom(arguments.cases) as stack, chromium(gpu=arguments.gpu) as browser:
        durations = {
            renderer: measure(stack, browser, renderer, arguments.cases, arguments.frames)
            for renderer in RENDERERS
        }
    baseline = durations[RENDERERS[-1]]
    print(f"{'ms: median / p95 / ratio':<34} {'window':>22} {'move':>22} {'next case':>22}")
    for renderer, own in durations.items():
        pairs = zip(own, baseline, strict=True)
        print(f"{renderer.name:<34}", *(f"{summary(values, base):>22}" for values, base in pairs))
    print(f"load at the end {load()}")


def summary(values: list[float], baseline: list[float]) -> str:
    """Return median, 95th percentile and the ratio of medians as text."""
    return (
        f"{median(values):.1f} / {quantiles(values, n=20)[-1]:.1f} / {median(values) / median(baseline):.2f}x"
    )


def load() -> str:
    """Return the load average of the machine."""
    return f"{os.getloadavg()[0]:.1f}"


@contextmanager
def readroom(case_changes: int) -> Iterator[Stack]:
    """Run Readroom with enough predicted 16-bit radiographs for every renderer."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "small"
        code = (
            "import sys; from pathlib import Path; from tests.small_bundle import make_bundle; "
            "make_bundle(Path(sys.argv[1]))"
        )
        subprocess.run([sys.executable, "-c", code, str(bundle)], cwd=ROOT, check=True, capture_output=True)
        with readroom_stack("embedded", bundle=bundle) as stack:
            technician = stack.api_client("technician")
            seeds = count(1)
            radiographs = len(RENDERERS) * (case_changes + 1) + 2
            cases = [upload(technician, next(seeds)) for _ in range(radiographs)]
            is_done = lambda: technician.get(f"/api/v1/cases/{cases[-1]}/").json()["status"] == "done"  # noqa: E731
            wait_until(is_done, seconds=600, what="the predictions")
            yield stack


def upload(technician: Any, seed: int) -> str:
    """Upload a synthetic 16-bit radiograph whose window excludes both ends of the range."""
    radiograph = radiograph_dicom(seed, (SIDE, SIDE), bits=16, WindowCenter=30000, WindowWidth=40000)
    fields = {"patient_ref": f"P-{seed}", "accession_number": f"FIG-{seed}"}
    return str(
        technician.post("/api/v1/cases/", fields, {"radiograph": ("radiograph.dcm", radiograph)}).json()["id"]
    )


@contextmanager
def chromium(*, gpu: bool) -> Iterator[Any]:
    """Start Chromium, by default without a graphics processor."""
    arguments = [flag for flag in CHROMIUM_ARGUMENTS if not gpu or flag != "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=arguments)
        yield browser
        browser.close()


def measure(
    stack: Stack, browser: Any, renderer: Renderer, case_changes: int, frames: int
) -> tuple[list[float], ...]:
    """Return milliseconds between frames while windowing and while moving, and from Enter to the next."""
    page = _reading_page(stack, browser, renderer)
    page.wait_for_timeout(VIEWING)
    window = page.evaluate(DRAG, {"frames": frames, "button": 0})
    for _step in range(4):
        page.keyboard.press("+")
    moving = page.evaluate(DRAG, {"frames": frames, "button": 1})
    next_case = [_sign_and_wait(page) for _ in range(case_changes)]
    page.keyboard.press("b")
    page.context.close()
    return window, moving, next_case


def _reading_page(stack: Stack, browser: Any, renderer: Renderer) -> Any:
    """Sign in as a radiologist and open the first case."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.add_init_script(TIMER)
    page.add_init_script(renderer.script)
    if not renderer.depth:
        page.route("**/radiograph.pixels", lambda route: route.abort())
    page.goto(f"{stack.base_url}/accounts/login/?next=/review/")
    page.fill("input[name=username]", "radiologist")
    page.fill("input[name=password]", DEMO_PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/review/")
    page.keyboard.press("n")
    depth = "[data-depth=full]" if renderer.depth else "[data-depth=none]"
    page.wait_for_selector(f"[data-viewer=ready]{depth}", timeout=60_000)
    painted_by = page.get_attribute("figure", "data-by")
    assert renderer.painted_by in ("", painted_by), painted_by
    return page


def _sign_and_wait(page: Any) -> float:
    """Sign a reading and return the milliseconds until the next radiograph was painted."""
    page.wait_for_timeout(VIEWING)
    page.evaluate("delete document.documentElement.dataset.took")
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    page.wait_for_selector("html[data-took]")
    return float(page.get_attribute("html", "data-took"))


if __name__ == "__main__":
    main()
