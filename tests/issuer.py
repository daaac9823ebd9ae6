"""An issuer, a gateway and a clock of their own, and the means of a forger who even has the private key."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from lamppost.declare.service import System
from lamppost.derive.describe import describe
from lamppost.derive.manifest import Manifest
from lamppost.local.authorizers import Authorizers
from lamppost.local.functions.spec import Result
from lamppost.local.gateway import HTTP_LIMITS, Gateway
from lamppost.local.http import Server, serve
from lamppost.local.identity.door import SEGMENT
from lamppost.local.identity.issuer import Issuer
from lamppost.observe.log import Log
from tests.wire import Heard, once, request

GUARDED = Path(__file__).parent / "data" / "guarded"
STRANGER = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, private=True, auto_kid=True)
CURVE = ECKey.generate_key("P-256", private=True)


def manifest() -> Manifest:
    """The services of `data/guarded`."""
    found = [
        import_module(f"tests.data.guarded.services.{name}.service").service
        for name in ("ajar", "guarded", "judged")
    ]
    return describe(System(tuple(found)), {service.name: "" for service in found})


class Desk:
    """The issuer and the gateway of a data folder, served on a port. `now` is their time."""

    def __init__(self, data: Path) -> None:
        self.now = 1_900_000_000.0
        self.data = data
        self.events: list[dict[str, Any]] = []
        self.issuer = Issuer(data, lambda: self.now)
        self.log: list[str] = []
        doors = Authorizers(self.issuer.verifier.verify, self._invoke, Log(write=self.log.append))
        self.gateway = Gateway(self._invoke, doors)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: Server = self.run(serve(self.gateway, limits=HTTP_LIMITS))
        self.base = f"http://127.0.0.1:{self._server.port}"
        self.url = f"{self.base}/{SEGMENT}"
        described = manifest()
        self.issuer.at(self.url)
        self.issuer.describe(described)
        self.gateway.describe(described)
        self.gateway.mount(SEGMENT, self.issuer)

    async def _invoke(self, name: str, payload: bytes) -> Result:
        event = json.loads(payload)
        self.events.append(event)
        if name == "judged-dev-judge":
            return self.judge(event)
        return Result(b'{"statusCode":200,"body":"in"}')

    def judge(self, event: dict[str, Any]) -> Result:
        """What the authorizer's function answers; a test may put another here."""
        return Result(json.dumps({"isAuthorized": event["identitySource"] == ["friend"]}).encode())

    def run(self, awaited: Any) -> Any:
        """Run something on the desk's loop."""
        return asyncio.run_coroutine_threadsafe(awaited, self._loop).result(30)

    def close(self) -> None:
        self.run(self._server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    # --- calling

    def call(self, path: str, authorization: str | None = None, **headers: str) -> Heard:
        """A GET of an API with this Authorization header."""
        given = {**headers, **({"authorization": authorization} if authorization is not None else {})}
        return once(self.base, request("GET", path, given))

    def whoami(self, token: str) -> Heard:
        """GET /guarded/whoami with a bearer token."""
        return self.call("/guarded/whoami", f"Bearer {token}")

    def token(self, person: str = "ada", client: str = "guarded-app", scope: str | None = None) -> str:
        """A token as `lamppost token` makes it."""
        made: str = self.run(self.issuer.token(self.issuer.clients[client], person, scope, None))
        return made

    # --- forging

    def key(self) -> RSAKey:
        """The key that signs now, read from its file."""
        self.run(self.issuer.secret(self.issuer.clients["guarded-app"]))
        kept = json.loads((self.data / "keys.json").read_bytes())
        return RSAKey.import_key(kept["keys"][-1]["jwk"])

    def forge(self, case: dict[str, Any]) -> str:
        """The Authorization header of a recipe of `bad_inputs.json`."""
        token = self._forged(case)
        cut = token.split(".")
        if "parts" in case:
            token = ".".join(cut[part] if isinstance(part, int) else part for part in case["parts"])
        token += case.get("append", "")
        template: str = case.get("as", "Bearer {token}")
        return template.replace("{token:10}", token[:10]).replace("{token}", token)

    def _forged(self, case: dict[str, Any]) -> str:
        key = self.key()
        header = case.get("raw_header", "").replace("{kid}", key.kid) or json.dumps(
            _changed({"alg": "RS256", "kid": key.kid}, self._filled(case.get("header", {})))
        )
        return self.sign(header.encode(), self._claims(case), case.get("sign", "ours"))

    def standard(self) -> dict[str, Any]:
        """The claims of a good token."""
        now = int(self.now)
        return {
            "sub": "15091b47-e8d5-44df-80f6-56ce6425038c",
            "iss": self.url,
            "client_id": "guarded-app",
            "token_use": "access",
            "scope": "things/read",
            "username": "ada",
            "iat": now,
            "exp": now + 900,
            "jti": "9d0a3c5e-41a5-4f7e-8a3b-0c4f1f3a5d11",
        }

    def _claims(self, case: dict[str, Any]) -> bytes:
        if "claims_base64" in case:
            return base64.b64decode(case["claims_base64"])
        if "raw_claims" in case:
            standard = {name: said for name, said in self.standard().items() if name != "exp"}
            filled: str = case["raw_claims"]
            if '"x":' in filled:
                standard = self.standard()
            return (
                filled.replace("{standard}", json.dumps(standard)[:-1])
                .replace("{in_an_hour}", str(int(self.now) + 900))
                .replace("{digits}", "9" * 5000)
                .replace("{deeper}", "[" * 2000 + "]" * 2000)
                .replace("{deep}", '{"a":' * 32 + "1" + "}" * 32)
                .encode()
            )
        return json.dumps(_changed(self.standard(), self._filled(case.get("claims", {})))).encode()

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {"now"}:
                return int(self.now) + value["now"]
            if value.keys() == {"public"}:
                return (STRANGER if value["public"] == "stranger" else self.key()).as_dict(private=False)
            return {name: self._filled(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner) for inner in value]
        if isinstance(value, str):
            return value.replace("{issuer}", self.url).replace("{ISSUER}", self.url.upper())
        return value

    def sign(self, header: bytes, claims: bytes, how: str = "ours") -> str:
        """A token of these very bytes."""
        signed = b".".join(map(_b64, (header, claims)))
        return (signed + b"." + _b64(self._signature(signed, how))).decode()

    def _signature(self, signed: bytes, how: str) -> bytes:
        key = self.key()
        match how:
            case "nothing":
                return b""
            case "hmac-of-public-key":
                return hmac.new(key.as_pem(private=False), signed, hashlib.sha256).digest()
            case "hmac-of-nothing":
                return hmac.new(b"", signed, hashlib.sha256).digest()
            case "rs512":
                return bytes(key.private_key.sign(signed, padding.PKCS1v15(), hashes.SHA512()))
            case "ps256":
                pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
                return bytes(key.private_key.sign(signed, pss, hashes.SHA256()))
            case "es256":
                made = jws.serialize_compact({"alg": "ES256"}, b"x", CURVE, algorithms=["ES256"])
                return base64.urlsafe_b64decode(made.split(".")[2] + "==")
        signer = STRANGER if how == "stranger" else key
        return bytes(signer.private_key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))


def _changed(standard: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in {**standard, **changes}.items() if said is not None}


def _b64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
