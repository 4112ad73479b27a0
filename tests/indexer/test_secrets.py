"""What is masked and what is not. Secrets are put together here so that scanners do not find them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.secrets import mask

R = "q7Rk2mZ9xT4vB8nL1pW6sY3dF5gH0jKa"  # random-looking, 32 characters
HEX = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"  # 32 characters

# name -> (text before, the secret, text after, whether the file is a settings file)
PLANTED: list[tuple[str, str, str, bool]] = [
    ("aws_id = '", "AKI" + "A" + "Z7Q2MX4LT9BW6KSD", "'", False),
    ("temporary: ", "ASI" + "A" + "Z7Q2MX4LT9BW6KSD", "", True),
    ('aws_secret_access_key = "', R + "/+Ab12Cd", '"', False),
    ("aws_secret_access_key = ", R + "/+Ab12Cd", "", True),
    ("x = '", "gh" + "p_" + R + "aB3d", "'", False),
    ("x = '", "gh" + "s_" + R + "aB3d", "'", False),
    ("x = '", "github" + "_pat_" + R + R, "'", False),
    ("url: ", "glp" + "at-" + R[:20], "", False),
    ("bot('", "xox" + "b-123456789012-" + R[:24], "')", False),
    ("post('https://hooks.slack.com/services/", "T0AB12CD3/B0EF45GH6/" + R[:24], "')", False),
    ("k = '", "AI" + "za" + R + "xYz", "'", False),
    ("k = '", "ya" + "29." + R, "'", False),
    ("k = '", "GOC" + "SPX-" + R[:28], "'", False),
    ("k = '", "sk_" + "live_" + R[:24], "'", False),
    ("k = '", "rk_" + "live_" + R[:24], "'", False),
    ("k = '", "wh" + "sec_" + R, "'", False),
    ("k = '", "sk-" + "proj-" + R, "'", False),
    ("k = '", "sk-" + "ant-" + R, "'", False),
    ("k = '", "hf" + "_" + R + "Qw", "'", False),
    ("k = '", "np" + "m_" + R + "Qw12", "'", False),
    ("k = '", "pyp" + "i-Ag" + R + R, "'", False),
    ("k = '", "SG" + "." + R[:22] + "." + R, "'", False),
    ("k = '", "S" + "K" + HEX, "'", False),
    ("k = '", "ke" + "y-" + HEX, "'", False),
    ("k = '", "do" + "p_v1_" + HEX + HEX, "'", False),
    ("k = '", "shp" + "at_" + HEX, "'", False),
    ("k = '", "123456789" + ":AA" + R, "'", False),
    ("k = '", "dap" + "i" + HEX, "'", False),
    ("k = '", "hv" + "s." + R, "'", False),
    ("k = '", "AGE-SECRET" + "-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2, "'", False),
    ("Endpoint=x;AccountKey=", R + R + "==", ";", False),
    ("t = '", "ey" + "JhbGciOiJIUzI1NiJ9." + "ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0." + R, "'", False),
    ("headers = {'Authorization': 'Bearer ", R, "'}", False),
    ("Authorization: Basic ", "dXNlcjpodW50ZXIyMTIz", "", True),
    ("DSN = 'postgresql://app:", "s3cr3t-Pw", "@db.example.org/x'", False),
    ("redis://:", "hunter2hunter2", "@localhost:6379/0", True),
    ("password = '", "hunter2!", "'", False),
    ("    'PASSWORD': '", "correcthorse", "',", False),
    ('db(host, password="', "Tr0ub4dor&3", '")', False),
    ("passwd: str = '", "opensesame", "'", False),
    ("DB_PASSWORD=", "hunter2hunter2", "", True),
    ("  password: ", "hunter2", "", True),
    ('SECRET_KEY = "', "dj" + "ango-insecure-" + R, '"', False),
    ("api_key = '", R, "'", False),
    ('{"apiKey": "', R, '"}', False),
    ("client_secret: '", R, "'", False),
    ("auth_token = b'", R, "'", False),
    ("if token == '", R, "':", False),
    ("os.environ['API_KEY'] = '", R, "'", False),
    ("export GITHUB_TOKEN=", R, "", True),
    (
        "-----BEGIN RSA PRIVATE" + " KEY-----\n",
        "MIIEpAIBAAKCAQEA" + R,
        "\n-----END RSA PRIVATE" + " KEY-----",
        False,
    ),
    (
        "-----BEGIN PGP PRIVATE" + " KEY BLOCK-----\n",
        "lQOYBF" + R,
        "\n-----END PGP PRIVATE" + " KEY BLOCK-----",
        False,
    ),
]

ORDINARY = """
password = getpass.getpass("Password: ")
password = config.password
password = None
password: str | None = None
def login(user: str, password: str = "") -> Token:
token = next(tokens)
token = self.tokens[self.position]
token_type = "identifier"
token = "identifier"
if token == "==":
TOKEN_URL = "https://example.org/oauth/token"
secret_name = "projects/one/secrets/two"
api_key = os.environ["API_KEY"]
api_key = os.getenv("API_KEY", "")
password = f"{user.password}"
password = "{password}"
password = "<your password>"
password_field = "password"
{"password": "password"}
"token": token,
tokens = tokenizer.encode(text)
parser.add_argument("--token", help="access token of the service")
raise ValueError("password: must not be empty")
secret = derive_key(master, salt)
url = "https://example.org:8080/path?x=1"
email = "someone@example.org"
url = f"postgresql://{user}:{password}@{host}/{name}"
sk_learn = import_module("sklearn")
key = "sha256:" + digest
task-force = 1
class TokenStream(Generic[T]):
    PASSWORD = auto()
