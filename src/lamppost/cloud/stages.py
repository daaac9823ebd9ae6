"""Stages: what `infra/stages.toml` says of each, checked before anything is made."""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import msgspec

from lamppost.cloud import stage_tables
from lamppost.cloud.domain_settings import Domain
from lamppost.cloud.edge_settings import Edge
from lamppost.cloud.identity_settings import People
from lamppost.cloud.tuned import Tuned
from lamppost.declare import names
from lamppost.errors import OperatorError

FILE = Path("infra") / "stages.toml"
EPHEMERAL = "pr"

Egress = Literal["nat", "nat-instance", "ipv6", "none"]

# The names of functions and buckets are checked for stages as long as "staging".
_STAGE = re.compile(r"[a-z][a-z0-9-]{0,5}[a-z0-9]")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_ACCOUNT = re.compile(r"[0-9]{12}")
_ZONE = re.compile(r"[a-z]")
_POSTGRES = re.compile(r"1[5-9]\.[0-9]{1,2}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_SECRET = re.compile(r"arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):([0-9]{12}):secret:\S+")
_CIDR = re.compile(r"10\.[0-9]{1,3}\.0\.0/16")
# What CloudWatch Logs takes: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
STORAGE_GB = (20, 65_536)
BACKUP_DAYS = (1, 35)
ROTATE_DAYS = (1, 1000)


class StageSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What may differ between stages. The defaults are a small stage that nobody depends on.

    Without `account` the stacks go wherever the credentials lead. `egress` is how functions reach the
    internet: a NAT gateway, an instance that does its work, IPv6 for nothing, or not at all. `storage_gb`
    grows by itself up to `storage_max_gb`. `proxy` puts RDS Proxy between functions and the database,
    `replica` adds a server that is only read. `rotate_days` is how long the functions' database passwords
    live, `shell` is a way in for people (`lamppost db shell --stage`). The windows are UTC. `protected`
    refuses to delete the database. An `ephemeral` stage takes its data with it. `functions` tunes single
    ones, named like `birthday.worker`.
    `administrator` is the ARN of the secret that opens a restored server which took the first one's name;
    without it the migrator uses RDS's own for the server that the stack made.
    `reserved` makes the declared concurrency a reservation, which a new account's quota refuses.
    `soak_hours` is how long new code must have served before a contract migration goes in.
    `throttle_rate` (requests a second) and `throttle_burst` hold for routes that declare no rate.
    `people`, `edge` and `domain` are tables of their own: accounts, a web page's files, host names.
    `alarms_to` are e-mail addresses, `budget_usd` is dollars a month: of the account, or of what carries the
    stage's tag once that is activated in the account's billing.
    """

    region: str
    account: str | None = None
    zones: tuple[str, ...] = ("a", "b")
    cidr: str = "10.0.0.0/16"
    egress: Egress = "nat-instance"
    postgres: str = "17.9"
    instance: str = "t4g.micro"
    storage_gb: int = 20
    storage_max_gb: int = 100
    multi_az: bool = False
    proxy: bool = False
    replica: bool = False
    rotate_days: int | None = None
    administrator: str | None = None
    shell: bool = False
    backup_days: int = 7
    # Sunday night in Ohio.
    backup_window: str = "07:00-08:00"
    maintenance_window: str = "sun:08:30-sun:09:30"
    protected: bool = False
    ephemeral: bool = False
    reserved: bool = False
    log_days: int = 7
    soak_hours: float | None = None
    throttle_rate: float = 200
    throttle_burst: int = 400
    functions: dict[str, Tuned] = {}
    people: People = People()
    edge: Edge | None = None
    domain: Domain | None = None
    alarms_to: tuple[str, ...] = ()
    dashboards: bool = True
    budget_usd: float | None = None
    budget_of: Literal["account", "stage"] = "account"


class Placed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stack a service stands in, its API's name, and the API's stack where that is another."""

    stack: str = ""
    api: str = ""
    api_stack: str = ""


class Stages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as a whole."""

    system: str
    prefix: str
    stages: dict[str, StageSettings]
    services: dict[str, Placed] = {}


class Stage(msgspec.Struct, frozen=True):
    """One stage: `env` is the name its resources carry."""

    env: str
    system: str
    prefix: str
    settings: StageSettings
    services: dict[str, Placed]

    def platform(self, stack: str) -> str:
        """The name of one of the platform's stacks: `Network` is `Barkbase-NetworkStack-dev`."""
        return f"{self.prefix}-{stack}Stack-{self.env}"

    def service_stack(self, service: str) -> str:
        """The logical name of the stack that `service` stands in."""
        return self._placed(service).stack or f"{service.title()}Stack-{{env}}"

    def api_stack(self, service: str) -> str:
        """The logical name of the stack that its API stands in."""
        return self._placed(service).api_stack or self.service_stack(service)

    def api_name(self, service: str) -> str:
        """The physical name of its API."""
        return names.physical(self._placed(service).api or f"{service}-{{env}}", self.env)

    def _placed(self, service: str) -> Placed:
        return self.services.get(service, Placed())


def read(path: Path = FILE) -> Stages:
    """The stages in this file. Raises `OperatorError` that names the mistake."""
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=Stages)
    except FileNotFoundError as missing:
        raise _mistake(f"there is no {path}", "start in the repository's folder") from missing
    except msgspec.ValidationError as wrong:
        raise _mistake(f"{path}: {wrong}", _known(str(wrong))) from wrong
    except msgspec.DecodeError as wrong:
        raise _mistake(f"{path} is not TOML: {wrong}", "mend the line named") from wrong
    for name, settings in found.stages.items():
        _check(f"{path}: stage {name!r}", name, settings)
    return found


