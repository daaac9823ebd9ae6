"""Two hundred tenants on four connections, while everything goes wrong: nobody sees another's rows."""

from pathlib import Path

import pytest

from lamppost.db import close_pool
from lamppost.testing.plugin import MakeDatabase
from tests.faults.tenant_storm import Storm
from tests.forms import Form
from tests.tenants import FOLDERS, marks, seed


def test_two_hundred_tenants_on_four_connections_never_meet(
    database: MakeDatabase,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    form: Form,
) -> None:
    requests = form.count(short=3000, long=100_000)
    base = database(folders=FOLDERS)
    seed(base.admin, 200)
    # Two who wait for each other are to find out soon.
    role = f'"{base.roles.app}"'
    base.connect(admin=True).execute(
        f'alter role {role} in database "{base.name}" set deadlock_timeout = 20'.encode()
    )
    monkeypatch.chdir(tmp_path)
    for name in ("DB_SECRET_NAME", "DB_SECRET_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOG_LEVEL", "warn")
    monkeypatch.setenv("DATABASE_URL", base.app)
    monkeypatch.setenv("DB_POOL_MAX", "4")
    close_pool()
    storm = Storm(base, tenants=200, requests=requests, threads=16, seed=form.seed)
    try:
        storm.run()
    finally:
        close_pool()
    assert marks("".join(capfd.readouterr())) == set()
    with capfd.disabled():
        if form.long:
            print(storm)
    form.keep(requests=requests, foreign=len(storm.foreign), injected=dict(storm.injected))
    assert storm.foreign == []
    assert storm.own > requests / 3
    assert storm.injected["sessions ended"] > 0
    assert storm.injected["statements cancelled"] > 0
    assert storm.answers[503] > 0
    assert storm.replays > 0
    assert storm.foreign_in_sql() == 0
    assert storm.misplaced() == 0
