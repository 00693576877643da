"""
Explain a failure of TLS for `bluma doctor`.

Rule: TLS is judged by the outcome of a request. What to do follows from the reason that OpenSSL gives, and not from the
text of the error.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

__all__ = ["advise_on_tls", "find_tls_error"]

NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "HTTP_REQUEST"}
DATES = {9, 10}  # X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED
NAMES = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH


def find_tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """Return the failure of TLS that an error comes from, if any."""
    found = None
    while error is not None:
        found = error if isinstance(error, ssl.SSLError) else found  # the last one: aiohttp's own have no reason
        error = error.__cause__ or error.__context__
    return found


def advise_on_tls(problem: ssl.SSLError) -> str:
    """Return what to do about a failure of TLS."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        return _advise_on_certificate(problem.verify_code)
    if problem.reason in NO_TLS:
        return "The server speaks no TLS on this port: correct the scheme or the port of BLUMA_BASE_URL."
    return "The server or a proxy on the way refuses this version of TLS: update Python and its OpenSSL."


def _advise_on_certificate(code: int) -> str:
    if code in DATES:
        return "Check this machine's clock. If it is right, the server's certificate is out of date."
    if code in NAMES:
        return "The certificate is that of another host: correct the host of BLUMA_BASE_URL."
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        place = os.environ.get(variable)
        if place and not Path(place).exists():
            return f"{variable} is {place}, which does not exist: correct it, or unset it."
    return "Install the certificate of your company's proxy, or set SSL_CERT_FILE to the file that has it."
