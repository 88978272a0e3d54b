"""Permission checks of views and API endpoints, and the permissions of each role."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import HasPermission, StaffRequest, require_permission
from diagnostics.accounts.roles import PERMISSIONS, Permission, Role


@require_permission(Permission.TRAIN)
def protected_view(request: StaffRequest) -> HttpResponse:
    return HttpResponse("content")


def get(user: User | AnonymousUser, rf: RequestFactory, **headers: str):
    request = rf.get("/protected/?run=3", headers=headers)
    request.user = user
    return protected_view(request)


def test_a_role_with_the_permission_gets_the_page(rf: RequestFactory, administrator: User):
    assert get(administrator, rf).content == b"content"


def test_a_role_without_the_permission_is_refused(rf: RequestFactory, radiologist: User):
    with pytest.raises(PermissionDenied):
        get(radiologist, rf)


def test_an_inactive_administrator_is_refused(rf: RequestFactory, administrator: User):
    administrator.is_active = False
    with pytest.raises(PermissionDenied):
        get(administrator, rf)


def test_an_anonymous_user_is_redirected_to_the_login_and_back(rf: RequestFactory):
    assert get(AnonymousUser(), rf)["Location"] == "/accounts/login/?next=/protected/%3Frun%3D3"


def test_an_htmx_request_redirects_the_whole_window_to_the_login(rf: RequestFactory):
    page = "http://testserver/training/?tab=runs"

    response = get(AnonymousUser(), rf, **{"HX-Request": "true", "HX-Current-URL": page})

    assert response.status_code == 401
    assert response["HX-Redirect"] == "/accounts/login/?next=/training/%3Ftab%3Druns"


class ProtectedEndpoint(APIView):
    permission_classes = [HasPermission(Permission.TRAIN)]

    def get(self, request: object) -> HttpResponse:
        return HttpResponse("content")


@pytest.mark.parametrize(("role", "status"), [("administrator", 200), ("technician", 403)])
def test_the_api_checks_the_same_permission(request: pytest.FixtureRequest, role: str, status: int):
    request_ = APIRequestFactory().get("/protected/")
    force_authenticate(request_, request.getfixturevalue(role))

    assert ProtectedEndpoint.as_view()(request_).status_code == status


def test_each_role_has_exactly_the_documented_permissions():
    assert {role: {str(permission) for permission in PERMISSIONS[role]} for role in Role} == {
        "technician": {"upload", "see-cases", "retry", "see-models"},
        "radiologist": {
            "upload",
            "see-cases",
            "retry",
            "see-models",
            "read",
            "assign",
            "export-deidentified",
        },
        "administrator": {
            "upload",
            "see-cases",
            "retry",
            "see-models",
            "export-deidentified",
            "import",
            "manage-readers",
            "assign",
            "train",
            "promote",
            "audit",
            "manage-staff",
            "operate",
            "privacy",
            "override-quality-gate",
            "override-gate",
            "monitor",
            "manage-integrations",
            "fhir",
            "correct",
        },
    }


@pytest.mark.parametrize(
    ("sent_from", "page"),
    [
        ("http://testserver/review/7/?queue=clinical", "/review/7/?queue=clinical"),
        ("http://elsewhere.example/review/7/", "/"),
        ("http://[", "/"),
        ("", "/"),
    ],
)
def test_after_a_post_the_login_leads_to_the_page_that_sent_it(sent_from: str, page: str, rf: RequestFactory):
    request = rf.post("/review/7/sign/", headers={"Referer": sent_from})
    request.user = AnonymousUser()

    login = urlsplit(protected_view(request)["Location"])

    assert parse_qs(login.query)["next"] == [page]


@pytest.mark.parametrize("address", ["accounts:token-revoke", "accounts:sessions-end"])
def test_after_a_post_of_any_user_the_login_leads_back_too(address: str, client: Client):
    sent = client.post(reverse(address), headers={"Referer": "http://testserver/accounts/profile/"})

    assert parse_qs(urlsplit(sent["Location"]).query)["next"] == ["/accounts/profile/"]
