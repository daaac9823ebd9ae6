"""A person at the door of a Cognito pool: signs up, is confirmed, and shows the password without sending it.

Our clients allow Secure Remote Password (RFC 5054) and nothing else, so this is how a browser does it too.
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html
"""

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import Any

# The group of 3,072 bits of RFC 3526, section 4; its generator.
PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
GENERATOR = 2
PASSWORD = "Analytical-Engine-1843"


def sign_up(cognito: Any, pool: str, client: str, email: str) -> None:
    """Make an account, and let the operator say that the address is theirs: no mail leaves an emulator."""
    cognito.sign_up(
        ClientId=client,
        Username=email,
        Password=PASSWORD,
        UserAttributes=[{"Name": "email", "Value": email}],
    )
    cognito.admin_confirm_sign_up(UserPoolId=pool, Username=email)


def sign_in(cognito: Any, pool: str, client: str, email: str, *, password: str = PASSWORD) -> dict[str, str]:
    """The tokens, by Cognito's names for them: IdToken, AccessToken, RefreshToken."""
    ours = secrets.randbelow(PRIME - 2) + 1
    public = pow(GENERATOR, ours, PRIME)
    asked = cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_SRP_AUTH",
        AuthParameters={"USERNAME": email, "SRP_A": f"{public:x}"},
    )["ChallengeParameters"]
    now = datetime.now(UTC)
    at = f"{now:%a %b} {now.day} {now:%H:%M:%S} UTC {now.year}"
    person = (pool.partition("_")[2] + asked["USER_ID_FOR_SRP"]).encode()
    key = _key(person + b":" + password.encode(), asked, ours, public)
    message = person + base64.b64decode(asked["SECRET_BLOCK"]) + at.encode()
    proof = base64.b64encode(hmac.digest(key, message, "sha256")).decode()
    answered = cognito.respond_to_auth_challenge(
        ClientId=client,
        ChallengeName="PASSWORD_VERIFIER",
        ChallengeResponses={
            "USERNAME": asked["USER_ID_FOR_SRP"],
            "TIMESTAMP": at,
            "PASSWORD_CLAIM_SECRET_BLOCK": asked["SECRET_BLOCK"],
            "PASSWORD_CLAIM_SIGNATURE": proof,
        },
    )
    return dict(answered["AuthenticationResult"])


def _key(identity: bytes, asked: dict[str, str], ours: int, public: int) -> bytes:
    """What both sides know when the password is right, and nobody else does."""
    theirs = int(asked["SRP_B"], 16)
    mixed = _hash(_bytes(public), _bytes(theirs))
    private = _hash(_bytes(int(asked["SALT"], 16)), hashlib.sha256(identity).digest())
    multiplier = _hash(_bytes(PRIME), _bytes(GENERATOR))
    base = (theirs - multiplier * pow(GENERATOR, private, PRIME)) % PRIME
    shared = pow(base, ours + mixed * private, PRIME)
    extracted = hmac.digest(_bytes(mixed), _bytes(shared), "sha256")
    return hmac.digest(extracted, b"Caldera Derived Key\x01", "sha256")[:16]


def _hash(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest())


def _bytes(number: int) -> bytes:
    """Big-endian, with a zero byte in front of a first bit that is set."""
    return number.to_bytes(number.bit_length() // 8 + 1)
