"""What is packed runs: zips and layers unpacked as on Lambda, under AWS's runtime client, no repository near.

The layers are made for this machine by the code that makes them for arm64, from the same lock.
"""

import json
import subprocess
import sys

import pytest

from lamppost.declare import names
from lamppost.pack.assets import pack
from lamppost.pack.layers import LAYERS
from tests.contracts.fake_settings import Shop, Sidecar, beside, served
from tests.database.db_server import running
from tests.lambda_box import box
from tests.packing import HERE, package_store, repository_manifest, unpack, wheel_store
from tests.running import ROOT

JOHN = {"firstName": "John", "lastName": "Doe", "dateOfBirth": "1990-03-01", "timezone": "Asia/Tokyo"}

IMPORT_ALL = """
import sys
from importlib import import_module
from pathlib import Path

failed = []
top = Path(sys.argv[1])
for path in sorted(top.rglob("*.py")):
    parts = path.relative_to(top).with_suffix("").parts
    if parts[0] in ("lamppost", "services") and parts != ("lamppost", "runtime", "entry"):
        try:
            import_module(".".join(parts).removesuffix(".__init__"))
        except Exception as error:
            failed.append(f"{path}: {type(error).__name__}: {error}")
files = {name: str(getattr(module, "__file__", "")) for name, module in sys.modules.items()}
strangers = [name for name, file in files.items() if "site-packages" in file]
print(*failed, *strangers, sep="\\n", end="")
"""
USE_LIBRARIES = """
import cryptography.hazmat.primitives.asymmetric.ed25519 as ed25519, joserfc.jwt, pycurl
from lamppost.migrate.lint.parse import query
from lamppost.delivery import sending
from joserfc.jwk import OctKey

key = ed25519.Ed25519PrivateKey.generate()
key.public_key().verify(key.sign(b"words"), b"words")
secret = OctKey.import_key("a-secret-of-thirty-two-characters")
token = joserfc.jwt.encode({"alg": "HS256"}, {"sub": "john"}, secret)
print(len(token.split(".")), pycurl.version.split("/")[0], query("select 1")[0][0])
"""


@pytest.fixture(scope="module")
def packed():
    return pack(ROOT, repository_manifest(), package_store(), store=wheel_store(), target=HERE)


@pytest.fixture(scope="module")
def opt(packed, tmp_path_factory):
    """Every layer, unpacked in one folder as Lambda does."""
    folder = tmp_path_factory.mktemp("opt")
    for layer in LAYERS:
        unpack(packed.asset(layer.name).path, folder)
    return folder / "python"


def run(program, *arguments, path, cwd):
    done = subprocess.run(
        [sys.executable, "-S", "-s", "-c", program, *map(str, arguments)],
        env={"PYTHONPATH": ":".join(map(str, path))}, cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip(), done.stderr


def test_every_module_of_the_layers_finds_what_it_imports(opt, tmp_path):
    assert run(IMPORT_ALL, opt, path=[opt], cwd=tmp_path) == ("", "")


def test_every_module_of_a_package_finds_what_it_imports(packed, opt, tmp_path):
    for asset in (asset for asset in packed.assets if asset.kind == "service"):
        task = tmp_path / asset.name
        unpack(asset.path, task)
        assert run(IMPORT_ALL, task, path=[task, opt], cwd=tmp_path) == ("", ""), asset.name


def test_the_libraries_work_without_their_symbols(opt, tmp_path):
    assert run(USE_LIBRARIES, path=[opt], cwd=tmp_path) == ("3 PycURL SelectStmt", "")


def test_the_packages_migrate_a_database_and_serve_a_request(packed, tmp_path):
    shop = Shop()
    manifest = repository_manifest()
    with (
        running(tmp_path / "postgres") as cluster,
        beside(Sidecar(shop)) as port,
        served(shop) as endpoint,
    ):
        place = {
            "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(port),
            # Past the extension's cache the migrator asks Secrets Manager itself.
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_SESSION_TOKEN": "a-session",
        }
        server = {"host": "127.0.0.1", "port": cluster.port}

        def keep(secret, user, password, database):
            words = {"username": user, "password": password, "dbname": database, **server}
            shop.secrets[names.physical(secret, names.LOCAL_ENV)] = json.dumps(words)

        keep(names.ADMINISTRATOR, *cluster_account(cluster), "postgres")
        for name, (entry, _) in manifest.databases().items():
            keep(entry.secret, f"{name}_app", "a-word", name)
        with box(tmp_path / "migrator", packed, "migrator.migrator", place) as migrator:
            done = migrator.invoke({"action": "apply"})
            assert done["applied"], migrator.log()
        with box(tmp_path / "api", packed, "birthday.api", place) as api:
            made = api.invoke(request("POST /user", JOHN))
            assert made["statusCode"] == 201, (made, api.log())
            person = json.loads(made["body"])
            shown = api.invoke(request("GET /user/{id}", None, id=person["id"]))
            assert (shown["statusCode"], json.loads(shown["body"])) == (200, person)


def cluster_account(cluster):
    from psycopg.conninfo import conninfo_to_dict

    account = conninfo_to_dict(cluster.dsn("postgres"))
    return account["user"], account.get("password", "")


def request(route, body, **parameters):
    method, _, path = route.partition(" ")
    path = path.format(**parameters)
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "pathParameters": parameters,
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "127.0.0.1"},
            "requestId": "1",
            "stage": "$default",
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
