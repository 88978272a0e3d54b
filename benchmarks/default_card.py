"""The card of the default bundle: what it is, what it was taught, what its figures are worth."""

from __future__ import annotations

from typing import Any, Final

from ml.records import Manifest

SOURCES: Final = """\
- **Cohen**: J. P. Cohen, P. Morrison, L. Dao, "COVID-19 image data collection", arXiv:2003.11597. Each image
  has a licence of its own (CC BY-NC-SA, CC BY, CC BY-NC-ND and others; for many none is stated).
- **NIH**: X. Wang et al., "ChestX-ray8", CVPR 2017, in the selection of T. Ozturk et al., Comput Biol Med 121
  (2020) 103792. NIH asks to be named and for a link to its site. The labels were mined from reports by text
  processing; a part of them is wrong.
- **Radiography**: a share of the COVID-19 Radiography Database: M. E. H. Chowdhury et al., IEEE Access 8
  (2020) 132665; T. Rahman et al., Comput Biol Med 132 (2021) 104319. It names no patients; no commercial
  use.
- No weights of other networks were used: it began from random numbers. No image is part of this bundle."""

WARNINGS: Final = """\
## What it must not be used for

- No decision about a patient: not to find, not to rule out, not to order or to skip a test, not to triage.
- No children, no lateral views, no CT, no radiograph of another body part: it has learnt from none.
- No claim about another hospital. Published COVID-19 networks reach an AUROC of 0.70 to 0.90 on radiographs of a
  hospital they have not seen; this one has to be measured on yours before anybody looks at its scores.
- No commercial use: part of the radiographs it learnt from forbid it.

## What is known to be wrong with it

- **Shortcuts remain.** Most COVID-19 radiographs come from other collections than the normal ones, so the network
  can read the source (borders, letters, sharpness, compression) instead of the lungs. Augmentation of all
  classes alike makes that harder, not impossible. The figures with the middle covered, above, show how much
  is left.
- The internal figures are from the same confounded collections and say nothing about another hospital.
- **It learnt too little.** Two shared cores had an hour and a half for it, and its figures were still rising
  when it ended. A longer training is the next step.
- The held-out patients come from the same collection as a part of the radiographs learnt from. As far as patient
  names and a search for whole and cropped copies can tell, no radiograph of them was learnt from; one collection
  names no patients, so that cannot be proven. They are no unseen hospital.
- The size it is served at was chosen by the held-out figure among four, which flatters that figure a little.
- Temperature and operating points were set on the internal radiographs. On other radiographs neither
  needs to hold: compare the sensitivity of the flags above with the 0.95 they were set for, and the two
  calibration errors.
- A heat map shows which regions raised a score. It does not show that the region is ill."""


VERDICTS: Final = {
    "research only": "research only, because checks that block have failed",
    "incomplete": "incomplete, because checks that block were not asked",
    "passed": "no check that blocks has failed",
}


def card(manifest: Manifest, *, trust: dict[str, Any] | None) -> str:
    """Write the card from the manifest's own figures; a trust report, as JSON, leads it."""
    held_out, internal = manifest.metrics["held_out"], manifest.metrics["internal"]
    return "\n".join(
        [
            "# The default network\n",
            "**Research use only. Not for diagnosis.**\n",
            *([_verdict(trust)] if trust else []),
            _what_it_is(manifest),
            "\n## Radiographs it learnt from\n",
            _cells(manifest),
            "",
            SOURCES,
            _left_aside(manifest),
            "\n## Held-out radiographs: the other half of Cohen's patients\n",
            _figures(held_out),
            "\nServed at other sizes, AUROC for COVID-19: " + _sizes(manifest) + ".",
            "\nWith the middle of every radiograph covered (no lungs to see), AUROC for COVID-19: "
            f"{manifest.metrics['middle_covered']['held_out']:.3f} held out, "
            f"{manifest.metrics['middle_covered']['internal']:.3f} internal.",
            "\n## Internal validation radiographs (same sources as the learning radiographs, other patients)\n",
            _figures(internal),
            "",
            WARNINGS,
            "",
        ]
    )


