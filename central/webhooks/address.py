"""Where messages may go: the guard against requests forged through us (OWASP ASVS 5.0, V1.3.6 and V15.3.2).

An address is ``https`` with a host and no credentials. Its host is resolved once for each message, every address
found must be a public one, and the connection goes to the address that was checked, whatever the name may say a moment
later. An operator may let networks of their own in.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from central.config import WebhooksConfig

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

LONGEST = 2000
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
# What carries an IPv4 address inside and would be reached through a translator (RFC 6052, 8215, 3056, 4380), and what
# once was a site's own (RFC 3879).
_CARRIERS = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "fec0::/10")))


class AddressError(ValueError):
    """An address nothing is sent to; the text names it and the rule."""


@dataclass(frozen=True)
class Pinned:
    """A checked destination: the address in the request's line, and the name it is reached under."""

    url: str
    host: str
    server_name: str


@dataclass(frozen=True)
class Guard:
    """What an installation allows."""

    plain_http: bool = False
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, config: WebhooksConfig) -> "Guard":
        """The guard a configuration describes; AddressError for a network that is none."""
        try:
            return cls(config.plain_http, tuple(ipaddress.ip_network(one) for one in config.networks))
        except ValueError as error:
            raise AddressError(f"webhooks.networks: {error}") from error

    def check(self, url: str) -> SplitResult:
        """The parts of an address that may be asked to be told; AddressError where it may not be."""
        if len(url) > LONGEST or not _PRINTABLE.fullmatch(url):
            raise AddressError(f"url: {url[:80]!r}, must be at most {LONGEST} printable ASCII characters, no spaces")
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise AddressError(f"url: {url!r}, {error}") from error
        schemes = ("https", "http") if self.plain_http else ("https",)
        if parts.scheme not in schemes:
            raise AddressError(f"url: {url!r}, must begin with {' or '.join(f'{one}://' for one in schemes)}")
        if not host or parts.username is not None or parts.password is not None or parts.fragment:
            raise AddressError(f"url: {url!r}, must name a host and hold neither credentials nor a fragment")
        literal = _literal(host)
        if literal is not None:
            self._admit(url, literal)
        return parts

    def pin(self, url: str, resolve: Resolve | None = None) -> Pinned:
        """Resolve an address and hold on to what was found; AddressError where any of it is not allowed."""
        parts = self.check(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = [ipaddress.ip_address(one) for one in (resolve or resolved)(host, port)]
        if not found:
            raise AddressError(f"url: {url!r}, its host has no address")
        for one in found:
            self._admit(url, one)
        chosen = found[0]
        literal = f"[{chosen}]" if chosen.version == 6 else str(chosen)
        path = parts.path or "/"
        query = f"?{parts.query}" if parts.query else ""
        return Pinned(f"{parts.scheme}://{literal}:{port}{path}{query}", parts.netloc, host)

    def _admit(self, url: str, address: Address) -> None:
        plain = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        address = plain or address
        if any(address in network for network in self.networks if network.version == address.version):
            return
        reserved = address.is_multicast or address.is_reserved or any(address in one for one in _CARRIERS)
        if not address.is_global or reserved:
            raise AddressError(f"url: {url!r}, leads to {address}, which is no public address")


def resolved(host: str, port: int) -> list[str]:
    """Every address of a host, in the system's order; AddressError where there is none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressError(f"host: {host!r}, cannot be resolved ({error})") from error
    return [str(entry[4][0]).partition("%")[0] for entry in found]


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
