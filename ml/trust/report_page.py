"""The trust report as one page that needs nothing else: no script, no other file, fit for print."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from typing import Final

from ml.metrics import plots
from ml.records import EpochReport
from ml.trust import report_plots
from ml.trust.check import Check, Status
from ml.trust.discrimination import ELSEWHERE
from ml.trust.run import Example, TrustFindings

MARKS: Final[dict[Status, str]] = {"PASS": "✓", "WARN": "△", "FAIL": "✕", "NOT_POSSIBLE": "–"}
WORDS: Final[dict[Status, str]] = {
    "PASS": "pass", "WARN": "look closer", "FAIL": "fail", "NOT_POSSIBLE": "not possible",
}  # fmt: skip
GROUPS: Final = {
    "A": "The radiographs", "B": "Shortcuts", "C": "Telling findings apart", "D": "Probabilities",
    "E": "Saying nothing", "F": "Other pictures", "G": "Heat maps", "H": "Groups of patients",
    "I": "Stability",
}  # fmt: skip
VERDICTS: Final = {
    "research only": "Research only: a check that blocks has failed.",
    "incomplete": "Incomplete: not every check that blocks was asked.",
    "passed": "No blocking check failed. Research use only all the same.",
}
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
tr{border-bottom:1px solid var(--line);padding:.5rem 0}td.threshold::before{content:"Rule: "}}
@media print{details{display:none}body{max-width:none}}
"""


def report_page(findings: TrustFindings) -> str:
    """Return the report as HTML."""
    body = "".join((_verdict(findings), _table(findings), _pictures(findings), _how(findings)))
    subject = escape(findings.report.subject)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Trust report of {subject}</title><style>{STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>"
    )


def _verdict(findings: TrustFindings) -> str:
    report, answers = findings.report, findings.answers
    tone = {"research only": "bad", "incomplete": "fair", "passed": "good"}[report.verdict]
    failed = f" Failed: {', '.join(report.failed)}." if report.failed else ""
    radiographs, patients = len(answers.radiographs), len(set(answers.patients.tolist()))
    return (
        f"<h1>What the figures of {escape(report.subject)} are worth</h1>"
        f"<p class=quiet>Asked of {radiographs} radiographs of {patients} patients that it did not learn from. "
        "Research use only. Not for diagnosis.</p>"
        f'<p class="verdict {tone}">{VERDICTS[report.verdict]}{failed}</p>'
        f"<p>{escape(_lead(report.checks))}</p>"
    )


def _table(findings: TrustFindings) -> str:
    rows = "".join(_rows(findings.report.checks))
    return f"<h2>All checks</h2><div class=wide><table>{_HEAD}<tbody>{rows}</tbody></table></div>"


def _pictures(findings: TrustFindings) -> str:
    drawn = "".join(_plots(findings))
    return f"<h2>Pictures</h2><div class=plots>{drawn}</div>{_examples(findings.examples)}"


def _how(findings: TrustFindings) -> str:
    report = findings.report
    return (
        f"{_left_out(findings)}<h2>How it was made</h2>"
        "<p class=quiet>Intervals: 2,000 resamples of patients, or Wilson's. Thresholds marked (*) are "
        f"proposals. Data set {escape(report.data[:16])}; preprocessing {escape(report.preprocessing)}.</p>"
    )


_HEAD: Final = (
    "<thead><tr><th>Check<th>Outcome<th>Value<th>What was found<th>Rule<th>Radiographs</tr></thead>"
)


def _lead(checks: Iterable[Check]) -> str:
    told = next((check.words for check in checks if check.id == "C1"), "")
    return told if told.endswith(ELSEWHERE) else f"{told} {ELSEWHERE}".strip()


def _rows(checks: Iterable[Check]) -> Iterable[str]:
    group = ""
    for check in checks:
        if check.id[0] != group:
            group = check.id[0]
            yield f"<tr class=group><th colspan=6 scope=rowgroup>{group} {GROUPS.get(group, '')}</th></tr>"
        blocking = "<small>blocks</small>" if check.blocking else ""
        yield (
            f"<tr><td>{escape(check.id)}{blocking}</td>"
            f'<td class="status {check.status}">{MARKS[check.status]} {WORDS[check.status]}</td>'
            f"<td class=number>{_value(check)}</td><td>{escape(check.words)}{_more(check)}</td>"
            f"<td class=threshold>{escape(check.threshold)}</td><td class=number>{check.n}</td></tr>"
        )


def _value(check: Check) -> str:
    if check.value is None:
        return ""
    interval = f"<small>{check.ci[0]:.3f} to {check.ci[1]:.3f}</small>" if check.ci else ""
    return f"{check.value:.3g}{interval}"


def _more(check: Check) -> str:
    lines = [f"{escape(name)}: {value:.4g}" for name, value in check.figures.items()]
    lines += [escape(example) for example in check.examples]
    return f"<details><summary>more</summary><small>{'<br>'.join(lines)}</small></details>" if lines else ""


def _plots(findings: TrustFindings) -> Iterable[str]:
    yield plots.roc_svg(findings.evaluation, None)
    yield plots.confusion_svg(findings.evaluation)
    yield report_plots.reliability_svg(findings.answers)
    yield report_plots.coverage_svg(findings.answers)
    yield report_plots.scores_svg(findings.answers)
    if epochs := findings.manifest.training.get("epochs"):
        yield plots.curves_svg([EpochReport(**epoch) for epoch in epochs])


def _examples(examples: Iterable[Example]) -> str:
    figures = [
        f'<figure><img alt="Radiograph with heat map" src="data:image/png;base64,{b64encode(one.png).decode()}">'
        f"<figcaption>known: {escape(one.known)}; named: {escape(one.named)} ({one.score:.2f})"
        "</figcaption></figure>"
        for one in examples
    ]
    if not figures:
        return ""
    return f"<h2>Where it looked</h2><div class=plots>{''.join(figures)}</div>"


def _left_out(findings: TrustFindings) -> str:
    lines = [f"{escape(out.radiograph.path.name)}: {escape(out.reason)}" for out in findings.report.left_out]
    return f"<h2>Radiographs left out</h2><p class=quiet>{'<br>'.join(lines)}</p>" if lines else ""
