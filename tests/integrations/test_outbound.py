"""Which addresses a webhook may be sent to, and the bounds of a request."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from diagnostics.integrations import outbound
from diagnostics.integrations.errors.webhooks import DeliveryFailed
from tests.integrations.conftest import LOOPBACK
from tests.integrations.http_receiver import http_receiver

# From the IANA registries of special-purpose addresses, and the forms that embed an IPv4 address.
NOT_PUBLIC = (
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *("0.0.0.0", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1"),
    *("255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
    *("2002:7f00:0001::1", "2002:0a00:0001::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo to 127.0.0.1: its client's address is inverted
)
PUBLIC = (
    "93.184.216.34",
    "8.8.8.8",
    "2606:2800:220:1:248:1893:25c8:1946",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
)


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused(text: str) -> None:
    assert not outbound.is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_permitted(text: str) -> None:
    assert outbound.is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "127.1",
        "[::ffff:127.0.0.1]",
    ],
)
def test_every_way_to_write_loopback_is_refused(host: str) -> None:
    with pytest.raises(DeliveryFailed) as refused:
        outbound.target_of(f"https://{host}/", allowed=[])

    assert refused.value.code == "address_refused"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://8.8.8.8/",
        "https://user:secret@8.8.8.8/",
        "https://8.8.8.8/#part",
        "https://",
        "https://8.8.8.8:99999/",
        "https://8.8.8.8/a b",
        "file:///etc/passwd",
        "https://8.8.8.8/\r\nX: y",
    ],
)
def test_a_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(DeliveryFailed) as refused:
        outbound.target_of(url, allowed=[])

    assert refused.value.code == "url_invalid"


def test_a_public_address_needs_https() -> None:
    with pytest.raises(DeliveryFailed) as refused:
        outbound.target_of("http://8.8.8.8/", allowed=[])

    assert refused.value.code == "https_required"
    assert outbound.target_of("https://8.8.8.8/a?b=c", allowed=[]).path == "/a?b=c"


def test_an_allowed_network_permits_its_addresses_alone() -> None:
    network = [ipaddress.ip_network("10.1.0.0/16")]

    assert outbound.target_of("http://10.1.2.3/", allowed=network).address == "10.1.2.3"
    assert outbound.target_of("http://[::ffff:10.1.2.3]/", allowed=network).port == 80
    with pytest.raises(DeliveryFailed):
        outbound.target_of("http://10.2.0.1/", allowed=network)


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _resolver([["8.8.8.8", "10.0.0.1"]]))

    with pytest.raises(DeliveryFailed) as refused:
        outbound.target_of("https://two.example/", allowed=[])

    assert refused.value.code == "address_refused"


def test_a_name_is_resolved_once_and_the_request_goes_to_the_checked_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with http_receiver() as receiver:
        # The second answer is what DNS rebinding would give: an address where nothing listens.
        monkeypatch.setattr(socket, "getaddrinfo", _resolver([["127.0.0.1"], ["127.66.66.66"]]))
        target = outbound.target_of(f"http://rebound.example:{receiver.port}/hook", allowed=LOOPBACK)

        assert outbound.post(target, body=b"{}", headers={}) == 204

    assert receiver.received[0].headers["host"] == f"rebound.example:{receiver.port}"


def test_a_redirect_is_not_followed() -> None:
    with http_receiver() as other, http_receiver() as receiver:
        receiver.status, receiver.headers = 307, {"Location": other.url}
        target = outbound.target_of(receiver.url, allowed=LOOPBACK)

        assert outbound.post(target, body=b"{}", headers={}) == 307

    assert other.received == []


@pytest.mark.parametrize("drips", [False, True])
def test_a_response_that_takes_too_long_is_interrupted(drips: bool) -> None:
    with http_receiver() as receiver:
        receiver.drips, receiver.seconds = drips, 0.0 if drips else 2.0
        target = outbound.target_of(receiver.url, allowed=LOOPBACK)

        with pytest.raises(DeliveryFailed) as failed:
            outbound.post(target, body=b"{}", headers={}, deadline=0.2)

    assert failed.value.code == "timed_out"


def test_a_port_without_a_server_is_no_connection() -> None:
    with http_receiver() as receiver:
        target = outbound.target_of(receiver.url, allowed=LOOPBACK)

    with pytest.raises(DeliveryFailed) as failed:
        outbound.post(target, body=b"{}", headers={})

    assert failed.value.code == "no_connection"


def _resolver(answers: list[list[str]]) -> Any:
    """Return a name service outside the product that gives each answer once, and real ones for addresses."""
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        if not host.endswith(".example"):
            return list(real(host, port, *args, **options))
        family = socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers.pop(0)]

    return resolve