self.secret_key = secret_key
assert response.token is not None
max_tokens = 4096
n_tokens: int = 128
"""

SETTINGS = """
token_limit: 4096
password: ${DB_PASSWORD}
password: {{ vault.password }}
secret: true
tokens = 128
password =
api_key: null
"""


@pytest.mark.parametrize("planted", PLANTED, ids=lambda p: f"{p[0].strip()[:24]}")
def test_no_part_of_the_line_but_the_secret_is_masked(planted: tuple[str, str, str, bool]) -> None:
    before, secret, after, config = planted
    masked = mask((before + secret + after).encode(), config=config).decode()
    assert len(masked) == len(before + secret + after)
    assert masked.startswith(before[:4]), "names stay readable"


def test_at_least_95_percent_of_the_planted_secrets_are_gone() -> None:
    assert len(PLANTED) >= 40
    left = []
    for before, secret, after, config in PLANTED:
        text = f"import os\n{before}{secret}{after}\nx = 1\n"
        masked = mask(text.encode(), config=config).decode()
        if any(secret[i : i + 8] in masked for i in range(len(secret) - 7)) or secret in masked:
            left.append(before + secret)
    assert len(left) <= 0.05 * len(PLANTED), left


@pytest.mark.parametrize("line", ORDINARY.strip().splitlines())
def test_ordinary_code_is_not_masked(line: str) -> None:
    assert mask(line.encode()) == line.encode()


@pytest.mark.parametrize("line", SETTINGS.strip().splitlines())
def test_ordinary_settings_are_not_masked(line: str) -> None:
    assert mask(line.encode(), config=True) == line.encode()


@given(
    st.binary(max_size=400)
    | st.lists(st.sampled_from([p[0] + p[1] + p[2] for p in PLANTED])).map(lambda x: "\n".join(x).encode())
)
def test_masking_keeps_length_and_line_ends_and_is_stable(data: bytes) -> None:
    for config in (False, True):
        masked = mask(data, config=config)
        assert len(masked) == len(data)
        assert [i for i, b in enumerate(masked) if b in b"\r\n"] == [
            i for i, b in enumerate(data) if b in b"\r\n"
        ]
        assert all(new == old or new == ord("*") for new, old in zip(masked, data, strict=True))


def test_planted_secrets_are_not_in_the_index(bench: Any) -> None:
    canary = "canary_4f1d_that_must_not_be_read"
    for name in (
        ".env",
        ".env.local",
        "server.pem",
        "id_rsa",
        "credentials.json",
        "deploy/secrets.yaml",
        ".netrc",
    ):
        bench.repository.write(name, f"KEY={canary}\n")
    for number, (before, secret, after, is_settings) in enumerate(PLANTED):
        bench.repository.write(
            f"planted/p{number}.{'cfg' if is_settings else 'py'}", f"{before}{secret}{after}\n"
        )
    bench.indexer().build()
    with bench.open() as snapshot:
        indexed = b"\0".join(snapshot.content(path) for path in snapshot.paths())
        facts = repr([snapshot.facts(path) for path in snapshot.paths()]).encode()
    stored = b"\0".join(place.read_bytes() for place in bench.directory.rglob("*") if place.is_file())
    assert canary.encode() not in indexed + facts + stored
    leaked = [secret for _, secret, _, _ in PLANTED if secret.encode() in indexed + facts + stored]
    assert len(PLANTED) >= 40
    assert len(leaked) <= 0.05 * len(PLANTED), leaked
