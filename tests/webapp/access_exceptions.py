"""How the status of a URL differs from the access table for accounts in another state.

`access_table` holds the status of active members of the site of the objects. Every URL that is not named here
has that status for the accounts below too, so a new URL that forgets one of these rules fails the test.
"""

from __future__ import annotations

from typing import Final

from tests.webapp.access_table import DICOMWEB_OBJECTS, DICOMWEB_SEARCHES

# Objects of a site: a user without a site, and an administrator of another site, get 404, as for a missing
# object, wherever the table permits the role something.
OBJECTS_OF_A_SITE: Final = (
    *("cases:case", "cases:state", "cases:patient", "cases:retry", "cases:pcr", "cases:radiograph"),
    "cases:thumbnail",
    "cases:override",
    *("cases:pixels", "cases:heatmap", "cases:overlay"),
    *("review:case", "review:prefetch", "review:claim", "review:renew", "review:release", "review:sign"),
    *("review:undo-signature", "review:amend", "review:confirm", "review:second-opinion"),
    *("review:reference-case", "review:retire-reference-case"),
    *("uploads:check", "uploads:edit", "uploads:send", "uploads:remove", "uploads:thumbnail"),
    *("imports:import", "imports:state", "imports:start", "imports:stop", "imports:discard"),
    "imports:exclusions",
    *("accounts:staff-password-link", "accounts:staff-change", "accounts:site-policy"),
    *("cases:correct", "patients:resolve", "api-corrections"),
    *("api-case", "api-readings", "reports:page", "reports:pdf"),
    *("administration:account", "administration:account-activity", "privacy:erasure"),
    *("api-case", "api-readings", "api-case-lineage", "training:lineage"),
    *("api-deidentified", "integrations:deidentification-change"),
    *(f"dicomweb-{name}" for name in ("study", *DICOMWEB_OBJECTS)),
    *("api-case-retry", "api-case-quality-override", "api-case-pcr", "api-reading-amend"),
    *("api-undo-signature", "api-confirm", "api-second-opinion", "api-claim", "api-release"),
    *("api-reference-standard", "api-retire-reference", "api-reading-policy", "api-access-policy"),
    *("api-import", "api-import-start", "api-import-stop", "api-import-discard"),
    *("api-identity-conflict-resolve", "api-user", "api-user-action"),
    *("integrations:webhook", "integrations:webhook-test", "integrations:webhook-secret"),
    *("integrations:webhook-redeliver", "api-webhook", "api-webhook-test", "api-webhook-secret"),
    *("api-webhook-deliveries", "api-webhook-redeliver"),
    *("monitoring:acknowledge", "api-monitoring-acknowledge"),
    *("dicom:node", "dicom:verify", "dicom:retry", "api-dicom-node", "api-dicom-retry"),
    *("monitoring:case-evidence", "monitoring:case-evidence-pdf"),
    *("api-case-evidence", "api-case-evidence-pdf"),
)

FIND_THE_CASE_FIRST: Final = (
    "cases:heatmap",
    "cases:overlay",
    "cases:correct",
    "api-corrections",
    "api-case-pcr",
)

# Pages of the user's own site: 403 with the sentence that an administrator must add the user to one.
# The list of an administrator or a technician without a site is empty.
PAGES_OF_THE_OWN_SITE: Final = {
    *(("cases:list", method, "radiologist") for method in ("get", "post")),
    ("review:readers", "get", "administrator"),
    ("review:policy", "get", "administrator"),
    ("api-reader-quality", "get", "administrator"),
    ("api-worklist-next", "post", "radiologist"),
    ("review:policy", "post", "administrator"),
    *(("uploads:list", "post", role) for role in ("technician", "radiologist", "administrator")),
    *(("api-case-list", "post", role) for role in ("technician", "radiologist", "administrator")),
}

