"""
The destinations to which the sandbox may send events and callbacks.

The URL of a webhook makes the sandbox connect to it. That must give the sender of the request no reach that the sender
does not have already, and a fuzzer that invents URLs must not talk to the database on the developer's machine.

Rule 1: http and https only; no redirect is followed; of an answer, only its status is used (workers.py). The control
surface shows the beginning of its body; where that is not served, no body is read.
Rule 2: never the sandbox itself, link-local and multicast addresses (clouds serve credentials there), and the ports of
services that are not web servers.
Rule 3: a sandbox on loopback may send to loopback and private addresses: its callers are on this machine, and tests
have their endpoints there. One that serves other machines may not, unless `webhook_hosts` lists the destination.
Rule 4: if `webhook_hosts` is given, nothing else is reached. Rule 2 holds for listed hosts too.

A URL is checked when it arrives, so that the caller reads the reason. Its address is checked again for every
connection, because a name can lead to another address each time.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Set
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from bluma_async.sandbox.addresses import is_loopback, parse_address

if TYPE_CHECKING:
    from bluma_async.sandbox.addresses import Address
    from bluma_async.sandbox.settings import Settings

__all__ = ["SERVICE_PORTS", "Destinations"]

DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
SERVICE_PORTS: Mapping[int, str] = {
    21: "FTP", 22: "SSH", 23: "Telnet", 25: "SMTP", 53: "DNS", 110: "POP3", 111: "RPC", 135: "RPC", 139: "NetBIOS",
    143: "IMAP", 389: "LDAP", 445: "SMB", 465: "SMTP", 514: "syslog", 515: "LPD", 587: "SMTP", 631: "IPP", 636: "LDAP",
    873: "rsync", 993: "IMAP", 995: "POP3", 1433: "SQL Server", 1521: "Oracle", 1883: "MQTT", 2049: "NFS",
    2181: "ZooKeeper", 2375: "Docker", 2376: "Docker", 2379: "etcd", 2380: "etcd", 3306: "MySQL", 3389: "RDP",
    4222: "NATS", 5432: "PostgreSQL", 5672: "RabbitMQ", 5900: "VNC", 5984: "CouchDB", 6000: "X11", 6379: "Redis",
    6443: "Kubernetes", 8086: "InfluxDB", 8500: "Consul", 9042: "Cassandra", 9092: "Kafka", 9200: "Elasticsearch",
    9300: "Elasticsearch", 10250: "Kubernetes", 11211: "memcached", 15672: "RabbitMQ", 26379: "Redis", 27017: "MongoDB",
}  # fmt: skip


class Destinations:
    """Tells which URLs events and callbacks may be sent to."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._is_local = is_loopback(settings.host)
        self.own_ports: Set[int] = set()

    def find_problem(self, url: str | None) -> Optional[str]:
        """Return why nothing may be sent to a URL, as the end of a sentence about it; None if it may, or is None."""
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
            return "must be an absolute http(s) URL"
        host, port = parts.hostname.rstrip("."), parts.port or DEFAULT_PORTS[parts.scheme]
        if port in SERVICE_PORTS:
            return f"must not be on port {port}, which belongs to {SERVICE_PORTS[port]}"
        if self._settings.webhook_hosts is not None and not self._is_listed(host, port):
            return f"must be on one of the hosts in webhook_hosts: {', '.join(self._settings.webhook_hosts) or 'none'}"
        address = parse_address(host) or (parse_address("127.0.0.1") if is_loopback(host) else None)
        if address is None:
            return "must not be the sandbox itself" if self._is_own_name(host, port) else None
        return self.find_problem_of_address(host, address, port)

    def find_problem_of_address(self, host: str, address: Address, port: int) -> Optional[str]:
        """Return why nothing may be sent to the address of a host; None if it may."""
        is_here = address.is_loopback or address.is_unspecified or address == parse_address(self._settings.host)
        if is_here and port in self.own_ports:
            return "must not be the sandbox itself"
        if address.is_link_local or address.is_multicast:
            return "must not be a link-local or multicast address"
        is_private = address.is_private or address.is_unspecified
        if is_private and not self._is_local and not self._is_listed(host, port):
            return "must not be a private address, because the sandbox serves other machines; webhook_hosts can list it"
        return None

    def make_connector(self, resolver: AbstractResolver | None = None) -> aiohttp.TCPConnector:
        """Return a connector that refuses names of addresses that nothing may be sent to."""
        return aiohttp.TCPConnector(resolver=_CheckedResolver(self, resolver or aiohttp.ThreadedResolver()))

    def _is_listed(self, host: str, port: int) -> bool:
        name = f"[{host}]" if ":" in host else host
        return bool({name, f"{name}:{port}"} & set(self._settings.webhook_hosts or ()))

    def _is_own_name(self, host: str, port: int) -> bool:
        return port in self.own_ports and host in {self._settings.host.lower(), *self._settings.allowed_hosts}


class _CheckedResolver(AbstractResolver):
    """Resolves names, and raises an OSError if one of the addresses is not permitted."""

    def __init__(self, destinations: Destinations, inner: AbstractResolver) -> None:
        self._destinations = destinations
        self._inner = inner

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> List[Any]:
        found = await self._inner.resolve(host, port, family)
        for entry in found:
            address = parse_address(entry["host"])
            problem = self._destinations.find_problem_of_address(host, address, port) if address else None
            if problem is not None:
                raise PermissionError(errno.EACCES, f"{host} {problem}")
        return list(found)

    async def close(self) -> None:
        await self._inner.close()
