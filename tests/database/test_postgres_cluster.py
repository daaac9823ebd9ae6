"""The embedded server: started, killed, found again."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lamppost.errors import OperatorError
from lamppost.local.postgres import account, address, binaries, postmaster, template
from lamppost.local.postgres.cluster import Cluster

Make = Callable[..., Cluster]

OLDEST = 15
# Ours, and whatever Debian has installed beside it.
SERVERS = (
    binaries.find(),
    *(
        programs
        for programs in sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if int(programs.parent.name) >= OLDEST and (programs / "initdb").exists()
    ),
)
SUPERVISOR = """
import os, sys
from pathlib import Path
from lamppost.local.postgres.cluster import Cluster
cluster = Cluster(Path(sys.argv[1]), changes={"fsync": "off"})
cluster.launch()
cluster.ready()
print(cluster._pid(), flush=True)
sys.stdin.read()
"""

BUSY = """
import sys
import psycopg
connection = psycopg.connect(sys.argv[1])
with connection.cursor() as cursor:
    print("on it", flush=True)
    cursor.execute("select count(*) from generate_series(1, 20000) a, generate_series(1, 20000) b,"
                   " generate_series(1, 20000) c")
"""
# A machine that allows no namespaces: whatever should run in one fails.
FORBIDDEN = ("false",)


def started(cluster: Cluster) -> Cluster:
    cluster.launch()
    cluster.ready()
    return cluster


def ask(cluster: Cluster, query: str) -> Any:
    with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchone() if cursor.description else None


def pid(cluster: Cluster) -> int:
    return int((cluster.data / "postmaster.pid").read_text().splitlines()[0])


def ended(cluster: Cluster) -> None:
    """Wait until the server that it began is gone."""
    assert cluster._child is not None
    cluster._child.wait(10)


def test_a_new_cluster_serves_on_the_loopback_address_with_a_password(
    tmp_path: Path, make_cluster: Make
) -> None:
    cluster = started(make_cluster(tmp_path))
    assert ask(cluster, "select current_user, current_setting('timezone')") == ("lamppost", "UTC")
    assert ask(cluster, "show listen_addresses") == ("127.0.0.1",)
    assert ask(cluster, "select encoding, datcollate from pg_database where datname = 'postgres'") == (6, "C")
    wrong = cluster.dsn("postgres", user="lamppost", password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_what_holds_the_password_is_for_its_owner_only(tmp_path: Path, make_cluster: Make) -> None:
    cluster = started(make_cluster(tmp_path / "data"))
    written = cluster.folder / address.FILE
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert json.loads(written.read_text())["password"] == cluster.password
    assert cluster.password not in " ".join(postmaster.command_line(pid(cluster)))
    assert cluster.password not in cluster.log.path.read_text()


def test_a_restart_keeps_the_port_and_the_data(tmp_path: Path, make_cluster: Make) -> None:
    cluster = started(make_cluster(tmp_path))
    port = cluster.port
    ask(cluster, "create table kept as select 42 as it")
    cluster.stop()
    assert not cluster.alive()
    again = started(make_cluster(tmp_path))
    assert (again.port, ask(again, "select it from kept")) == (port, (42,))


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path, make_cluster: Make) -> None:
    cluster = started(make_cluster(tmp_path))
    cluster.stop()
    with socket.socket() as taker:
        taker.bind(("127.0.0.1", cluster.port))
        taker.listen()
        again = started(make_cluster(tmp_path))
        assert again.port != taker.getsockname()[1]
        assert ask(again, "select 1") == (1,)


def test_a_chosen_port_that_is_taken_is_said_with_the_servers_words(
    tmp_path: Path, make_cluster: Make
) -> None:
    with socket.socket() as taker:
        taker.bind(("127.0.0.1", 0))
        taker.listen()
        cluster = make_cluster(tmp_path, port=taker.getsockname()[1])
        cluster.launch()
        with pytest.raises(OperatorError, match="Address already in use") as refused:
            cluster.ready()
    assert refused.value.code == "postgres_port"


def test_data_survive_a_killed_postmaster(tmp_path: Path, make_cluster: Make) -> None:
    cluster = started(make_cluster(tmp_path))
    ask(cluster, "create table kept as select 42 as it")
    os.kill(pid(cluster), signal.SIGKILL)
    ended(cluster)
    assert not cluster.alive()
    started(cluster)
    assert ask(cluster, "select it from kept") == (42,)


def test_a_start_waits_for_a_backend_that_is_too_busy_to_notice_that_its_server_died(
    tmp_path: Path, make_cluster: Make
) -> None:
    cluster = started(make_cluster(tmp_path))
    busy = subprocess.Popen([sys.executable, "-c", BUSY, cluster.dsn("postgres")], stdout=subprocess.PIPE)
    assert busy.stdout is not None
    busy.stdout.readline()
    counting = "select count(*) from pg_stat_activity where state = 'active' and query like '%20000%'"
    while ask(cluster, f"{counting} and pid <> pg_backend_pid()") != (1,):
        pass
    os.kill(pid(cluster), signal.SIGKILL)
    ended(cluster)
    cluster.launch()
    ended(cluster)  # refused: the busy one is still there
    busy.kill()
    busy.wait()
    cluster.ready()
    assert ask(cluster, "select 1") == (1,)


def test_a_server_that_outlived_its_supervisor_is_taken_over(tmp_path: Path, make_cluster: Make) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert supervisor.stdout is not None
    server = int(supervisor.stdout.readline())
    supervisor.kill()
    supervisor.wait()
    cluster = started(make_cluster(tmp_path))
    assert cluster.adopted
    assert pid(cluster) == server
    assert ask(cluster, "select 1") == (1,)
    cluster.stop()
    assert postmaster.command_line(server) == ()


def test_a_survivor_with_other_settings_is_replaced(tmp_path: Path, make_cluster: Make) -> None:
    started(make_cluster(tmp_path)).leave()
    cluster = started(make_cluster(tmp_path, changes={"fsync": "off", "work_mem": "11MB"}))
    assert not cluster.adopted
    assert ask(cluster, "show work_mem") == ("11MB",)


def test_a_second_supervisor_is_sent_away_and_told_by_whom(tmp_path: Path, make_cluster: Make) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert supervisor.stdout is not None
    supervisor.stdout.readline()
    try:
        with pytest.raises(OperatorError, match=f"process {supervisor.pid}") as refused:
            make_cluster(tmp_path).launch()
        assert refused.value.code == "postgres_running"
    finally:
        supervisor.kill()
        supervisor.wait()
        make_cluster(tmp_path).launch()


def test_a_lock_file_whose_pid_is_someone_else_now_hurts_neither_him_nor_us(
    tmp_path: Path, make_cluster: Make
) -> None:
    cluster = started(make_cluster(tmp_path))
    cluster.stop()
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (cluster.data / "postmaster.pid").write_text(f"{bystander.pid}\n{cluster.data}\n0\n{cluster.port}\n")
    assert ask(started(cluster), "select 1") == (1,)
    assert bystander.poll() is None
    bystander.communicate(b"\n")


def test_data_of_another_major_version_are_refused_by_name(tmp_path: Path, make_cluster: Make) -> None:
    cluster = started(make_cluster(tmp_path))
    cluster.stop()
    (cluster.data / "PG_VERSION").write_text("13\n")
    with pytest.raises(OperatorError, match=rf"PostgreSQL 13.* PostgreSQL {cluster.version}") as refused:
        cluster.launch()
    assert binaries.BINDIR in refused.value.fix


def test_a_start_that_fails_tells_what_the_server_said(tmp_path: Path, make_cluster: Make) -> None:
    cluster = make_cluster(tmp_path, changes={"shared_buffers": "a lot"})
    cluster.launch()
    with pytest.raises(OperatorError, match="shared_buffers"):
        cluster.ready()
    assert not cluster.alive()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, make_cluster: Make) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match=r"nothing can be written in .*file/data") as refused:
        make_cluster(tmp_path / "file" / "data").launch()
    assert refused.value.code == "postgres_folder"


def test_two_first_starts_at_once_share_one_template(
    tmp_path: Path, make_cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    environment = {**os.environ}
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, tmp_path / str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        for number in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline().strip().isdigit()
    assert len(list((tmp_path / "cache" / "lamppost").iterdir())) == 1
    passwords = set()
    for number, racer in enumerate(racers):
        racer.kill()
        racer.wait()
        cluster = started(make_cluster(tmp_path / str(number)))
        passwords.add(cluster.password)
        assert ask(cluster, "select 1") == (1,)
    assert len(passwords) == 1


def test_a_template_that_a_cleaner_nibbled_at_is_made_anew(
    tmp_path: Path, make_cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    started(make_cluster(tmp_path / "one")).stop()
    (cached,) = (tmp_path / "cache" / "lamppost").iterdir()
    (cached / "data" / "global" / "pg_control").unlink()
    assert ask(started(make_cluster(tmp_path / "two")), "select 1") == (1,)


def test_a_first_start_that_died_half_way_is_begun_again(tmp_path: Path, make_cluster: Make) -> None:
    (tmp_path / "cluster.new").mkdir()
    (tmp_path / "cluster.new" / "PG_VERSION").write_text("18\n")
    address.write(tmp_path, address.Address(1, "of the one that died"))
    assert ask(started(make_cluster(tmp_path)), "select 1") == (1,)


def test_without_a_home_each_cluster_has_a_password_of_its_own(
    tmp_path: Path, make_cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template, "cache", lambda: None)
    one, two = started(make_cluster(tmp_path / "1")), started(make_cluster(tmp_path / "2"))
    assert one.password != two.password


def test_files_belong_to_whoever_starts_it_and_only_roots_server_is_nobody_to_itself(
    tmp_path: Path, make_cluster: Make
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    cluster = started(make_cluster(closed / "data"))
    assert (cluster.data / "base").stat().st_uid == os.geteuid()
    apart = Path(f"/proc/{pid(cluster)}/ns/user").readlink() != Path("/proc/self/ns/user").readlink()
    assert apart == (os.geteuid() == 0)


def test_where_namespaces_are_forbidden_no_server_is_roots(
    make_cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "NAMESPACE", FORBIDDEN)
    # pytest's own folders are closed to others, so this one lies elsewhere.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        cluster = started(make_cluster(folder))
        assert cluster.data.stat().st_uid != 0
        assert ask(cluster, "select 1") == (1,)
        assert Path(f"/proc/{pid(cluster)}").stat().st_uid != 0
        cluster.stop()
    finally:
        subprocess.run(["rm", "-rf", folder], check=True)


def test_nobody_cannot_reach_a_closed_folder_and_root_is_told_so(
    tmp_path: Path, make_cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "NAMESPACE", FORBIDDEN)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    (tmp_path / "closed").mkdir(mode=0o700)
    with pytest.raises(OperatorError, match="may not enter") as refused:
        make_cluster(tmp_path / "closed" / "data").launch()
    assert refused.value.code == "postgres_root"


@pytest.mark.parametrize("programs", SERVERS, ids=str)
def test_every_postgresql_of_this_machine_will_do(programs: Path, tmp_path: Path, make_cluster: Make) -> None:
    from lamppost.migrate.apply import apply
    from lamppost.migrate.files import discover
    from lamppost.migrate.provision import provision

    cluster = started(make_cluster(tmp_path, programs=programs))
    assert int(cluster.version.partition(".")[0]) >= OLDEST
    for _ in range(2):
        provision(cluster.dsn("postgres"), "shop", ["shop"], "pw")
        apply(cluster.dsn("shop"), discover([]), role="shop_migrator")
    with psycopg.connect(cluster.dsn("shop", user="shop_app", password="pw")) as connection:
        assert connection.execute("select lamppost.now() = now()").fetchone() == (True,)


def test_the_operators_own_programs_come_first_and_a_wrong_path_is_said(tmp_path: Path) -> None:
    (tmp_path / "postgres").touch()
    assert binaries.find({binaries.BINDIR: str(tmp_path)}) == tmp_path
    with pytest.raises(OperatorError, match="no program `postgres`"):
        binaries.find({binaries.BINDIR: str(tmp_path / "nowhere")})


def test_a_url_may_hold_any_letter() -> None:
    made = address.Address(5432, "p@ss:w/rd?#%").dsn("app data")
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(made)
    assert (parts["password"], parts["dbname"]) == ("p@ss:w/rd?#%", "app data")
