"""Keys of one's own: what is kept, what is refused, and that everybody has their own."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts import hotkeys, services
from diagnostics.accounts.errors import InvalidHotkey
from diagnostics.accounts.hotkeys import HOTKEYS
from diagnostics.accounts.models import User


def test_no_two_acts_of_one_page_begin_with_the_same_key() -> None:
    assert hotkeys.checked({}) == {}


def test_only_what_differs_is_kept_so_that_a_better_first_key_reaches_everybody(radiologist: User) -> None:
    services.set_hotkeys(by=radiologist, keys={"invert": "K", "fit": "=", "undo": "Ctrl+Z"})
    radiologist.refresh_from_db()
    assert radiologist.hotkeys == {"invert": "k"}
    assert hotkeys.active_version(radiologist.hotkeys)["fit"] == "="


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("K", "k"), ("shift + k", "Shift+k"), ("SHIFT+4", "Shift+4"), ("Ä", "ä")],
)
def test_a_key_may_be_typed_in_several_ways(typed: str, kept: str) -> None:
    own = {"preset-4": "g", "invert": typed}
    assert hotkeys.checked(own)["invert"] == kept


@pytest.mark.parametrize("chord", ["ab", "Ctrl+a", "Alt+x", "F5", "Shift+;", "Shift+", "Space", "?"])
def test_what_is_no_key_here_is_refused(chord: str) -> None:
    with pytest.raises(InvalidHotkey) as refused:
        hotkeys.checked({"invert": chord})
    assert list(refused.value.refusals) == ["invert"]


def test_a_key_that_is_taken_is_refused_and_the_other_act_is_named() -> None:
    with pytest.raises(InvalidHotkey) as refused:
        hotkeys.checked({"invert": "r"})
    assert refused.value.refusals["invert"] == "R is taken by 'Turn right'."


def test_two_acts_may_change_their_keys_with_each_other() -> None:
    assert hotkeys.checked({"turn-left": "r", "turn-right": "l"}) == {"turn-left": "r", "turn-right": "l"}


def test_acts_that_no_page_knows_together_may_share_a_key() -> None:
    # 's' signs before the signature and lays radiograph and heat side by side after it.
    assert HOTKEYS["compare"].chord == HOTKEYS["side"].chord
    assert hotkeys.checked({"side": "t"}) == {"side": "t"}


def test_an_act_that_does_not_exist_is_not_kept(radiologist: User) -> None:
    services.set_hotkeys(by=radiologist, keys={"reveal-the-machine": "x"})
    assert radiologist.hotkeys == {}


def test_a_refusal_changes_nothing(client: Client, radiologist: User) -> None:
    services.set_hotkeys(by=radiologist, keys={"invert": "k"})
    client.force_login(radiologist)
    answer = client.post(reverse("accounts:keys"), {"invert": "r", "fit": "g"})
    assert answer.status_code == 400
    assert "R is taken by &#x27;Turn right&#x27;." in answer.content.decode()
    radiologist.refresh_from_db()
    assert radiologist.hotkeys == {"invert": "k"}


def test_keys_are_ones_own_and_come_back_as_at_first(
    client: Client, radiologist: User, technician: User
) -> None:
    client.force_login(radiologist)
    client.post(reverse("accounts:keys"), {"invert": "k"})
    assert b"&quot;invert&quot;: &quot;k&quot;" in client.get(reverse("accounts:profile")).content
    client.force_login(technician)
    assert b"&quot;invert&quot;: &quot;i&quot;" in client.get(reverse("accounts:profile")).content
    client.force_login(radiologist)
    client.post(reverse("accounts:keys"), {"at_first": "yes", "invert": "k"})
    radiologist.refresh_from_db()
    assert radiologist.hotkeys == {}
