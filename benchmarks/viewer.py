"""How quick the viewer is in Chromium, on 3000 x 3000 radiographs of 16 bits: dragging, and Next.

python -m benchmarks.viewer [--nexts 10] [--frames 180] [--gpu]

Measured on the same machine in the same browser: the product's own choice, both of its ways to paint the
full depth, and the peer: the display PNG of 8 bits on a 2-D canvas. Without --gpu Chromium has no graphics
processor: it composes pages, and draws WebGL, in software.
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

from tests.radiographs import radiograph_dicom
from tests.servers import wait_until
from tests.stack import (
    CHROMIUM_ARGUMENTS,
    DEMO_PASSWORD,
    ROOT,
    Stack,
    chromium_path,
    readroom_stack,
)

SIDE: Final = 3000  # pixels
LOOKED: Final = 4000  # milliseconds that a reader looks at a radiograph at least
NO_WEBGL: Final = """
const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind === "webgl2" ? null : real.call(this, kind, ...more);
};
"""
ANY_WEBGL: Final = """
const real = WebGL2RenderingContext.prototype.getExtension;
WebGL2RenderingContext.prototype.getExtension = function (name) {
  return name === "WEBGL_debug_renderer_info" ? null : real.call(this, name); // as if it were no software
};
"""
# From the key to the frame after the one in which another radiograph was painted.
CLOCK: Final = """
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
class Way:
    """One way to paint a radiograph."""

    name: str
    script: str
    depth: bool
    painted_by: str  # as the viewer says it; empty where it may choose


WAYS: Final = (
    Way("the product's choice", "", depth=True, painted_by=""),
    Way("full depth, WebGL2", ANY_WEBGL, depth=True, painted_by="webgl2"),
    Way("full depth, 2-D canvas", NO_WEBGL, depth=True, painted_by="2d"),
    Way("8-bit PNG, 2-D canvas (peer)", NO_WEBGL, depth=False, painted_by="2d of the picture"),
)


def main() -> None:
    """Measure every way and print one line each."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--nexts", type=int, default=10)
    arguments.add_argument("--frames", type=int, default=180)
    arguments.add_argument("--gpu", action="store_true", help="draw WebGL with the machine's own processor")
    wanted = arguments.parse_args()
    drawn_by = "graphics processor" if wanted.gpu else "no graphics processor"
    print(f"{os.cpu_count()} cores, {platform.machine()}, {drawn_by}; load {load()}")
    with readroom(wanted.nexts) as stack, chromium(gpu=wanted.gpu) as browser:
        seen = {way: measured(stack, browser, way, wanted.nexts, wanted.frames) for way in WAYS}
    peer = seen[WAYS[-1]]
    print(f"{'ms: median / p95 / median to peer':<34} {'window':>22} {'move':>22} {'Next':>22}")
    for way, figures in seen.items():
        pairs = zip(figures, peer, strict=True)
        print(f"{way.name:<34}", *(f"{told(own, other):>22}" for own, other in pairs))
    print(f"load at the end {load()}")


def told(own: list[float], peer: list[float]) -> str:
    """Write median, 95th percentile and the ratio of medians."""
    return f"{median(own):.1f} / {quantiles(own, n=20)[-1]:.1f} / {median(own) / median(peer):.2f}x"


def load() -> str:
    """Say how busy the machine is."""
    return f"{os.getloadavg()[0]:.1f}"


@contextmanager
def readroom(nexts: int) -> Iterator[Stack]:
    """Run Readroom with enough deep radiographs for every way, all of them answered."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "small"
        code = (
            "import sys; from pathlib import Path; from tests.small_bundle import make_bundle; "
            "make_bundle(Path(sys.argv[1]))"
        )
        subprocess.run([sys.executable, "-c", code, str(bundle)], cwd=ROOT, check=True, capture_output=True)
        with readroom_stack("embedded", bundle=bundle) as stack:
            technician = stack.script("technician")
            seeds = count(1)
            cases = [admit(technician, next(seeds)) for _radiograph in range(len(WAYS) * (nexts + 1) + 2)]
            is_done = lambda: technician.get(f"/api/v1/cases/{cases[-1]}/").json()["status"] == "done"  # noqa: E731
            wait_until(is_done, seconds=600, what="the machine's answers")
            yield stack


def admit(technician: Any, seed: int) -> str:
    """Send one drawn radiograph of 16 bits whose window leaves out its ends."""
    radiograph = radiograph_dicom(seed, (SIDE, SIDE), bits=16, WindowCenter=30000, WindowWidth=40000)
    order = {"patient_ref": f"P-{seed}", "accession_number": f"FIG-{seed}"}
    return str(
        technician.post("/api/v1/cases/", order, {"radiograph": ("radiograph.dcm", radiograph)}).json()["id"]
    )


@contextmanager
def chromium(*, gpu: bool) -> Iterator[Any]:
    """Open Chromium, without a graphics processor unless told otherwise."""
    arguments = [each for each in CHROMIUM_ARGUMENTS if not gpu or each != "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=arguments)
        yield browser
        browser.close()


def measured(stack: Stack, browser: Any, way: Way, nexts: int, frames: int) -> tuple[list[float], ...]:
    """Give milliseconds between frames of a window and a moving drag, and from Enter to the next radiograph."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.add_init_script(CLOCK)
    page.add_init_script(way.script)
    if not way.depth:
        page.route("**/radiograph.pixels", lambda route: route.abort())
    page.goto(f"{stack.base_url}/accounts/login/?next=/review/")
    page.fill("input[name=username]", "radiologist")
    page.fill("input[name=password]", DEMO_PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/review/")
    page.keyboard.press("n")
    done = "[data-depth=full]" if way.depth else "[data-depth=none]"
    page.wait_for_selector(f"[data-viewer=ready]{done}", timeout=60_000)
    painted_by = page.get_attribute("figure", "data-by")
    assert way.painted_by in ("", painted_by), painted_by
    page.wait_for_timeout(LOOKED)
    window = page.evaluate(DRAG, {"frames": frames, "button": 0})
    for _step in range(4):
        page.keyboard.press("+")
    moving = page.evaluate(DRAG, {"frames": frames, "button": 1})
    taken = [next_one(page) for _next in range(nexts)]
    page.keyboard.press("b")
    page.context.close()
    return window, moving, taken


def next_one(page: Any) -> float:
    """Sign, and give the milliseconds until the next radiograph was painted."""
    page.wait_for_timeout(LOOKED)
    page.evaluate("delete document.documentElement.dataset.took")
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    page.wait_for_selector("html[data-took]")
    return float(page.get_attribute("html", "data-took"))


if __name__ == "__main__":
    main()
