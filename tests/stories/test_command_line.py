"""The `lamppost` command, as a person sees it in a terminal and as a program reads it."""

import json
import os
import pty
import re
import select
import subprocess
from pathlib import Path

import pytest

from lamppost.delivery import signing
from lamppost.pack.discover import discover
from tests.running import LAMPPOST, ROOT, House, until

GROUPS = ("clock", "db", "migrate", "params", "queue", "secrets")
COMMANDS = ("up", "down", "status", "invoke", "logs", *GROUPS)


def terminal(house: House | None, *arguments: str, keys: bytes = b"", after: str = "") -> tuple[int, str]:
    """Run a command in a terminal of its own; its exit code and everything it showed.

    `keys` are typed once `after` has been shown.
    """
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "110"}
    if house is not None:
        environment["LAMPPOST_DATA"] = str(house.data)
    pid, screen = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(LAMPPOST, [str(LAMPPOST), *arguments], environment)
    shown = b""
    watch = select.poll()
    watch.register(screen, select.POLLIN)
    try:
        while True:
            assert watch.poll(60_000), f"nothing more after {shown!r}"
            try:
                data = os.read(screen, 65536)
            except OSError:  # Linux: the other side has closed
                break
            if not data:
                break
            shown += data
            if keys and after.encode() in shown:
                os.write(screen, keys)
                keys = b""
    finally:
        os.close(screen)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode().replace("\r\n", "\n")


def run(*arguments: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"LAMPPOST_DATA": str(data)} if data else {})}
    return subprocess.run(
        [LAMPPOST, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=60,
        check=False,
    )


# --- learning


@pytest.mark.parametrize(
    "group", [(), *((name,) for name in COMMANDS)], ids=lambda name: "-".join(name) or "all"
)
def test_help_teaches_every_command(group):
    done = run(*group, "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert f"Usage: lamppost {' '.join(group)}".strip() in done.stdout
    for line in done.stdout.splitlines():
        assert len(line) <= 80
    if not group:
        assert all(re.search(rf"^│ {name} +\w", done.stdout, re.M) for name in COMMANDS)


def every_command() -> list[tuple[str, ...]]:
    from lamppost.cli.commands import app

    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        if name in GROUPS:
            found += [(name, sub) for sub in app[name] if not sub.startswith("-")]
        else:
            found.append((name,))
    return found


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_every_option_is_explained(command):
    """No option or argument without a word about it, and no noise about defaults that say nothing."""
    shown = run(*command, "--help").stdout
    assert "[default: False]" not in shown
    assert "[default: ()]" not in shown
    assert "--empty-" not in shown
    rows = re.findall(r"^│ (?:\* +)?((?:--?)?[A-Za-z][\w-]*)(.*)│$|^  (--[\w-]+)(.*)$", shown, re.M)
    assert rows
    for name, rest in (row[:2] if row[0] else row[2:] for row in rows):
        said = re.sub(r"\[.*?\]|--[\w-]+|-\w\b|\b[A-Z]+\b(\.\.\.)?", "", rest)
        assert re.search(r"[a-z]{3}", said), f"{' '.join(command)}: {name} is not explained"


def test_the_version_is_said():
    assert run("--version").stdout.strip() == "0.1.0"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("stauts",), "status"),
        (("queue", "pek"), "peek"),
        (("up", "--prot", "1"), "--port"),
        (("clok", "show"), "clock"),
    ],
)
def test_a_typing_error_is_met_with_what_was_meant(typed, meant):
    done = run(*typed)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f'Did you mean "{meant}"?' in done.stderr or f"Did you mean {meant}?" in done.stderr


@pytest.mark.parametrize(
    "typed", [("invoke",), ("up", "--port", "many"), ("queue", "peek"), ("params", "put", "/x")]
)
def test_wrong_usage_exits_with_two(typed):
    done = run(*typed)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr


# --- refusing


