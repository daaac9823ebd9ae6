"""How a connection is protected: the server proves its name, or there is no connection.

Only a loopback address or a Unix socket may go without: nobody stands between.
"""

from pathlib import Path

from lamppost.errors import OperatorError

_HERE = Path(__file__).parent
# AWS's public bundle of regional RDS roots, and the roots behind RDS Proxy's ACM certificates.
RDS_BUNDLE = str(_HERE / "rds-ca.pem")
PROXY_BUNDLE = str(_HERE / "rds-proxy-ca.pem")


def parameters(host: str, *, proxy: bool = False, bundle: str | None = None) -> dict[str, str]:
    """The libpq parameters that protect a connection to `host`.

    `bundle` (DB_SSL_ROOT_CERT) replaces the shipped certificates, and asks for TLS on loopback
    too. Raises `OperatorError` when that file is missing: libpq would say it less clearly.
    """
    if bundle is None and local(host):
        # `prefer`, so that a tunnel to a server that insists on TLS works. Whoever else listens
        # on the port may be given a proof of the password, never the password.
        return {"sslmode": "prefer", "require_auth": "!password"}
    if bundle is not None and not Path(bundle).is_file():
        raise OperatorError(
            f"DB_SSL_ROOT_CERT names {bundle!r}, which is not a file",
            fix="name a PEM file of certificates, or unset it to use the RDS bundle that is shipped",
        )
    root = bundle or (PROXY_BUNDLE if proxy else RDS_BUNDLE)
    return {"sslmode": "verify-full", "sslrootcert": root, "ssl_min_protocol_version": "TLSv1.2"}


def local(host: str) -> bool:
    """Whether `host` can only be this machine."""
    return host.startswith(("/", "@")) or host in ("localhost", "::1") or _loopback(host)


def _loopback(host: str) -> bool:
    parts = host.split(".")
    return (
        len(parts) == 4 and parts[0] == "127" and all(part.isdecimal() and int(part) < 256 for part in parts)
    )
