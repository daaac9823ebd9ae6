"""A receiver believes what is signed with its key, whole and of now, and says of all else what is wrong."""

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.message import Message as MailMessage

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from lamppost.delivery import receive, rotation, signing
from lamppost.errors import AuthorError, CallerError, OperatorError

# The specification's own example.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
AT = 1614265330
NOW = datetime.fromtimestamp(AT, UTC)
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
GOOD = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
HEADERS = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": GOOD}

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"p" * 32)
PUBLIC = "whpk_" + base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()


def v1a(body: bytes = BODY, message_id: str = ID) -> str:
    signed = f"{message_id}.{AT}.".encode() + body
    return "v1a," + base64.b64encode(PRIVATE.sign(signed)).decode()


def check(body: bytes = BODY, secret: str = SECRET, now: datetime = NOW, **changed: str) -> receive.Message:
    headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return receive.verified(
        {name: each for name, each in headers.items() if each is not None}, body, secret, now=now
    )


def refusal(**given: object) -> tuple[int, str]:
    with pytest.raises(CallerError) as caught:
        check(**given)
    return caught.value.status, caught.value.code


def test_the_published_example_is_believed() -> None:
    assert check() == receive.Message(ID, NOW, BODY, 0)
    assert check().json() == {"test": 2432232314}


def test_what_our_sender_signs_our_receiver_believes() -> None:
    headers = dict(signing.headers(signing.keys(SECRET), "msg_1", AT, b"{}"))
    assert receive.verified(headers, b"{}", SECRET, now=NOW).id == "msg_1"


# The signature samples of the hostile inputs.


def test_the_same_json_spaced_otherwise_is_another_message() -> None:
    assert refusal(body=b'{"test":2432232314}') == (401, "webhook_signature_invalid")