def test_a_program_reads_errors_as_json(tmp_path):
    done = run("status", data=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert json.loads(done.stderr) == {
        "error": f"nothing runs on {tmp_path}",
        "fix": "start it: lamppost up",
        "code": "not_running",
    }


def test_a_person_reads_what_is_wrong_how_to_mend_it_and_the_code(house):
    code, shown = terminal(house, "invoke", "bday-nobody")
    assert code == 1
    what, fix, name = re.sub(r"\x1b\[\d+m", "", shown).splitlines()
    assert what == "error there is no function 'bday-nobody'"
    assert "bday-dev-scheduler" in fix
    assert name.split() == ["code", "no_such_function"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("params", "get", "/no/such"), "setting_missing"),
        (("secrets", "get", "no/such"), "setting_missing"),
        (("queue", "peek", "no-such"), "queue_missing"),
        (("db", "url", "no_such"), "operator"),
        (("clock", "set", "tomorrow"), "operator"),
        (("clock", "advance", "-5m"), None),
        (("clock", "advance", "soon"), "operator"),
        (("clock", "set", "9999-12-31T00:00:00Z"), "operator"),
        (("invoke", "bday-scheduler", "--payload", "{"), "operator"),
        (("logs", "no-such"), "no_such_function"),
        (("logs", "--since", "ever"), "operator"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_refused_with_a_fix(house, arguments, code):
    done = house.run(*arguments, ok=False)
    assert "Traceback" not in done.stderr
    if code is None:
        assert done.returncode in (1, 2)
        return
    assert done.returncode == 1
    error = json.loads(done.stderr)
    assert error["code"] == code
    assert error["fix"]


def test_the_control_door_needs_its_token(house):
    answer = house.ask(
        "POST", f"{house.running['aws']}/_lamppost/down", {}, {"authorization": "Bearer guess"}
    )
    assert answer.status == 403
    assert house.ask("GET", f"{house.running['aws']}/_lamppost/status").status == 403
    assert house.run("status")["running"]["pid"] == house.running["pid"]
    assert oct((house.data / "up.json").stat().st_mode)[-3:] == "600"


# --- showing


def test_a_person_sees_the_whole_system_at_a_glance(house):
    code, shown = terminal(house, "status")
    assert code == 0
    assert f"up (pid {house.running['pid']})" in shown
    assert re.search(r"birthday +http://127\.0\.0\.1:\d+/birthday", shown)
    assert re.search(r"^FUNCTION +KIND +SANDBOXES +BUSY +TIMEOUT$", shown, re.M)
    assert re.search(r"^bday-dev-scheduler +schedule", shown, re.M)
    assert re.search(r"^bday-dev-messages +\d+ +\d+", shown, re.M)
    assert "{" not in shown


def test_a_program_reads_the_same_as_json(house):
    shown = house.run("status")
    assert {"running", "clock", "postgres", "functions", "queues", "databases"} <= set(shown)
    assert shown["databases"] == sorted(discover(ROOT).databases())
    assert shown["postgres"]["alive"] is True


def test_json_is_printed_in_a_terminal_when_asked_for(house):
    code, shown = terminal(house, "queue", "list", "--json")
    assert code == 0
    assert {"bday-dev-messages", "bday-dev-messages-dlq"} <= {queue["name"] for queue in json.loads(shown)}


def test_a_function_is_invoked_and_its_words_come_with_its_answer(house):
    code, shown = terminal(house, "invoke", "birthday.scheduler")
    assert code == 0
    assert "greetings.claimed" in shown
    assert shown.rstrip().endswith("null")
    told = house.run("invoke", "barkbase-dev-db-healthcheck", "--payload", "-", stdin='{"from": "a file"}')
    assert told["payload"]["statusCode"] == 200


def test_a_function_that_fails_makes_the_command_fail(house):
    done = house.run("invoke", "bday-worker", "--payload", '{"Records": [{}]}', ok=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == "Unhandled"


def test_parameters_are_put_listed_and_read(new_house):
    house: House = new_house().up()
    assert house.run("params", "put", "/bday/leap-day", "february-28")["name"] == "/bday/leap-day"
    assert house.run("params", "get", "/bday/leap-day")["value"] == "february-28"
    code, shown = terminal(house, "params", "list")
    assert code == 0
    assert re.search(r"^/bday/dev/leap-day +february-28$", shown, re.M)
    # A value from standard input stays out of the shell's history.
    house.run("secrets", "put", "bday/webhook-signing", "-", stdin="whsec_x\n")
    assert house.run("secrets", "get", "bday/webhook-signing")["value"] == "whsec_x"
    assert all(set(secret) == {"name"} for secret in house.run("secrets", "list"))


def test_a_signing_secret_is_rotated_and_what_is_none_is_left_alone(new_house):
    house: House = new_house().up()

    def value(name: str) -> str:
        return house.run("secrets", "get", name)["value"]

    old, database = signing.keys(value("bday/webhook-signing")), value("bday/db-credentials")
    assert len(house.run("secrets", "rotate", "bday/webhook-signing", "--grace", "2d")["until"]) == 1
    both = signing.keys(value("bday/webhook-signing"))
    assert both[1:] == old
    assert both[0] not in old
    # By the other of its names too.
    house.run("secrets", "rotate", "bday/dev/webhook-signing", "--grace", "0s")
    assert len(signing.keys(value("bday/webhook-signing"))) == 1
    for arguments, code in (
        (("bday/db-credentials",), "signing_secret_invalid"),
        (("no/such",), "setting_missing"),
        (("bday/webhook-signing", "--grace", "31d"), "signing_grace_invalid"),
    ):
        refused = house.run("secrets", "rotate", *arguments, ok=False)
        assert (refused.returncode, json.loads(refused.stderr)["code"]) == (1, code)
    assert value("bday/db-credentials") == database


def test_a_name_full_of_control_characters_does_not_drive_the_terminal(new_house):
    house: House = new_house().up()
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31mred\u202e"
    house.run("params", "put", "/bday/webhook-url", f"https://x/{evil}")
    house.run("invoke", "bday-scheduler")
    for arguments in (("params", "list"), ("params", "get", "/bday/webhook-url")):
        _, shown = terminal(house, *arguments)
        assert "owned" in shown
        assert not set(shown) & {"\x1b", "\x07", "\x9b", "\u202e"}
    for refused in (("invoke", evil), ("queue", "peek", evil)):
        _, shown = terminal(house, *refused)
        assert "owned" in shown
        assert "\x1b]0" not in shown
        assert "\x1b[2J" not in shown
        assert "\x07" not in shown
    _send(house, evil)
    _, shown = terminal(house, "queue", "peek", "bday-messages-dlq")
    assert "owned" in shown
    assert not set(shown) & {"\x1b", "\x07", "\x9b", "\u202e"}


def test_dead_letters_are_looked_at_without_taking_them(new_house):
    house: House = new_house().up()
    _send(house, "why")
    for _ in range(2):
        code, shown = terminal(house, "queue", "peek", "bday-messages-dlq")
        assert code == 0
        assert "received 0 times" in shown
        assert "why" in shown
    assert terminal(house, "queue", "peek", "bday-messages")[1].strip() == "nothing is in it"


def test_the_clock_is_shown_moved_and_put_back(new_house):
    house: House = new_house().up()
    code, shown = terminal(house, "clock", "set", "2027-03-15T08:59:00Z")
    assert code == 0
    assert shown.startswith("2027-03-15T08:59:00")
    assert house.run("clock", "advance", "2h", "--tick", "15m")["now"].startswith("2027-03-15T10:59:0")
    assert "2027-03-16T10:59:0" in terminal(house, "clock", "advance", "1d")[1].splitlines()[-1]
    house.run("clock", "reset")
    assert abs(house.run("clock", "show")["shift_s"]) < 1


def test_a_walk_of_the_clock_is_stopped_by_ctrl_c(new_house):
    house: House = new_house().up()
    code, _ = terminal(house, "clock", "advance", "30y", "--tick", "1m", keys=b"\x03", after="━")
    assert code == 130
    shown = house.run("clock", "show")
    assert shown["walking_to"] is None
    # It stays where it was: nothing walks on behind the operator's back.
    assert house.run("clock", "show")["shift_s"] == pytest.approx(shown["shift_s"], abs=1)


def test_logs_are_followed_until_ctrl_c(new_house):
    house: House = new_house().up()
    house.run("invoke", "bday-scheduler")
    code, shown = terminal(
        house, "logs", "bday-scheduler", "--follow", keys=b"\x03", after="greetings.claimed"
    )
    assert code == 130
    assert re.search(
        r"^\d\d:\d\d:\d\d\.\d{3} bday-dev-scheduler info +greetings\.claimed .*count=0", shown, re.M
    )
    assert "START RequestId" not in shown
    assert "Traceback" not in shown
    assert "START RequestId" in house.logs("bday-scheduler")
    found = house.run("logs", "--find", "nothing says this", ok=False)
    assert found.stdout == ""
    assert found.returncode == 0


def test_the_database_is_opened_for_reading_unless_asked_otherwise(house):
    code, shown = terminal(
        house, "db", "shell", "bday", keys=b"delete from birthday.people; \\q\n", after="=>"
    )
    assert code == 0
    assert "read-only transaction" in shown
    assert house.run("db", "url", "bday")["url"].endswith("/bday")
    assert house.run("db", "url", "bday", "--admin")["url"] != house.run("db", "url", "bday")["url"]


def test_a_reader_that_leaves_early_is_no_error(house):
    environment = {**os.environ, "LAMPPOST_DATA": str(house.data)}
    done = subprocess.run(
        f"'{LAMPPOST}' logs --platform --since 1d | head -c 1",
        shell=True,
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
    )
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


def test_a_person_is_shown_what_to_try_first(tmp_path):
    data = tmp_path / "data"
    house = House(data)
    try:
        code, shown = terminal(
            None,
            "up",
            "--port",
            "0",
            "--aws-port",
            "0",
            "--data",
            str(data),
            keys=b"\x03",
            after="Try\n".strip(),
        )
    finally:
        house.end()
    assert code == 130
    assert "Lamppost is up" in shown
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:" in shown
    assert "curl -X POST http://127.0.0.1:" in shown
    assert "webhooks may reach this machine" in shown
    assert "Traceback" not in shown
    until(lambda: not (data / "up.json").exists())


def _send(house: House, text: str) -> None:
    import boto3

    sqs = boto3.client(
        "sqs",
        endpoint_url=house.running["aws"],
        region_name="us-east-2",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    url = sqs.get_queue_url(QueueName="bday-messages-dlq")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"why": text}))
