"""Names and addresses of machines: which of them are this machine."""

from __future__ import annotations

import ipaddress
from typing import Optional, Union

__all__ = ["Address", "is_loopback", "parse_address"]

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def parse_address(text: str) -> Optional[Address]:
    """Return an IP address; the IPv4 address for one that is written as IPv6; None for a name."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_loopback(host: str) -> bool:
    """Tell whether a name or an address always means this machine. `0.0.0.0` as a destination does, but not here."""
    name = host.lower().rstrip(".")
    address = parse_address(name)
    if address is not None:
        return address.is_loopback
    return name == "localhost" or name.endswith(".localhost")  # RFC 6761 reserves the whole domain
