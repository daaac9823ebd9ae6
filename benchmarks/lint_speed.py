"""How long do a thousand migrations take, and how long does one, beside squawk in the same run?

    python benchmarks/lint_speed.py [--rounds 9]

Writes 1,000 files (about 1.3 MB, 11,000 statements) of the kinds that migrations hold, and lints them with
`lamppost migrate lint` and with squawk, as whole processes, turn by turn. Cold: nothing is remembered; warm:
a run before has filled the cache. The floor is `python -c pass`. Our modules are compiled beforehand, as pip
does when it installs them.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

BIN = Path(sys.executable).parent

TABLE = """-- Table {n}: what the shop needs to know about thing {n}.
create table shop.things_{n} (
    id          bigint        not null generated always as identity,
    owner_id    bigint        not null,
    name        text          not null,
    state       text          not null default 'new',
    price       numeric(10,2) not null default 0,
    created_at  timestamptz   not null default now(),
    updated_at  timestamptz,
    constraint things_{n}_pk primary key (id),
    constraint things_{n}_state_known check (state in ('new', 'open', 'done')),
    constraint things_{n}_price_positive check (price >= 0)
);

create index things_{n}_owner on shop.things_{n} (owner_id);
create index things_{n}_open on shop.things_{n} (created_at) where state = 'open';
comment on table shop.things_{n} is 'things of the kind {n}';
grant select, insert, update, delete on shop.things_{n} to shop_app;
"""
CHANGE = """-- A field the next release fills, and the rule it will keep.
alter table shop.things_{n} add column note_{n} text;
alter table shop.things_{n} add column rank int not null default 0;
alter table shop.things_{n} add constraint things_{n}_rank check (rank >= 0) not valid;
insert into shop.settings (key, value) values ('things_{n}', 'on') on conflict (key) do nothing;
update shop.settings set value = 'off' where key = 'things_{n}_old';
create or replace view shop.open_things_{n} as
    select t.id, t.name, s.value
      from shop.things_{n} t join shop.settings s on s.key = t.name
     where t.state = 'open';
comment on column shop.things_{n}.rank is 'the higher the earlier';
"""
FUNCTION = """create or replace function shop.touch_{n}() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    if new.state = 'done' then
        insert into shop.log (thing, what) values (new.id, 'done');
    end if;
    return new;
end $$;
create table shop.parts_{n} (id bigint primary key, thing_id bigint references shop.things_{n} (id));
create trigger parts_{n}_touch before update on shop.parts_{n}
    for each row execute function shop.touch_{n}();
alter table shop.things_{n} alter column name set not null;
delete from shop.log where thing = {n};
create type shop.kind_{n} as enum ('a', 'b');
"""


def corpus(folder: Path, files: int) -> None:
    for n in range(files):
        kinds = (TABLE + CHANGE, TABLE, FUNCTION + CHANGE, CHANGE + CHANGE.replace("note_", "memo_"))
        text = kinds[n % 4].format(n=n)
        stamp = f"2026-{1 + n // 672:02}-{1 + n // 24 % 28:02}T{n % 24:02}00"
        (folder / f"{stamp}__shop__file_{n}.sql").write_text(text)


def timed(command: Sequence[str], cache: str) -> float:
    environment = {**os.environ, "XDG_CACHE_HOME": cache, "PYTHONPYCACHEPREFIX": f"{cache}/compiled"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begun = time.perf_counter()
    subprocess.run(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as cache:
        folder = Path(place)
        corpus(folder, 1000)
        paths = [str(path) for path in sorted(folder.iterdir())]
        size = sum(Path(path).stat().st_size for path in paths)
        lint = [str(BIN / "lamppost"), "migrate", "lint", "--json"]
        commands = {
            "lamppost, 1,000 files": [*lint, place, "--no-cache"],
            "the same, warm cache": [*lint, place],
            "squawk, 1,000 files": [str(BIN / "squawk"), "--reporter", "json", *paths],
            "lamppost, 1 file": [*lint, paths[0]],
            "squawk, 1 file": [str(BIN / "squawk"), "--reporter", "json", paths[0]],
            "python -c pass": [sys.executable, "-c", "pass"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        timed(commands["the same, warm cache"], cache)
        for _ in range(rounds):
            for name, command in commands.items():
                times[name].append(timed(command, cache))
    print(f"1,000 files, {size / 1e6:.2f} MB; medians of {rounds} interleaved rounds, best in brackets")
    for name, taken in times.items():
        print(f"  {name:<24} {statistics.median(taken):7.0f} ms  [{min(taken):.0f}]")
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    squawk = medians["squawk, 1,000 files"]
    print(
        f"  cold {medians['lamppost, 1,000 files'] / squawk:.2f} x squawk (promised: at most 1.3), "
        f"warm {medians['the same, warm cache'] / squawk:.2f} x (at most 0.5); one file under 100 ms"
    )


if __name__ == "__main__":
    main()
