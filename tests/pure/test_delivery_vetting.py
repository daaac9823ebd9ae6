"""Which addresses and URLs a webhook may have."""

import pytest

from lamppost.delivery.vetting import Allowances, allowances, opened, refusal, url_refusal

NOTHING = Allowances()

PRIVATE = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "3fff::1",
    "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "", "example.com",
    "127.1", "2130706433", "0x7f.1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.32.0.1", "192.0.1.1", "198.20.0.1",
    "223.255.255.255", "2606:4700:4700::1111", "2a00:1450::1", "64:ff9b::808:808", "2001:200::1",
]  # fmt: skip

REFUSED = [
    "https://127.0.0.1/h", "https://100.100.100.200/h", "https://[::1]/h", "https://[::127.0.0.1]/h",
    "https://[64:ff9b::a9fe:a9fe]/h", "https://[2002:7f00:1::1]/h", "https://[fd00:ec2::254]/h",
    "https://017700000001/h", "https://0x7f.1/h", "https://2852039166/h", "https://0xa9fea9fe/h",
    "https://169.254.43518/h", "https://①②⑦.⓪.⓪.①/h", "https://localhost./h", "https://a.localhost/h",
    "https://localhost/h", "https://db/h", "file:///etc/passwd", "gopher://127.0.0.1:6379/_SET",
    "ftp://x.example/", "data:text/plain,a", "javascript:alert(1)", "http://hooks.example/h",
    "//hooks.example/h",
    "https:///h", "https:/127.0.0.1/h", "https://hooks.example@127.0.0.1/h", "https://u:p@hooks.example/h",
    "https://evil.example\\@127.0.0.1/h", "https://evil.example#@hooks.example/h", "https://%31%32%37.0.0.1/h",
    "https://hooks.exa\tmple/h", "https://hooks.example/h\r\nX-A: b", "https://hooks.example:65536/h",
    "https://hooks.example:22/h", "https://hooks.example:5432/h", "https://hooks.example:443:80/h",
    "https://hooks.example:x/h", "https://[::1/h", "https://[fe80::1%25eth0]/h",
    f"https://{'a' * 64}.example/h",
    f"https://{'a.' * 130}example/h", f"https://hooks.example/{'a' * 2049}", "https://hooks.example/\x00",
    "https://hooks.example/a b", "", "https://", "https://-a.example/", "https://a..example/h", "https://@/h",
]  # fmt: skip
FINE = [
    "https://hooks.example/h?x=1", "https://hooks.example", "https://hooks.example./h", "HTTPS://hooks.example/h",
    "https://[2606:4700:4700::1111]/h", "https://1.1.1.1/h", "https://hooks.example:8443/h",
    "https://hooks.example:3000/h", "https://webhook.site/abc-123", "https://xn--bcher-kva.example/h",
    "https://127.0.0.1.nip.io/h", "https://nope.invalid/h", "https://a_b.example/h",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_and_special_addresses_are_refused(address: str) -> None:
    assert refusal(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert refusal(address) is None


@pytest.mark.parametrize("address", [each for each in PRIVATE if each])
def test_a_private_address_is_refused_in_a_url_too(address: str) -> None:
    for text in (f"https://{address}/h", f"https://[{address}]:8443/h"):
        if (":" in address) == ("[" in text):
            assert url_refusal(text, NOTHING) or address == "example.com"


@pytest.mark.parametrize("url", REFUSED)
def test_urls_that_no_webhook_has_are_refused(url: str) -> None:
    assert url_refusal(url, NOTHING)


@pytest.mark.parametrize("url", FINE)
def test_ordinary_webhook_urls_pass(url: str) -> None:
    assert url_refusal(url, NOTHING) is None


def test_the_operator_opens_exact_targets_and_loopback() -> None:
    opening = allowances({"LAMPPOST_ALLOW_WEBHOOK": " 127.0.0.1:8000, hooks.inside:8080 "})
    assert url_refusal("http://127.0.0.1:8000/_inbox", opening) is None
    assert url_refusal("http://hooks.inside:8080/h", opening) is None
    assert url_refusal("http://127.0.0.1:8001/_inbox", opening)
    assert url_refusal("http://127.0.0.2:8000/_inbox", opening)
    assert url_refusal("http://localhost:8000/_inbox", opening)
    assert allowances({}) == NOTHING


@pytest.mark.parametrize("url", ["http://127.0.0.1:1234/", "http://localhost:80/", "http://[::1]:9000/x"])
def test_loopback_as_a_whole_can_be_opened(url: str) -> None:
    assert url_refusal(url, allowances({"LAMPPOST_ALLOW_WEBHOOK": "loopback"})) is None


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://169.254.169.254/latest", "http://u@127.0.0.1/"])
def test_open_loopback_opens_nothing_else(url: str) -> None:
    assert url_refusal(url, Allowances(loopback=True))


def test_an_opened_target_is_that_host_and_port_only() -> None:
    assert opened("[::1]".strip("[]"), 8000, Allowances(frozenset({"[::1]:8000"})))
    assert not opened("::1", 8001, Allowances(frozenset({"[::1]:8000"})))
