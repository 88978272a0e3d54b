"""Settings of the REST API and of its OpenAPI document."""

from __future__ import annotations

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "diagnostics.accounts.api.ApiTokenAuthentication",  # first, so that a missing login is a 401
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "webapp.request_limits.BoundedJSONParser",
        "rest_framework.parsers.MultiPartParser",
        "rest_framework.parsers.FormParser",
    ],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "webapp.api.pagination.CursorPages",
    "DEFAULT_THROTTLE_CLASSES": ["webapp.api.rate_limit.RequestRate"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "webapp.error_handlers.api_exception",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Readroom",
    "DESCRIPTION": "AI-assisted reading of chest radiographs, with probabilities, heatmaps and signed "
    "readings. Research use only. Not for diagnosis.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "webapp.api.schema.complete_operations",
    ],
    "ENUM_NAME_OVERRIDES": {
        "StatusEnum": "diagnostics.jobs.models.JobStatus",
        "OutcomeEnum": "diagnostics.cases.models.PredictionOutcome",
        "RunStatusEnum": "diagnostics.training.serializers.RunStatus",
        "VersionStatusEnum": "diagnostics.registry.selectors.VersionStatus",
        "GateOutcomeEnum": "diagnostics.registry.serializers.OUTCOMES",
        "FindingEnum": "diagnostics.findings.Finding",
        "ReferenceFindingEnum": "diagnostics.review.models.REFERENCE_FINDINGS",
        "ImportStatusEnum": "diagnostics.imports.serializers.STATUSES",
        "WorklistStatusEnum": "diagnostics.review.serializers.worklist.STATUSES",
        "PcrOutcomeEnum": "diagnostics.cases.models.PcrOutcome",
        "LeakCodeEnum": "diagnostics.training.serializers.LEAK_CODES",
        "QualityCodeEnum": "diagnostics.cases.models.QualityCode",
        "RoleEnum": "diagnostics.accounts.roles.Role",
    },
}