def _verdict(trust: dict[str, Any]) -> str:
    lines = [f"## What its figures are worth: {VERDICTS[trust['verdict']]}\n"]
    for check in trust["checks"]:
        if check["status"] != "PASS":
            lines.append(f"- **{check['id']} {check['status']}** {check['words']}")
    passed = [check["id"] for check in trust["checks"] if check["status"] == "PASS"]
    lines.append(
        f"\nPassed: {', '.join(passed)}. The whole report lies beside this card: trust_report.html.\n"
    )
    return "\n".join(lines)


def _what_it_is(manifest: Manifest) -> str:
    arch, training = manifest.architecture, manifest.training
    parts = [training["first_part"], training] if "first_part" in training else [training]
    lines = [
        f"VGG16 with batch normalisation, grey {arch.size} x {arch.size} pixels, global average pooling and "
        f"one dense layer; classes {', '.join(arch.classes)}. Trained from scratch on two shared CPU cores, "
        "one run. Made by (and because the clock ends it, another machine takes another number of steps and "
        "gets other weights):\n"
    ]
    return "\n".join([*lines, *(_part(number, part) for number, part in enumerate(parts, start=1))])


def _part(number: int, training: dict[str, Any]) -> str:
    spec = training["spec"]
    smaller = " ".join(f"{until}:{size}" for until, size in spec["sizes"])
    goes_on = " --continue-from FIRST" if number > 1 else ""
    return (
        f"- `python -m benchmarks.train_default DATA --out FOLDER{goes_on} --minutes {spec['minutes']:g} "
        f"--batch-size {spec['batch_size']} --learning-rate {spec['learning_rate']:g} --smaller {smaller}`: "
        f"{training['steps']} steps in {training['seconds'] / 60:.0f} minutes, seed {spec['seed']}."
    )


def _cells(manifest: Manifest) -> str:
    sources: dict[str, dict[str, int]] = manifest.training["sources"]
    lines = ["| class, source | learnt from | validation | held out |", "| --- | --- | --- | --- |"]
    for cell in sorted({name for part in sources.values() for name in part}):
        numbers = (str(sources[part].get(cell, 0)) for part in ("train", "validation", "test"))
        lines.append(f"| {cell} | {' | '.join(numbers)} |")
    return "\n".join(lines)


def _left_aside(manifest: Manifest) -> str:
    counts: dict[str, int] = manifest.training["left_aside"]
    return "\nLeft aside: " + "; ".join(f"{why} ({n})" for why, n in sorted(counts.items())) + "."


def _figures(part: dict[str, Any]) -> str:
    lines = [
        f"{part['radiographs']} radiographs of {part['patients']} patients. "
        "Flags at the operating points of the manifest; "
        "95 % intervals: patient bootstrap for AUROC, Wilson for the others.\n",
        "| class | radiographs | AUROC | sensitivity of the flag | specificity of the flag | named rightly |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for label, row in part["per_class"].items():
        cells = (row["auroc"], row["flag_sensitivity"], row["flag_specificity"], row["sensitivity"])
        lines.append(f"| {label} | {row['radiographs']} | {' | '.join(map(_interval, cells))} |")
    lines.append(
        f"\nNamed rightly over all: {_interval(part['accuracy'])}. Calibration error (ECE) "
        f"{part['calibration_error']:.3f}, Brier score {part['brier']:.3f}."
    )
    return "\n".join(lines)


def _interval(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "-"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def _sizes(manifest: Manifest) -> str:
    areas: dict[str, float] = manifest.metrics["held_out_auroc_by_size"]
    return ", ".join(f"{size} px {area:.3f}" for size, area in sorted(areas.items(), key=lambda x: int(x[0])))