# URLs that accept an API token, with the scopes that open each method.
TOKEN_URLS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "api-case-list": {"get": ("read", "review"), "post": ("upload",)},
    "api-case": {"get": ("read", "review")},
    "api-corrections": {"post": ("read", "review")},
    "api-readings": {"get": ("review",), "post": ("review",)},
    "api-report": {"get": ("identifiers",)},  # with another scope that shows cases
    "api-versions": {"get": ("read",)},
    "api-version": {"get": ("read",)},
    "api-version-promote": {"post": ("train",)},
    "api-version-rollback": {"post": ("train",)},
    "api-training-runs": {"get": ("train",), "post": ("train",)},
    "api-version-shadow": {"get": ("train",), "post": ("train",)},
    "api-version-shadow-end": {"post": ("train",)},
    "api-selected-cases": {"post": ("admin",)},
    "api-version-evidence": {"get": ("admin",)},
    "api-case-evidence": {"get": ("admin",)},  # with another scope that shows cases
    "api-case-evidence-pdf": {"get": ("admin",)},
    "api-training-run": {"get": ("train",)},
    "api-case-lineage": {"get": ("train",)},
    "api-deidentified": {"get": ("read",)},
    **{f"dicomweb-{name}": {"get": ("read", "review")} for name in (*DICOMWEB_SEARCHES, *DICOMWEB_OBJECTS)},
    "dicomweb-studies": {"get": ("read", "review"), "post": ("upload",)},
    "dicomweb-study": {"get": ("read", "review"), "post": ("upload",)},
    "api-cases-priority": {"post": ("review",)},
    "api-cases-retry": {"post": ()},  # with `read` and `upload` together
    "api-cases-withdraw": {"post": ("admin",)},
    "api-case-retry": {"post": ()},
    "api-case-quality-override": {"post": ("admin",)},
    "api-case-pcr": {"post": ()},
    "api-reading-amend": {"post": ("review",)},
    "api-undo-signature": {"post": ("review",)},
    "api-confirm": {"post": ("review",)},
    "api-second-opinion": {"post": ("review",)},
    "api-claim": {"post": ("review",)},
    "api-release": {"post": ("review",)},
    "api-reference-standard": {"post": ("admin",)},
    "api-retire-reference": {"post": ("admin",)},
    "api-worklist": {"get": ("read", "review")},
    "api-worklist-next": {"post": ("review",)},
    "api-worklist-assign": {"post": ("review",)},
    "api-worklist-end-claims": {"post": ("admin",)},
    "api-saved-views": {"get": ("review",), "post": ("review",)},
    "api-saved-view": {"post": ("review",)},
    "api-reference-cases": {"get": ("admin",)},
    "api-reader-quality": {"get": ("admin",)},
    "api-reading-policy": {"get": ("admin",), "post": ("admin",)},
    "api-imports": {"get": ("train",), "post": ("train",)},
    "api-import-collections": {"get": ("train",)},
    "api-import": {"get": ("train",)},
    "api-import-start": {"post": ("train",)},
    "api-import-stop": {"post": ("train",)},
    "api-import-discard": {"post": ("train",)},
    "api-training-run-stop": {"post": ("train",)},
    "api-training-run-resume": {"post": ("train",)},
    "api-training-run-discard": {"post": ("train",)},
    "api-training-run-snapshot": {"get": ("train",)},
    "api-training-schedule": {"get": ("train",), "post": ("train",)},
    "api-version-trust-report": {"get": ("read",)},
    "api-identity-conflicts": {"get": ("admin",)},
    "api-identity-conflict-resolve": {"post": ("admin",)},
    "api-sites": {"get": ("read", "review")},
    "api-access-policy": {"post": ("admin",)},
    "api-users": {"get": ("admin",), "post": ("admin",)},
    "api-user": {"get": ("admin",), "post": ("admin",)},
    "api-user-action": {"post": ("admin",)},
    "api-audit-events": {"get": ("admin",)},
    "fhir-search": {"get": ("fhir",)},
    "fhir-body-search": {"post": ("fhir",)},
    "fhir-read": {"get": ("fhir",)},
    "api-webhooks": {"get": ("admin",), "post": ("admin",)},
    "api-webhook": {"get": ("admin",)},
    "api-webhook-test": {"post": ("admin",)},
    "api-webhook-secret": {"post": ("admin",)},
    "api-webhook-deliveries": {"get": ("admin",)},
    "api-webhook-redeliver": {"post": ("admin",)},
    "api-monitoring": {"get": ("admin",)},
    "api-monitoring-alerts": {"get": ("admin",)},
    "api-monitoring-acknowledge": {"post": ("admin",)},
    "api-dicom-nodes": {"get": ("admin",), "post": ("admin",)},
    "api-dicom-node": {"get": ("admin",), "post": ("admin",)},
    "api-dicom-received": {"get": ("admin",)},
    "api-dicom-results": {"get": ("admin",)},
    "api-dicom-retry": {"post": ("admin",)},
    "cases:radiograph": {"get": ("read", "review")},
    "cases:thumbnail": {"get": ("read", "review")},
    "cases:pixels": {"get": ("read", "review")},
    "cases:heatmap": {"get": ("read", "review")},
    "cases:overlay": {"get": ("read", "review")},
}
ANY_TOKEN: Final = ("api-schema", "api-docs", "api-me")  # the description of the API, and of the own account


def without_site(name: str, method: str, role: str, status: str) -> str:
    """Return the status for a user without a site, from the one of a member with the same role."""
    if (name, method, role) in PAGES_OF_THE_OWN_SITE:
        return "403"
    return at_other_site(name, method, status)


def at_other_site(name: str, method: str, status: str) -> str:
    """Return the status for a user of another site, from the one of a member with the same role."""
    if name in OBJECTS_OF_A_SITE and status not in ("405", "415") and not _is_role_refusal(name, status):
        return "404"
    return status


def _is_role_refusal(name: str, status: str) -> bool:
    # These views find the case first; its blinding, or the rule of corrections, which says 403, comes after.
    return status == "403" and name not in FIND_THE_CASE_FIRST
