"""Where messages may not go, whatever an address is written like and whatever its name resolves to."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.config import WebhooksConfig
from central.webhooks.address import AddressError, Guard

PRIVATE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "198.18.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:7f00:1::", "fec0::1",
)  # fmt: skip
PUBLIC = ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946")


@pytest.mark.parametrize("address", PRIVATE)
def test_no_message_goes_inside(address: str) -> None:
    with pytest.raises(AddressError, match="no public address"):
        Guard().pin("https://hooks.example/x", lambda *_: [address])
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressError, match="no public address"):
        Guard().check(f"https://{literal}/x")


@pytest.mark.parametrize("address", PRIVATE)
def test_one_private_address_among_public_ones_is_enough_to_refuse(address: str) -> None:
    with pytest.raises(AddressError):
        Guard().pin("https://hooks.example/x", lambda *_: [PUBLIC[0], address])


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/", "ftp://hooks.example/", "file:///etc/passwd", "hooks.example", "https://", "https:///x",
        "https://user:word@hooks.example/", "https://user@hooks.example/", "https://hooks.example/#x", "https://h:99999/",
        "https://hooks.example/a b", "https://hooks.example/\n", "https://h/" + "x" * 2000, "https://[::1/",
    ],
)  # fmt: skip
def test_what_is_no_address_for_us_is_refused(url: str) -> None:
    with pytest.raises(AddressError, match="url: "):
        Guard().check(url)


@pytest.mark.parametrize("name", ["2130706433", "0x7f.1", "127.1", "localhost", "017700000001"])
def test_other_ways_to_write_this_machine_lead_to_this_machine(name: str) -> None:
    with pytest.raises(AddressError):
        Guard().pin(f"https://{name}/")


@pytest.mark.parametrize("address", PUBLIC)
def test_what_was_checked_is_what_is_called(address: str) -> None:
    asked: list[tuple[str, int]] = []

    def once(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return [address] if len(asked) == 1 else ["127.0.0.1"]

    pinned = Guard().pin("https://hooks.example:8443/in?town=1", once)
    literal = f"[{address}]" if ":" in address else address
    assert pinned.url == f"https://{literal}:8443/in?town=1"
    assert (pinned.host, pinned.server_name) == ("hooks.example:8443", "hooks.example")
    assert asked == [("hooks.example", 8443)]


def test_an_operator_lets_networks_of_their_own_in_and_no_other() -> None:
    guard = Guard.of(WebhooksConfig(networks=("10.20.0.0/16",), plain_http=True))
    assert guard.pin("http://erp.town/", lambda *_: ["10.20.3.4"]).url == "http://10.20.3.4:80/"
    with pytest.raises(AddressError):
        guard.pin("http://erp.town/", lambda *_: ["10.21.3.4"])
    with pytest.raises(AddressError, match=r"webhooks\.networks"):
        Guard.of(WebhooksConfig(networks=("10.20.0.1/16",)))


@given(st.ip_addresses())
def test_an_address_is_let_through_only_where_it_is_global(address: ipaddress.IPv4Address) -> None:
    try:
        Guard().pin("https://hooks.example/", lambda *_: [str(address)])
    except AddressError:
        return
    assert address.is_global
    assert not address.is_private
    assert not address.is_link_local
    assert not address.is_loopback
    assert not address.is_multicast
