"""Certificates for the TLS doors, made anew for each run: one authority, and leaves good and bad."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lamppost.errors import OperatorError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

DAY = datetime.timedelta(days=1)
HERE = ("localhost", "127.0.0.1")


class Authority:
    """Signs certificates. Its own is `folder/ca.pem`: who trusts that trusts the good ones."""

    def __init__(self, folder: Path) -> None:
        try:
            from cryptography.hazmat.primitives.asymmetric import ec
        except ModuleNotFoundError as missing:
            raise OperatorError(
                "TLS doors need the package cryptography", fix="install lamppost[local]", code="extra_missing"
            ) from missing
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = "Lamppost receiver simulator"
        self.file = folder / "ca.pem"
        self.file.write_bytes(_pem(_certificate(self._name, self._key, self._name, self._key, names=())))

    def leaf(
        self,
        label: str,
        *,
        names: tuple[str, ...] = HERE,
        until: datetime.timedelta = 30 * DAY,
        self_signed: bool = False,
    ) -> Path:
        """A file with a certificate for `names` that holds until so long from now, and its key."""
        from cryptography.hazmat.primitives import serialization as written
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        signer = (label, key) if self_signed else (self._name, self._key)
        certificate = _certificate(label, key, *signer, names=names, until=until)
        path = self._folder / f"{label}.pem"
        path.touch(mode=0o600)
        secret = key.private_bytes(written.Encoding.PEM, written.PrivateFormat.PKCS8, written.NoEncryption())
        path.write_bytes(secret + _pem(certificate))
        return path


def _certificate(
    subject: str, key: "EllipticCurvePrivateKey", issuer: str, issuer_key: "EllipticCurvePrivateKey", *,
    names: tuple[str, ...], until: datetime.timedelta = 30 * DAY,
) -> "x509.Certificate":  # fmt: skip
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    now = datetime.datetime.now(datetime.UTC)
    building = (
        x509.CertificateBuilder()
        .subject_name(_called(subject))
        .issuer_name(_called(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 60 * DAY)
        .not_valid_after(now + until)
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )
    if names:
        building = building.add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
    return building.sign(issuer_key, hashes.SHA256())


def _called(name: str) -> "x509.Name":
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _alternatives(names: tuple[str, ...]) -> "list[x509.GeneralName]":
    import ipaddress

    from cryptography import x509

    return [
        x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
        for name in names
    ]


def _pem(certificate: "x509.Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)
