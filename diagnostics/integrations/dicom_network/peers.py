"""The peers that may open an association: those of the setting and the nodes that may send."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from diagnostics.accounts.models import Site
from diagnostics.integrations.models import DicomNode


@dataclass(frozen=True)
class Peer:
    """An AE title that may call, from one host or from any, and the site of its radiographs."""

    ae_title: str
    host: str = ""  # empty: any
    site: str = ""  # empty: the default site


def parse_peer(text: str) -> Peer:
    """Return the peer that an entry of READROOM_DICOM_PEERS names: AE, AE@host, AE@host=site, AE=site."""
    caller, _equals, site = text.partition("=")
    ae_title, _at, host = caller.partition("@")
    if not ae_title.strip() or len(ae_title.strip()) > 16:
        raise ValueError(f"{text!r} names no AE title of at most 16 characters")
    return Peer(ae_title.strip(), host.strip(), site.strip())


def site_of_caller(ae_title: str, address: str, *, setting: Iterable[str]) -> Site | None:
    """Return the site that receives the radiographs of a caller; None for one that is not allowed."""
    for node in DicomNode.objects.filter(ae_title=ae_title, may_send=True, is_active=True):
        if is_address_of(address, node.host):
            return node.site
    for peer in map(parse_peer, setting):
        if peer.ae_title == ae_title and (not peer.host or is_address_of(address, peer.host)):
            return _site(peer)
    return None


def is_address_of(address: str, host: str) -> bool:
    """Return whether a host, by name or address, has this address."""
    caller = _plain(address)
    with suppress(ValueError):
        return caller == _plain(host)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(caller == _plain(str(entry[4][0])) for entry in found)


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an address; an IPv4 one also where IPv6 carries it."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _site(peer: Peer) -> Site | None:
    if peer.site:
        return Site.objects.filter(name=peer.site).first()
    return Site.objects.filter(is_default=True).first()
