"""The CapabilityStatement of the FHIR interface."""

from __future__ import annotations

from typing import Any, Final

from diagnostics.integrations.presenters.fhir import BUILDERS, RESEARCH_USE

FHIR_VERSION: Final = "4.0.1"
STATED_ON: Final = "2026-11-22"  # of the last change of this statement
SEARCH: Final = (("_id", "token"), ("date", "date"), ("_lastUpdated", "date"))
SEARCH_IN_BODY: Final = (("identifier", "token"), ("patient.identifier", "token"))


def capability_statement(url: str) -> dict[str, Any]:
    """Return what the interface offers."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": STATED_ON,
        "kind": "instance",
        "implementation": {"description": f"Readroom. {RESEARCH_USE}", "url": url},
        "fhirVersion": FHIR_VERSION,
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": {"description": "API token with the scope fhir: Authorization: Bearer <token>"},
                "resource": [_resource(kind) for kind in BUILDERS],
            }
        ],
    }


def _resource(kind: str) -> dict[str, Any]:
    body_only = "In the body of POST _search only, because URLs are stored in logs."
    return {
        "type": kind,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "versioned",
        "readHistory": False,
        "searchParam": [
            *({"name": name, "type": form} for name, form in SEARCH),
            *({"name": name, "type": form, "documentation": body_only} for name, form in SEARCH_IN_BODY),
        ],
    }
