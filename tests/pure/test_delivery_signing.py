"""Signatures by Standard Webhooks: what we sign a receiver can check, and nothing else passes."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from lamppost.delivery import rotation, signing
from lamppost.delivery.keys import public
from lamppost.delivery.signing import BadSignature
from lamppost.errors import AuthorError, OperatorError

# The specification's own example.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
AT = 1614265330
NOW = datetime.fromtimestamp(AT, UTC)
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"


def signed(body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    return dict(signing.headers(signing.keys(secret), ID, AT, body))


def check(headers: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> None:
    signing.verify(signing.keys(SECRET), headers, body, now=now)


def test_the_published_example_comes_out() -> None:
    assert signed()["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    check(signed())


def test_the_same_json_spaced_otherwise_is_another_message() -> None:
    with pytest.raises(BadSignature):
        check(signed(), b'{"test":2432232314}')


@pytest.mark.parametrize("away", [301, -301])
def test_a_message_from_another_time_is_refused(away: int) -> None:
    with pytest.raises(BadSignature, match="five minutes"):
        check(signed(), now=NOW + timedelta(seconds=away))


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-timestamp": "1.5"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "١٦١٤٢٦٥٣٣٠"},
        {"webhook-id": ""},
        {"webhook-id": "msg_other"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"webhook-signature": "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"webhook-signature": "v1,é"},
    ],
)
def test_headers_that_are_not_ours_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        check({**signed(), **change})


def test_an_unknown_version_before_a_good_one_does_no_harm() -> None:
    good = signed()
    check({**good, "webhook-signature": "v9,xx " + good["webhook-signature"]})


def test_while_a_secret_is_replaced_both_sign() -> None:
    new = base64.b64encode(b"n" * 32).decode()
    headers = signed(secret=f"whsec_{new} {SECRET}")
    assert len(headers["webhook-signature"].split()) == 2
    check(headers)


def test_a_random_password_of_letters_and_digits_serves_as_a_secret() -> None:
    (key,) = signing.keys("Zx8" * 16)
    assert isinstance(key, bytes)
    assert len(key) == 36


@pytest.mark.parametrize(
    "secret",
    ["", "  ", "whsec_", "whsec_c2hvcnQ=", "whsec_" + "A" * 200, "whsec_not base64!", "whsec_a-_b" * 8],
)
def test_a_secret_that_cannot_sign_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(OperatorError) as caught:
        signing.keys(secret)
    assert caught.value.code == "signing_secret_invalid"
    assert len(secret) < 8 or secret not in str(caught.value)


# The vector that svix's server and other implementations hold themselves to.
PRIVATE = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
SIGNED_1A = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="


def test_the_published_example_of_ed25519_comes_out() -> None:
    assert signed(secret=PRIVATE)["webhook-signature"] == SIGNED_1A
    assert public(PRIVATE) == PUBLIC
    assert public(SECRET) is None


def test_the_seed_alone_is_the_same_ed25519_key() -> None:
    seed = base64.b64encode(base64.b64decode(PRIVATE.removeprefix("whsk_"))[:32]).decode()
    assert signed(secret="whsk_" + seed)["webhook-signature"] == SIGNED_1A


@pytest.mark.parametrize("secret", [PUBLIC, PRIVATE, f"{SECRET} {PUBLIC}"])
def test_the_public_key_is_enough_to_check(secret: str) -> None:
    signing.verify(signing.keys(secret), signed(secret=PRIVATE), BODY, now=NOW)
    with pytest.raises(BadSignature):
        signing.verify(signing.keys(secret), signed(secret=PRIVATE), BODY + b" ", now=NOW)


@pytest.mark.parametrize("theirs", ["v1a,", "v1a,é", "v1a,AAAA", SIGNED_1A.replace("v1a", "v1"), "v1a"])
def test_what_is_not_a_signature_of_ed25519_is_refused(theirs: str) -> None:
    received = {**signed(), "webhook-signature": theirs}
    with pytest.raises(BadSignature):
        signing.verify(signing.keys(PUBLIC), received, BODY, now=NOW)


def test_a_public_key_cannot_sign() -> None:
    with pytest.raises(OperatorError, match="cannot sign"):
        signed(secret=PUBLIC)


@pytest.mark.parametrize(
    "secret",
    [
        PRIVATE[:-3] + "A==",
        PRIVATE[:60],
        "whsk_",
        PUBLIC.replace("whpk_", "whsec_") + " whsec_",
        "whpk_c2hvcnQ=",
        '{"keys": []}',
        '{"username": "bday"}',
        '{"keys": [{"key": "whsec_c2hvcnQ="}]}',
        "{",
    ],
)
def test_what_looks_like_keys_and_is_none_is_refused(secret: str) -> None:
    with pytest.raises(OperatorError) as caught:
        signing.keys(secret)
    assert caught.value.code == "signing_secret_invalid"
    assert secret[6:] not in str(caught.value) or len(secret) < 10


def test_an_id_with_a_full_stop_is_neither_signed_nor_believed() -> None:
    with pytest.raises(AuthorError, match="full stop"):
        signing.headers(signing.keys(SECRET), "msg_1.5", AT, BODY)
    with pytest.raises(BadSignature):
        check({**signed(), "webhook-id": "msg_1.5"})


def test_a_header_full_of_signatures_is_not_tried() -> None:
    good = signed()
    with pytest.raises(BadSignature, match="more than any sender"):
        check({**good, "webhook-signature": "v1,x " * 1000 + good["webhook-signature"]})


DAY = timedelta(days=1)


@pytest.mark.parametrize("secret", [SECRET, PRIVATE])
def test_a_rotated_secret_signs_with_both_keys_until_the_grace_ends(secret: str) -> None:
    rotated = rotation.rotate(secret, now=NOW, grace=DAY)
    new = signing.keys(rotated, now=NOW + DAY)
    during = signing.keys(rotated, now=NOW + DAY - timedelta(seconds=1))
    assert (len(new), len(during)) == (1, 2)
    message = dict(signing.headers(during, ID, AT, BODY))
    signing.verify(new, message, BODY, now=NOW)
    signing.verify(signing.keys(secret), message, BODY, now=NOW)
    with pytest.raises(BadSignature):
        signing.verify(signing.keys(secret), dict(signing.headers(new, ID, AT, BODY)), BODY, now=NOW)


def test_rotating_again_does_not_prolong_what_was_to_end() -> None:
    twice = rotation.rotate(rotation.rotate(SECRET, now=NOW, grace=DAY), now=NOW + DAY / 2, grace=7 * DAY)
    assert len(signing.keys(twice, now=NOW + DAY / 2)) == 3
    left = signing.keys(twice, now=NOW + 2 * DAY)
    assert len(left) == 2
    assert signing.keys(SECRET)[0] not in left


def test_a_leaked_key_goes_at_once() -> None:
    rotated = rotation.rotate(f"{SECRET} {SECRET}", now=NOW, grace=timedelta(0))
    assert len(signing.keys(rotated, now=NOW)) == 1
    assert SECRET not in rotated


def test_keys_whose_time_is_over_leave_the_secret() -> None:
    later = rotation.rotate(rotation.rotate(SECRET, now=NOW, grace=DAY), now=NOW + 2 * DAY, grace=DAY)
    assert SECRET not in later


def test_a_secret_does_not_collect_keys_without_end() -> None:
    secret = SECRET
    with pytest.raises(OperatorError, match="keys sign already"):
        for _ in range(rotation.MOST + 1):
            secret = rotation.rotate(secret, now=NOW, grace=DAY)
    assert len(signing.keys(secret, now=NOW)) == rotation.MOST


@pytest.mark.parametrize("grace", [timedelta(seconds=-1), timedelta(days=31)])
def test_a_grace_out_of_bounds_is_refused(grace: timedelta) -> None:
    with pytest.raises(OperatorError, match="out of bounds"):
        rotation.rotate(SECRET, now=NOW, grace=grace)


@pytest.mark.parametrize("secret", ['{"username": "bday", "password": "p"}', "", PUBLIC, "a password"])
def test_what_is_no_signing_secret_is_not_rotated(secret: str) -> None:
    with pytest.raises(OperatorError):
        rotation.rotate(secret, now=NOW)


def test_a_date_without_a_zone_is_utc() -> None:
    stored = f'{{"keys": [{{"key": "{SECRET}", "until": "{NOW:%Y-%m-%dT%H:%M:%S}"}}]}}'
    assert len(signing.keys(stored, now=NOW - timedelta(seconds=1))) == 1
    with pytest.raises(OperatorError, match="is over"):
        signing.keys(stored, now=NOW)
