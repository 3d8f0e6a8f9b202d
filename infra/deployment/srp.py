"""Signs in to Cognito as browsers do, by SRP: the password never leaves, and no client needs USER_PASSWORD_AUTH.

SRP-6a (RFC 5054) over the 3072-bit group of RFC 3526, with HKDF (RFC 5869) as Cognito does it; the canary's script in
infra/observability/template.yaml is the same in JavaScript. Written out, since the library for it (pycognito) had its last release in 2024.
"""

import base64
import datetime
import hashlib
import hmac
import secrets

N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C2"
    "45E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24"
    "CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F"
    "4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85"
    "A6E1E4C7ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E208E24F"
    "A074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G = 2


def sign_in(cognito, pool, client, username, password):
    """The ID token of a user whose password is set for good. `cognito` is a client of boto3."""
    secret = int.from_bytes(secrets.token_bytes(128))
    public = pow(G, secret, N)
    given = cognito.initiate_auth(
        AuthFlow="USER_SRP_AUTH", ClientId=client, AuthParameters={"USERNAME": username, "SRP_A": f"{public:x}"}
    )["ChallengeParameters"]  # fmt: skip
    user, pool_name, block = given["USER_ID_FOR_SRP"], pool.split("_", 1)[1], given["SECRET_BLOCK"]
    key = session_key(secret, public, int(given["SRP_B"], 16), int(given["SALT"], 16), f"{pool_name}{user}:{password}")
    now = datetime.datetime.now(datetime.timezone.utc)
    # In English whatever the locale, and the day without a leading zero.
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[now.weekday()]
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[now.month - 1]
    timestamp = f"{day} {month} {now.day} {now:%H:%M:%S} UTC {now.year}"
    message = f"{pool_name}{user}".encode() + base64.b64decode(block) + timestamp.encode()
    answer = cognito.respond_to_auth_challenge(
        ChallengeName="PASSWORD_VERIFIER", ClientId=client,
        ChallengeResponses={
            "USERNAME": user, "PASSWORD_CLAIM_SECRET_BLOCK": block, "TIMESTAMP": timestamp,
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(hmac.digest(key, message, "sha256")).decode(),
        },
    )  # fmt: skip
    return answer["AuthenticationResult"]["IdToken"]


def session_key(secret, public, theirs, salt, identity):
    """The 16 bytes that sign the answer; `identity` is "<pool><user>:<password>"."""
    u = number(padded(public) + padded(theirs))
    x = number(padded(salt) + hashlib.sha256(identity.encode()).digest())
    k = number(padded(N) + padded(G))
    shared = pow((theirs - k * pow(G, x, N)) % N, secret + u * x, N)
    extracted = hmac.digest(padded(u), padded(shared), "sha256")
    return hmac.digest(extracted, b"Caldera Derived Key\x01", "sha256")[:16]


def padded(value):
    """Big-endian, with a zero byte before where the first bit is set: numbers are signed there."""
    return value.to_bytes(value.bit_length() // 8 + 1)


def number(data):
    return int.from_bytes(hashlib.sha256(data).digest())
