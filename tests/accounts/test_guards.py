"""Doors that open by role."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import RequestFactory
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import HasPermission, StaffRequest, require_permission
from diagnostics.accounts.roles import PERMISSIONS, Permission, Role


@require_permission(Permission.TRAIN)
def furnace(request: StaffRequest) -> HttpResponse:
    return HttpResponse("warm")


def ask(user: User | AnonymousUser, rf: RequestFactory, **headers: str):
    request = rf.get("/furnace/?run=3", headers=headers)
    request.user = user
    return furnace(request)


def test_a_door_opens_for_the_role_that_includes_it(rf: RequestFactory, administrator: User):
    assert ask(administrator, rf).content == b"warm"


def test_a_door_stays_closed_for_other_roles(rf: RequestFactory, radiologist: User):
    with pytest.raises(PermissionDenied):
        ask(radiologist, rf)


def test_a_door_stays_closed_for_an_administrator_who_left(rf: RequestFactory, administrator: User):
    administrator.is_active = False
    with pytest.raises(PermissionDenied):
        ask(administrator, rf)


def test_somebody_unknown_is_asked_to_log_in_and_comes_back(rf: RequestFactory):
    assert ask(AnonymousUser(), rf)["Location"] == "/accounts/login/?next=/furnace/%3Frun%3D3"


def test_a_fragment_sends_the_whole_window_to_the_login(rf: RequestFactory):
    page = "http://testserver/training/?tab=runs"

    answer = ask(AnonymousUser(), rf, **{"HX-Request": "true", "HX-Current-URL": page})

    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/accounts/login/?next=/training/%3Ftab%3Druns"


class Furnace(APIView):
    permission_classes = [HasPermission(Permission.TRAIN)]

    def get(self, request: object) -> HttpResponse:
        return HttpResponse("warm")


@pytest.mark.parametrize(("role", "status"), [("administrator", 200), ("technician", 403)])
def test_the_api_asks_the_same(request: pytest.FixtureRequest, role: str, status: int):
    asked = APIRequestFactory().get("/furnace/")
    force_authenticate(asked, request.getfixturevalue(role))

    assert Furnace.as_view()(asked).status_code == status


def test_the_table_of_roles_is_the_one_that_was_agreed():
    assert {role: {str(what) for what in PERMISSIONS[role]} for role in Role} == {
        "technician": {"upload", "see-cases", "retry", "see-models"},
        "radiologist": {"upload", "see-cases", "retry", "see-models", "read", "distribute"},
        "administrator": {
            "upload",
            "see-cases",
            "retry",
            "see-models",
            "import",
            "oversee",
            "distribute",
            "train",
            "promote",
            "audit",
        },
    }
