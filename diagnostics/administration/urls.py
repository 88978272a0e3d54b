"""URLs of the page of one account, below the list of staff; the API of users, sites and the audit log."""

from __future__ import annotations

from django.urls import path

from diagnostics.administration.api import audit, sites
from diagnostics.administration.api import users as users_api
from diagnostics.administration.views import accounts

app_name = "administration"

urlpatterns = [
    path("<uuid:pk>/", accounts.account, name="account"),
    path("<uuid:pk>/activity/<slug:action>/", accounts.activity, name="account-activity"),
]

api_urlpatterns = [
    path("me/", sites.Me.as_view(), name="api-me"),
    path("sites/", sites.Sites.as_view(), name="api-sites"),
    path("sites/<uuid:pk>/access-policy/", sites.AccessPolicy.as_view(), name="api-access-policy"),
    path("users/", users_api.Users.as_view(), name="api-users"),
    path("users/<uuid:pk>/", users_api.UserDetail.as_view(), name="api-user"),
    path("users/<uuid:pk>/<slug:action>/", users_api.UserAction.as_view(), name="api-user-action"),
    path("audit/events/", audit.Events.as_view(), name="api-audit-events"),
]
