"""URLs of monitoring and of shadow runs."""

from django.urls import path

from diagnostics.monitoring.api import evidence as evidence_api
from diagnostics.monitoring.api import monitoring as monitoring_api
from diagnostics.monitoring.api import shadow as shadow_api
from diagnostics.monitoring.views import evidence, monitoring, shadow

app_name = "monitoring"

urlpatterns = [
    path("", monitoring.page, name="page"),
    path("alerts/<uuid:pk>/acknowledge/", monitoring.acknowledge, name="acknowledge"),
    path("versions/<uuid:pk>/shadow/", shadow.page, name="shadow"),
    path("versions/<uuid:pk>/shadow/start/", shadow.start, name="shadow-start"),
    path("versions/<uuid:pk>/shadow/end/", shadow.end, name="shadow-end"),
    path("versions/<uuid:pk>/shadow/select/", shadow.select, name="shadow-select"),
    path("versions/<uuid:pk>/evidence.zip", evidence.version, name="version-evidence"),
    path("cases/<uuid:pk>/evidence.json", evidence.case_as_json, name="case-evidence"),
    path("cases/<uuid:pk>/evidence.pdf", evidence.case_as_pdf, name="case-evidence-pdf"),
]

api_urlpatterns = [
    path("monitoring/", monitoring_api.Monitoring.as_view(), name="api-monitoring"),
    path("monitoring/alerts/", monitoring_api.Alerts.as_view(), name="api-monitoring-alerts"),
    path(
        "monitoring/alerts/<uuid:pk>/acknowledge/",
        monitoring_api.AcknowledgeAlert.as_view(),
        name="api-monitoring-acknowledge",
    ),
    path("versions/<uuid:pk>/shadow/", shadow_api.Shadow.as_view(), name="api-version-shadow"),
    path("versions/<uuid:pk>/shadow/end/", shadow_api.ShadowEnd.as_view(), name="api-version-shadow-end"),
    path("active-learning/cases/", shadow_api.SelectedCases.as_view(), name="api-selected-cases"),
    path("versions/<uuid:pk>/evidence/", evidence_api.VersionEvidence.as_view(), name="api-version-evidence"),
    path("cases/<uuid:pk>/evidence/", evidence_api.CaseEvidence.as_view(), name="api-case-evidence"),
    path(
        "cases/<uuid:pk>/evidence.pdf", evidence_api.CaseEvidencePdf.as_view(), name="api-case-evidence-pdf"
    ),
]
