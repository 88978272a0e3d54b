"""URLs of monitoring."""

from django.urls import path

from diagnostics.monitoring import api
from diagnostics.monitoring.views import monitoring

app_name = "monitoring"

urlpatterns = [
    path("", monitoring.page, name="page"),
    path("alerts/<uuid:pk>/acknowledge/", monitoring.acknowledge, name="acknowledge"),
]

api_urlpatterns = [
    path("monitoring/", api.Monitoring.as_view(), name="api-monitoring"),
    path("monitoring/alerts/", api.Alerts.as_view(), name="api-monitoring-alerts"),
    path(
        "monitoring/alerts/<uuid:pk>/acknowledge/",
        api.AcknowledgeAlert.as_view(),
        name="api-monitoring-acknowledge",
    ),
]