def choose(stages: Stages, env: str) -> Stage:
    """The stage `env`; `pr-12` has the settings of `pr`. Raises `OperatorError` for one that is not there."""
    kind = EPHEMERAL if re.fullmatch(rf"{EPHEMERAL}-[0-9]{{1,4}}", env) else env
    settings = stages.stages.get(kind)
    if settings is None or env == EPHEMERAL:
        known = [name for name in stages.stages if name != EPHEMERAL]
        also = " and pr-1, pr-2, …" if EPHEMERAL in stages.stages else ""
        raise _mistake(f"there is no stage {env!r}", f"choose one of {', '.join(known)}{also}")
    return Stage(env, stages.system, stages.prefix, settings, stages.services)


def _check(where: str, name: str, settings: StageSettings) -> None:
    for wrong, what, fix in (
        (not _STAGE.fullmatch(name), "its name", "use 2 to 7 lower-case letters, digits and -"),
        (name == names.LOCAL, "its name", "local is this machine: choose another"),
        (not _REGION.fullmatch(settings.region), f"region {settings.region!r}", 'write it like "us-east-2"'),
        (
            settings.account is not None and not _ACCOUNT.fullmatch(settings.account),
            f"account {settings.account!r}",
            'write its twelve digits as text: "123456789012"',
        ),
        (
            len(set(settings.zones)) < 2 or not all(map(_ZONE.fullmatch, settings.zones)),
            f"zones {list(settings.zones)}",
            'name two or more by their letters: ["a", "b"]; RDS asks for two',
        ),
        (not _CIDR.fullmatch(settings.cidr), f"cidr {settings.cidr!r}", 'write it like "10.0.0.0/16"'),
        (
            not _POSTGRES.fullmatch(settings.postgres),
            f"postgres {settings.postgres!r}",
            'name major and minor: "17.9"',
        ),
        (
            not STORAGE_GB[0] <= settings.storage_gb <= settings.storage_max_gb <= STORAGE_GB[1],
            f"storage of {settings.storage_gb} to {settings.storage_max_gb} GB",
            "begin at 20 and end at 65,536 or less",
        ),
        (
            not BACKUP_DAYS[0] <= settings.backup_days <= BACKUP_DAYS[1],
            f"backups of {settings.backup_days} days",
            "keep them 1 to 35 days",
        ),
        (
            settings.rotate_days is not None and not ROTATE_DAYS[0] <= settings.rotate_days <= ROTATE_DAYS[1],
            f"passwords that live {settings.rotate_days} days",
            "let them live 1 to 1,000 days, or leave rotate_days out",
        ),
        (
            not _opens_here(settings),
            f"administrator {settings.administrator!r}",
            f"name the stage's account, and the ARN of a secret of it in {settings.region}",
        ),
        (
            settings.log_days not in LOG_DAYS,
            f"logs of {settings.log_days} days",
            f"CloudWatch takes {', '.join(map(str, LOG_DAYS[:10]))}, …",
        ),
        ((settings.soak_hours or 0) < 0, f"soak_hours {settings.soak_hours}", "give 0 or more"),
        (
            settings.throttle_rate <= 0 or settings.throttle_burst < 1,
            "a throttle that lets nobody in",
            "make throttle_rate and throttle_burst at least 1",
        ),
        (
            not all(_EMAIL.fullmatch(address) for address in settings.alarms_to),
            f"alarms_to {', '.join(settings.alarms_to)}",
            'name e-mail addresses: alarms_to = ["ops@example.com"]',
        ),
        (
            settings.budget_usd is not None and settings.budget_usd < 1,
            f"budget_usd {settings.budget_usd}",
            "give dollars a month, 1 or more, or leave it out",
        ),
        (
            name == names.PROD and (settings.ephemeral or not settings.protected),
            "data that a mistake could delete",
            "give prod protected = true, and not ephemeral",
        ),
        (
            settings.protected and settings.ephemeral,
            "protected and ephemeral",
            "leave one of them out",
        ),
        (
            settings.shell and settings.egress not in ("nat", "nat-instance"),
            "a shell whose agent reaches nobody",
            'give it egress = "nat" or "nat-instance", or leave shell out',
        ),
        (
            name == EPHEMERAL and not settings.ephemeral,
            "nobody to clean up after it",
            "give pr ephemeral = true",
        ),
    ):
        if wrong:
            raise _mistake(f"{where} has {what}", fix)
    for what, fix in stage_tables.mistakes(settings, shared=name == EPHEMERAL):
        raise _mistake(f"{where} has {what}", fix)


def _opens_here(settings: StageSettings) -> bool:
    """Whether the administrator's secret, where one is named, is of the stage's own account and region."""
    if settings.administrator is None:
        return True
    match = _SECRET.fullmatch(settings.administrator)
    return match is not None and match.groups() == (settings.region, settings.account)


def _known(wrong: str) -> str:
    """What to write for a key that nobody knows."""
    match = re.search(r"unknown field `([^`]*)`(?: - at `\$\.?(\w*)(?:\[\.\.\.\]\.(\w+))?)?", wrong)
    if match is None:
        return "mend the value named"
    kinds: dict[str | None, type[Any]] = {"stages": StageSettings, "services": Placed}
    kind = stage_tables.TABLES.get(match[3] or "") or kinds.get(match[2], Stages)
    known = msgspec.structs.fields(kind)
    close = get_close_matches(match[1], [field.name for field in known], 1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(f.name for f in known))}"


def _mistake(what: str, fix: str) -> OperatorError:
    return OperatorError(what, fix=fix, code="stages_invalid")
