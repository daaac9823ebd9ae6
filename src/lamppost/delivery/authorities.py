"""The certificate authorities of this machine: pycurl's wheel was built where they stand elsewhere."""

from collections.abc import Mapping
from pathlib import Path

# Debian and Ubuntu, Amazon Linux (Lambda), Alpine and macOS.
PLACES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def file(environment: Mapping[str, str]) -> str | None:
    """`SSL_CERT_FILE`, else the first bundle there is; None leaves libcurl to its own, which fails closed."""
    places = (environment.get("SSL_CERT_FILE", ""), *PLACES)
    return next((place for place in places if place and Path(place).is_file()), None)
