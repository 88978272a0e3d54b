"""Hotkeys: defaults, validation, and storage for each user."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts import hotkeys, services
from diagnostics.accounts.errors import InvalidHotkeys
from diagnostics.accounts.hotkeys import HOTKEYS
from diagnostics.accounts.models import User


def test_the_default_keys_of_a_page_do_not_conflict() -> None:
    assert hotkeys.validated({}) == {}


def test_only_keys_that_differ_from_the_default_are_stored(radiologist: User) -> None:
    services.set_hotkeys(by=radiologist, keys={"invert": "K", "fit": "=", "undo": "Ctrl+Z"})
    radiologist.refresh_from_db()
    assert radiologist.hotkeys == {"invert": "k"}
    assert hotkeys.effective_hotkeys(radiologist.hotkeys)["fit"] == "="


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("K", "k"), ("shift + k", "Shift+k"), ("SHIFT+4", "Shift+4"), ("Ä", "ä")],
)
def test_notations_of_a_key_are_normalized(typed: str, stored: str) -> None:
    own = {"preset-4": "g", "invert": typed}
    assert hotkeys.validated(own)["invert"] == stored


@pytest.mark.parametrize("chord", ["ab", "Ctrl+a", "Alt+x", "F5", "Shift+;", "Shift+", "Space", "?"])
def test_an_invalid_key_is_refused(chord: str) -> None:
    with pytest.raises(InvalidHotkeys) as error:
        hotkeys.validated({"invert": chord})
    assert list(error.value.errors) == ["invert"]


def test_a_key_of_another_action_is_refused_and_the_action_is_named() -> None:
    with pytest.raises(InvalidHotkeys) as error:
        hotkeys.validated({"invert": "r"})
    assert error.value.errors["invert"] == "R is already assigned to 'Rotate right'."


def test_two_actions_may_swap_their_keys() -> None:
    assert hotkeys.validated({"rotate-left": "r", "rotate-right": "l"}) == {
        "rotate-left": "r",
        "rotate-right": "l",
    }


def test_actions_without_a_common_page_may_share_a_key() -> None:
    # Before the signature 's' signs; after it 's' shows image and heatmap side by side.
    assert HOTKEYS["compare"].chord == HOTKEYS["side"].chord
    assert hotkeys.validated({"side": "b"}) == {"side": "b"}


def test_an_unknown_action_is_not_stored(radiologist: User) -> None:
    services.set_hotkeys(by=radiologist, keys={"no-such-action": "x"})
    assert radiologist.hotkeys == {}


def test_an_invalid_form_changes_nothing(client: Client, radiologist: User) -> None:
    services.set_hotkeys(by=radiologist, keys={"invert": "k"})
    client.force_login(radiologist)
    response = client.post(reverse("accounts:keys"), {"invert": "r", "fit": "g"})
    assert response.status_code == 400
    assert "R is already assigned to &#x27;Rotate right&#x27;." in response.content.decode()
    radiologist.refresh_from_db()
    assert radiologist.hotkeys == {"invert": "k"}


def test_each_user_has_their_own_keys_and_can_restore_the_defaults(
    client: Client, radiologist: User, technician: User
) -> None:
    client.force_login(radiologist)
    client.post(reverse("accounts:keys"), {"invert": "k"})
    assert b"&quot;invert&quot;: &quot;k&quot;" in client.get(reverse("accounts:profile")).content
    client.force_login(technician)
    assert b"&quot;invert&quot;: &quot;i&quot;" in client.get(reverse("accounts:profile")).content
    client.force_login(radiologist)
    client.post(reverse("accounts:keys"), {"restore_defaults": "yes", "invert": "k"})
    radiologist.refresh_from_db()
    assert radiologist.hotkeys == {}
