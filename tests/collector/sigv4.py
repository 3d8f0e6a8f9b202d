"""Whether a request carries a valid AWS Signature Version 4."""

import hashlib
import hmac
import re


def service_signed_for(request, access_key, secret_key):
    """The service that the request is signed for; fails if the signature is not one of these credentials over this very body."""
    pattern = r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})"
    matched = re.fullmatch(pattern, request.headers["authorization"])
    assert matched, request.headers
    key, day, region, service, signed, signature = matched.groups()
    assert key == access_key
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in signed.split(";"))
    canonical = "\n".join(["POST", request.path, "", headers, signed, hashlib.sha256(request.body).hexdigest()])
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    secret = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    assert hmac.digest(secret, text.encode(), "sha256").hex() == signature, "the signature is of something else"
    return service