@pytest.mark.parametrize(("away", "code"), [(301, "webhook_too_old"), (-301, "webhook_too_new")])
def test_five_minutes_away_is_too_far(away: int, code: str) -> None:
    assert check(now=NOW + timedelta(seconds=away - away // abs(away))).id == ID
    assert refusal(now=NOW + timedelta(seconds=away)) == (401, code)


@pytest.mark.parametrize(
    "at", ["1.5", "-1614265330", "+1614265330", " 1614265330", "1e9", "0x1", "١٦١٤٢٦٥٣٣٠", "9" * 4301, "soon"]
)
def test_a_time_that_is_no_count_of_seconds_is_refused(at: str) -> None:
    assert refusal(webhook_timestamp=at) == (400, "webhook_header_invalid")


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_header_that_is_missing_or_empty_is_named(name: str) -> None:
    for headers in ({k: v for k, v in HEADERS.items() if k != name}, {**HEADERS, name: ""}):
        with pytest.raises(CallerError, match=name) as caught:
            receive.verified(headers, BODY, SECRET, now=NOW)
        assert (caught.value.status, caught.value.code) == (400, "webhook_header_missing")


@pytest.mark.parametrize("junk", ["é", "\ud800", "\x80"])
def test_what_is_not_ascii_is_refused_wherever_it_stands(junk: str) -> None:
    for name in ("webhook_id", "webhook_timestamp", "webhook_signature"):
        assert refusal(**{name: junk}) == (400, "webhook_header_invalid")


def test_an_unknown_version_before_a_good_one_does_no_harm() -> None:
    assert check(webhook_signature=f"v9,xx {GOOD}").id == ID


@pytest.mark.parametrize(
    "signature",
    [
        "v1,", "v1", ",", "v1, ", "v9,xx", GOOD.removeprefix("v1,"), GOOD.replace("v1,", "v1a,"),
        GOOD.replace("v1,", "V1,"), GOOD[:-1], GOOD + "=",   GOOD.replace("g0h", "g0i"),
        "v1," + "A" * 44,
    ],
)  # fmt: skip
def test_what_only_resembles_a_signature_is_none(signature: str) -> None:
    assert refusal(webhook_signature=signature) == (401, "webhook_signature_invalid")


@pytest.mark.parametrize(
    "secret",
    ["", "  ", "whsec_", "whsec_c2hvcnQ=", "whsec_" + "A" * 200, "whsec_not base64!",
     "whpk_" + "A" * 48, "whpk_c2hvcnQ="],
)  # fmt: skip
def test_a_secret_that_cannot_verify_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(OperatorError) as caught:
        check(secret=secret)
    assert caught.value.code == "signing_secret_invalid"
    assert len(secret) < 8 or secret not in str(caught.value)


# Keys, old and new, of both kinds.


def test_the_sender_signs_with_the_public_keys_other_half() -> None:
    assert check(secret=PUBLIC, webhook_signature=v1a()).id == ID
    assert refusal(secret=PUBLIC, webhook_signature=v1a(b"other")) == (401, "webhook_signature_invalid")
    assert refusal(secret=PUBLIC, webhook_signature="v1a,AAAA") == (401, "webhook_signature_invalid")


def test_a_shared_secret_and_a_public_key_judge_only_their_own_kind() -> None:
    assert refusal(secret=PUBLIC) == (401, "webhook_signature_invalid")
    assert refusal(webhook_signature=v1a()) == (401, "webhook_signature_invalid")


def test_any_of_several_keys_will_do_and_the_message_says_which() -> None:
    other = "whsec_" + base64.b64encode(b"o" * 32).decode()
    assert check(secret=f"{other} {SECRET}").key == 1
    assert check(secret=f"{SECRET} {other}").key == 0
    assert check(secret=f"{other} {PUBLIC}", webhook_signature=f"{GOOD} {v1a()}").key == 1


def test_a_key_that_was_rotated_out_is_believed_until_its_grace_is_over() -> None:
    rotated = rotation.rotate(SECRET, now=NOW, grace=timedelta(minutes=2))
    assert check(secret=rotated).key == 1
    assert refusal(secret=rotated, now=NOW + timedelta(minutes=3)) == (401, "webhook_signature_invalid")


def test_a_hundred_signatures_cost_no_more_than_a_few() -> None:
    flood = " ".join(["v1a," + base64.b64encode(b"x" * 64).decode()] * 100)
    assert refusal(secret=PUBLIC, webhook_signature=f"{flood} {v1a()}") == (401, "webhook_signature_invalid")


# What a sender could move from one part of the message to another.


@pytest.mark.parametrize("message_id", ["msg.1", "a b", "a\n", "é", "x" * 257, "a\x00b"])
def test_an_id_is_short_and_plain(message_id: str) -> None:
    assert refusal(webhook_id=message_id) == (400, "webhook_header_invalid")


def test_a_signed_body_cannot_be_read_as_another_id_and_time() -> None:
    body = f"{AT}.{{}}".encode()
    headers = dict(signing.headers(signing.keys(SECRET), "msg_1", AT, body))
    moved = {**headers, "webhook-id": f"msg_1.{AT}"}
    with pytest.raises(CallerError, match="full stop"):
        receive.verified(moved, b"{}", SECRET, now=NOW)


def test_a_header_that_is_there_twice_is_refused() -> None:
    twice = MailMessage()
    for name, value in [*HEADERS.items(), ("Webhook-Id", "msg_other")]:
        twice[name] = value
    with pytest.raises(CallerError, match="twice"):
        receive.verified(twice, BODY, SECRET, now=NOW)


def test_names_are_taken_in_any_case() -> None:
    assert receive.verified({n.title(): v for n, v in HEADERS.items()}, BODY, SECRET, now=NOW).id == ID


# Bodies.


def test_size_is_looked_at_first() -> None:
    headers: dict[str, str] = {}
    with pytest.raises(CallerError) as caught:
        receive.verified(headers, b"x" * 11, SECRET, body_max=10)
    assert (caught.value.status, caught.value.code) == (413, "webhook_too_large")


@pytest.mark.parametrize("body", ['{"test": 2432232314}', {"test": 2432232314}, None])
def test_a_body_that_somebody_has_read_already_is_the_authors_mistake(body: object) -> None:
    with pytest.raises(AuthorError) as caught:
        check(body=body)
    assert caught.value.code == "webhook_body_not_raw"


def signed(body: bytes) -> receive.Message:
    return receive.verified(dict(signing.headers(signing.keys(SECRET), "m", AT, body)), body, SECRET, now=NOW)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"test": "text"}'])
def test_a_body_that_is_not_as_agreed_is_the_callers(body: bytes) -> None:
    class Test(msgspec.Struct):
        test: int

    with pytest.raises(CallerError) as caught:
        signed(body).decode(Test)
    assert (caught.value.status, caught.value.code) == (400, "webhook_body_invalid")


@given(
    st.binary(max_size=200),
    st.text(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="."), min_size=1, max_size=60
    ),
)
def test_what_is_signed_arrives_and_one_flipped_bit_does_not(body: bytes, message_id: str) -> None:
    headers = dict(signing.headers(signing.keys(SECRET), message_id, AT, body))
    assert receive.verified(headers, body, SECRET, now=NOW).body == body
    flipped = bytes([body[0] ^ 1]) + body[1:] if body else b"\0"
    with pytest.raises(CallerError):
        receive.verified(headers, flipped, SECRET, now=NOW)


@given(
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "Webhook-Id"]), st.text()
    )
)
def test_no_headers_bring_it_to_anything_but_a_refusal(headers: dict[str, str]) -> None:
    with pytest.raises(CallerError):
        receive.verified(headers, b"{}", f"{SECRET} {PUBLIC}")


def test_verifying_a_shared_secrets_signature_loads_neither_a_driver_nor_cryptography() -> None:
    program = (
        "import json, sys; from lamppost.delivery import receive;"
        " print(json.dumps([m for m in ('psycopg', 'cryptography', 'pycurl', 'boto3') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == []
