"""The trust report as one self-contained HTML page: no scripts, no other files, suitable for printing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from itertools import groupby
from typing import Final

from ml.metrics import plots
from ml.metrics.curves import MIN_FOR_INTERVAL
from ml.records import EpochReport
from ml.trust import catalogue, report_plots
from ml.trust.check import CheckResult, Status
from ml.trust.discrimination import EXTERNAL_PERFORMANCE
from ml.trust.report import VERDICT_TEXTS, Example, Report, TrustFindings, Verdict

STATUS_ICONS: Final[dict[Status, str]] = {"PASS": "✓", "WARN": "△", "FAIL": "✕", "NOT_POSSIBLE": "–"}
STATUS_LABELS: Final[dict[Status, str]] = {
    "PASS": "pass",
    "WARN": "warning",
    "FAIL": "fail",
    "NOT_POSSIBLE": "not possible",
}
VERDICT_TONES: Final[dict[Verdict, str]] = {"research only": "bad", "incomplete": "fair", "passed": "good"}
TABLE_HEAD: Final = (
    "<thead><tr><th>Check<th>Status<th>Value<th>Result<th>Threshold<th>Radiographs</tr></thead>"
)
STYLE: Final = """
:root{color-scheme:light dark;--paper:#fff;--ink:#16202a;--quiet:#5b6772;--line:#d5dbe1;--pass:#17684f;
--warn:#8a5a00;--fail:#b3261e}
@media (prefers-color-scheme:dark){:root{--paper:#12161b;--ink:#e8edf2;--quiet:#9aa6b2;--line:#2c343d;
--pass:#5cc9a7;--warn:#e0ac4f;--fail:#ff8a80}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1.5rem 1rem 3rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0 0 .25rem}
h2{font-size:1.15rem;margin:2rem 0 .5rem}
p{max-width:46rem;margin:.4rem 0}
.quiet{color:var(--quiet)}.verdict{border-left:4px solid;padding:.5rem .9rem;font-weight:600;margin:1rem 0}
.verdict.bad{color:var(--fail)}.verdict.fair{color:var(--warn)}.verdict.good{color:var(--pass)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--quiet)}tr.group th{color:var(--ink);padding-top:1.1rem}
td.number{white-space:nowrap;font-variant-numeric:tabular-nums}td.status{white-space:nowrap;font-weight:600}
.PASS{color:var(--pass)}.WARN{color:var(--warn)}.FAIL{color:var(--fail)}.NOT_POSSIBLE{color:var(--quiet)}
small{color:var(--quiet);display:block}.plots{display:flex;flex-wrap:wrap;gap:1.5rem}
.plots svg{max-width:100%;height:auto}figure{margin:0}figure img{max-width:16rem;width:100%;display:block}
details{margin:.2rem 0}summary{cursor:pointer;color:var(--quiet)}
@media (max-width:40rem){table,tbody,tr,td{display:block}thead{display:none}td{border:0;padding:.1rem 0}
tr{border-bottom:1px solid var(--line);padding:.5rem 0}td.threshold::before{content:"Threshold: "}}
@media print{details{display:none}body{max-width:none}}
"""


def report_page(findings: TrustFindings) -> str:
    """Return the report as HTML."""
    report = findings.report
    body = "".join(
        (
            _summary(findings),
            checks_table(report.checks),
            _figures(findings),
            _excluded(report),
            methods(report),
        )
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Trust report of {escape(report.subject)}</title><style>{STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>"
    )


def summary(report: Report, *, radiographs: int, patients: int) -> str:
    """Return the heading, the verdict and the discrimination result."""
    failed = f" Failed: {', '.join(report.failed)}." if report.failed else ""
    return (
        f"<h1>Trust report of model version {escape(report.subject)}</h1>"
        f"<p class=quiet>Test set: {radiographs} radiographs of {patients} patients outside the training "
        "set. Research use only. Not for diagnosis.</p>"
        f'<p class="verdict {VERDICT_TONES[report.verdict]}">{VERDICT_TEXTS[report.verdict]}{failed}</p>'
        f"<p>{escape(_discrimination(report))}</p>"
    )


def checks_table(checks: Iterable[CheckResult]) -> str:
    """Return the table of all checks, by group."""
    rows = "".join(_rows(checks))
    return f"<h2>Checks</h2><div class=wide><table>{TABLE_HEAD}<tbody>{rows}</tbody></table></div>"


def methods(report: Report) -> str:
    """Return the note on intervals, thresholds and data."""
    return (
        "<h2>Methods</h2><p class=quiet>Confidence intervals: 2,000 bootstrap resamples of patients, or "
        "Wilson. Thresholds marked (*) are proposals; the others follow publications. "
        f"Data set {escape(report.data[:16])}; preprocessing {escape(report.preprocessing)}.</p>"
    )


def _summary(findings: TrustFindings) -> str:
    predictions = findings.predictions
    patients = len(set(predictions.patients.tolist()))
    return summary(findings.report, radiographs=len(predictions.radiographs), patients=patients)


def _discrimination(report: Report) -> str:
    result = report.result(catalogue.TARGET_AUROC)
    text = result.summary if result else ""
    return text if text.endswith(EXTERNAL_PERFORMANCE) else f"{text} {EXTERNAL_PERFORMANCE}".strip()


def _rows(checks: Iterable[CheckResult]) -> Iterable[str]:
    for group, members in groupby(checks, key=lambda check: check.spec.group):
        yield f"<tr class=group><th colspan=6 scope=rowgroup>{escape(group)}</th></tr>"
        yield from (_row(check) for check in members)


def _row(check: CheckResult) -> str:
    blocking = ", blocking" if check.spec.blocking else ""
    shown: Status = "FAIL" if check.failed else check.status
    reason = ": not possible" if shown != check.status else ""
    return (
        f"<tr><td>{escape(check.spec.name)}<small>{escape(check.spec.id)}{blocking}</small></td>"
        f'<td class="status {shown}">{STATUS_ICONS[shown]} {STATUS_LABELS[shown]}{reason}</td>'
        f"<td class=number>{_value(check)}</td><td>{escape(check.summary)}{_details(check)}</td>"
        f"<td class=threshold>{escape(check.threshold)}</td><td class=number>{check.n}</td></tr>"
    )


def _value(check: CheckResult) -> str:
    if check.value is None:
        return ""
    shown = check.ci if check.n >= MIN_FOR_INTERVAL else None
    interval = f"<small>{shown[0]:.3f} to {shown[1]:.3f}</small>" if shown else ""
    return f"{check.value:.3g}{interval}"


def _details(check: CheckResult) -> str:
    lines = [f"{escape(name)}: {value:.4g}" for name, value in check.metrics.items()]
    lines += [escape(example) for example in check.examples]
    if not lines:
        return ""
    return f"<details><summary>Details</summary><small>{'<br>'.join(lines)}</small></details>"


def _figures(findings: TrustFindings) -> str:
    images = "".join(_plots(findings))
    return f"<h2>Figures</h2><div class=plots>{images}</div>{_examples(findings.examples)}"


def _plots(findings: TrustFindings) -> Iterable[str]:
    yield plots.roc_svg(findings.evaluation, None)
    yield plots.confusion_svg(findings.evaluation)
    yield report_plots.reliability_svg(findings.predictions)
    yield report_plots.coverage_svg(findings.predictions)
    yield report_plots.scores_svg(findings.predictions)
    if epochs := findings.manifest.training.get("epochs"):
        yield plots.curves_svg([EpochReport(**epoch) for epoch in epochs])


def _examples(examples: Iterable[Example]) -> str:
    figures = [
        f'<figure><img alt="Radiograph with heatmap" '
        f'src="data:image/png;base64,{b64encode(one.png).decode()}">'
        f"<figcaption>reference: {escape(one.known)}; predicted: {escape(one.predicted)} ({one.score:.2f}). "
        "Research use only.</figcaption></figure>"
        for one in examples
    ]
    return f"<h2>Example heatmaps</h2><div class=plots>{''.join(figures)}</div>" if figures else ""


def _excluded(report: Report) -> str:
    lines = [f"{escape(item.radiograph.path.name)}: {escape(item.reason)}" for item in report.excluded]
    return f"<h2>Excluded radiographs</h2><p class=quiet>{'<br>'.join(lines)}</p>" if lines else ""
