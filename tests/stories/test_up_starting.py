"""`lamppost up` begins: what it says when it can, and what it says when it cannot."""

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lamppost.local.postgres.cluster import Cluster
from tests.repository import Repository
from tests.running import LAMPPOST, ROOT, House, until


def refused(data: Path, *flags: str, root: Path = ROOT) -> dict[str, str]:
    """Try to start; the error it ends with (exit code 1, nothing on stdout)."""
    command = [str(LAMPPOST), "up", "--data", str(data), *flags]
    for flag in {"--port", "--aws-port"} - set(flags):
        command += [flag, "0"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    error = json.loads(done.stderr.splitlines()[-1])
    assert set(error) == {"error", "fix", "code"}
    assert error["fix"]
    return error


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Cluster]:
    """A PostgreSQL that somebody else runs."""
    server = Cluster(tmp_path / "theirs")
    server.launch()
    try:
        server.ready()
        yield server
    finally:
        server.stop()


def left_running(data: Path) -> list[str]:
    """Command lines of processes that work on `data`."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                inside = str((folder / "cwd").readlink())
            except OSError:
                continue
            if str(data) in line or inside.startswith(str(data)):
                found.append(line)
    return found


def test_the_first_line_tells_where_everything_is(house: House):
    assert {"apis", "console", "inbox", "aws", "postgres", "pid"} <= set(house.running)
    assert "token" not in house.running
    assert house.process is not None
    assert house.running["pid"] == house.process.pid
    assert house.running["apis"]["birthday"].startswith("http://127.0.0.1:")
    assert house.ask("GET", house.running["inbox"]).status == 200


def test_it_listens_on_the_loopback_interface_only(house: House):
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=False).stdout
    pids = {f"pid={pid}," for pid in family(house.running["pid"])}
    ours = [line.split()[3] for line in listening.splitlines() if any(pid in line for pid in pids)]
    assert len(ours) >= 4
    assert all(address.startswith("127.0.0.1:") for address in ours), ours


def test_a_second_one_on_the_same_data_is_told_who_has_it(house: House):
    error = refused(house.data)
    assert error["code"] == "already_running"
    assert str(house.running["pid"]) in error["error"]
    assert house.running["console"] in error["error"]
    assert house.ask("GET", house.running["inbox"]).status == 200


@pytest.mark.parametrize("flag", ["--port", "--aws-port"])
def test_a_taken_port_is_said_and_nothing_stays_behind(tmp_path, flag):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = str(taken.getsockname()[1])
        error = refused(tmp_path / "data", flag, number)
    assert error["code"] == "port_taken"
    assert number in error["error"]
    assert flag in error["fix"]
    assert left_running(tmp_path / "data") == []


def test_a_mistake_in_a_declaration_names_its_line(tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.change("service.py", 'name="fail"', 'name="no/such name"')
    error = refused(tmp_path / "data", root=repository.root)
    assert error["code"] == "author"
    assert "no/such name" in error["error"]
    repository.write("service.py", "import nowhere")
    error = refused(tmp_path / "data", root=repository.root)
    assert "nowhere" in error["error"]
    assert "service.py:1" in error["error"]
    assert left_running(tmp_path / "data") == []


def test_a_folder_without_services_is_said(tmp_path):
    assert "no services" in refused(tmp_path / "data", root=tmp_path)["error"]


def test_a_failing_migration_stops_the_start_and_the_mended_one_goes_on(new_house, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.migrate("2025-11-02T0900", "broken", "alter table shop.nowhere add column x int;")
    error = refused(tmp_path / "data", root=repository.root)
    assert "broken" in error["error"]
    assert "nowhere" in error["error"]
    assert left_running(tmp_path / "data") == []
    repository.migrate("2025-11-02T0900", "broken", "alter table shop.orders add column x int;")
    house = new_house(root=repository.root).up()
    assert house.ask("POST", "/order", {}, api="shop").status == 201


def test_a_data_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "data").write_text("a letter")
    assert refused(tmp_path / "data")["code"] == "data_folder"


def test_a_data_folder_that_cannot_be_written_is_refused():
    error = refused(Path("/proc/lamppost"))
    assert error["code"] == "data_folder"
    assert "--data" in error["fix"]


def test_a_home_a_repository_and_data_with_spaces_and_quotes(new_house, tmp_path, monkeypatch):
    home = tmp_path / 'o\'home of "ada"'
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    repository = Repository(tmp_path / "my own %25 repository")
    house = new_house("the data; of $HOME", root=repository.root, furnished=False).up()
    assert house.ask("GET", "/hello", api="shop").json == {"says": "hello"}
    assert house.ask("POST", "/order", {}, api="shop").status == 201


def test_an_operators_own_server_is_used_and_left_alone(new_house, theirs, tmp_path):
    repository = Repository(tmp_path / "repository")
    url = theirs.dsn("postgres")
    house = new_house(root=repository.root, flags=("--postgres", url)).up()
    assert house.ask("POST", "/order", {}, api="shop").status == 201
    assert house.running["postgres"] == url
    assert not (house.data / "postgres").exists()
    house.down()
    with psycopg.connect(theirs.dsn("shop")) as database:
        assert database.execute("select count(*) from shop.orders").fetchone() == (1,)


def test_an_operators_server_with_too_few_rights_is_refused(theirs, tmp_path):
    with psycopg.connect(theirs.dsn("postgres"), autocommit=True) as admin:
        admin.execute("create role weak login password 'hush-hush'")
    error = refused(
        tmp_path / "data", "--postgres", theirs.dsn("postgres", user="weak", password="hush-hush")
    )
    assert error["code"] == "postgres_rights"
    assert "weak" in error["fix"]
    assert "hush" not in json.dumps(error)


def test_an_ordinary_user_runs_it(tmp_path):
    """Root would run PostgreSQL in a namespace of its own; everyone else runs it as they are."""
    if os.geteuid() != 0:
        pytest.skip("whoever runs these tests is an ordinary user already: every other story shows it")
    nobody = pwd.getpwnam("nobody")
    start = _as_others_start_it()
    if start is None:
        pytest.skip("an ordinary user may enter neither this interpreter's home nor this repository")
    # Below /tmp itself: pytest's own folders are closed to others.
    place = Path("/tmp") / f"lamppost-nobody-{os.getpid()}"
    try:
        (place / "home").mkdir(parents=True)
        Repository(place / "repository")
        for path in (place, *place.rglob("*")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        command, environment = start
        command += ["up", "--port", "0", "--aws-port", "0", "--data", str(place / "data")]
        running = subprocess.Popen(
            command,
            cwd=place / "repository",
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            env={"HOME": str(place / "home"), "PATH": "/usr/bin:/bin", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            assert running.stdout is not None
            assert running.stderr is not None
            line = running.stdout.readline()
            assert line, running.stderr.read().decode()
            house = House(place / "data")
            house.running = json.loads(line)
            assert house.ask("POST", "/order", {}, api="shop").status == 201
        finally:
            running.terminate()
            running.communicate(timeout=40)
        assert running.returncode == 0
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _as_others_start_it() -> tuple[list[str], dict[str, str]] | None:
    """How a user who may not enter root's home starts it, and with which environment."""
    if all(map(_may_enter, (LAMPPOST, Path(sys.executable).resolve(), ROOT))):
        return [str(LAMPPOST)], {}
    # Our interpreter lies in a closed home; another one of the same version can load the same packages.
    twin = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    packages = Path(psycopg.__file__).parents[1]
    if not (twin.exists() and _may_enter(packages) and _may_enter(ROOT)):
        return None
    code = "from lamppost.cli.main import main; main()"
    return [str(twin), "-c", code], {"PYTHONPATH": f"{ROOT / 'src'}:{packages}"}


def _may_enter(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for each in found:
        try:
            found += [int(child) for child in Path(f"/proc/{each}/task/{each}/children").read_text().split()]
        except OSError:
            continue
    return found


def test_a_start_after_kill_9_takes_the_database_over(new_house):
    house: House = new_house().up()
    person = house.register()
    house.kill()
    assert until(lambda: left_running(house.data / "postgres"))
    house.up()
    assert house.ask("GET", f"/user/{person['id']}").status == 200
