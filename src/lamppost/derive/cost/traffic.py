"""What is assumed of a month: everything that templates cannot tell, stated in every output."""

from difflib import get_close_matches
from pathlib import Path

import msgspec

from lamppost.errors import OperatorError


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one API, queue or function does differently, under its name on AWS."""

    requests: float | None = None
    response_kb: float | None = None
    messages: float | None = None
    batch: float | None = None
    posted_kb: float | None = None
    runs: float | None = None
    seconds: float | None = None


class Traffic(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A month. The defaults are a small system that people use.

    Each HTTP API has `requests`, each of `request_seconds` billed and `response_kb` answered. Each queue that
    wakes a function has `messages`, `batch` of them to a run of `message_seconds`, and each makes `posted_kb`
    leave AWS. A run on schedule takes `tick_seconds`. A function that nothing here wakes has `other_runs` of
    `other_seconds`. A run logs `log_kb`, a request `access_log_kb`, a database's minute `monitoring_kb`;
    `traced` is the share of runs that X-Ray records. Each user pool has `users`, each secret `secret_reads`,
    each bucket `stored_gb` (GB), `puts` and `gets`, each topic `mails`, each distribution `pages` and
    `pages_gb`. `backup_gb` is what backups take beyond the database's own size. A state machine and a
    container task do `jobs` of `job_minutes` and `job_steps`. Each KMS key has `key_requests`.
    """

    requests: float = 100_000
    request_seconds: float = 0.05
    response_kb: float = 4
    messages: float = 100_000
    message_seconds: float = 0.2
    batch: float = 1
    posted_kb: float = 1
    tick_seconds: float = 0.2
    other_runs: float = 100
    other_seconds: float = 1
    log_kb: float = 1
    access_log_kb: float = 0.5
    monitoring_kb: float = 5
    traced: float = 0.05
    users: float = 1_000
    secret_reads: float = 10_000
    stored_gb: float = 1
    puts: float = 1_000
    gets: float = 10_000
    mails: float = 100
    pages: float = 100_000
    pages_gb: float = 5
    backup_gb: float = 0
    jobs: float = 30
    job_minutes: float = 10
    job_steps: float = 10
    key_requests: float = 10_000
    named: dict[str, Named] = {}

    def own(self, name: str, of: str, usual: float) -> float:
        """The figure `of` (`requests`) that the thing called `name` has, else the `usual` one."""
        value = getattr(self.named.get(name), of, None)
        return usual if value is None else float(value)


def read(path: Path) -> Traffic:
    """The traffic in this TOML file; what it leaves out is as usual. Raises `OperatorError`."""
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=Traffic)
    except FileNotFoundError as missing:
        raise _mistake(f"there is no {path}", "name a TOML file, or leave --traffic out") from missing
    except msgspec.ValidationError as wrong:
        raise _mistake(f"{path}: {wrong}", _known(str(wrong))) from wrong
    except msgspec.DecodeError as wrong:
        raise _mistake(f"{path} is not TOML: {wrong}", "mend the line named") from wrong
    for place, figures in (("", found), *((f"named.{name}: ", each) for name, each in found.named.items())):
        for name, value in msgspec.structs.asdict(figures).items():
            if isinstance(value, int | float) and not 0 <= value < float("inf"):
                raise _mistake(f"{path}: {place}{name} = {value}", "give 0 or more")
    if not 0 <= found.traced <= 1:
        raise _mistake(f"{path}: traced = {found.traced}", "give a share between 0 and 1")
    if not all(each and each > 0 for each in (found.batch, *(n.batch or 1 for n in found.named.values()))):
        raise _mistake(f"{path}: a batch of no messages", "give 1 or more")
    return found


def _known(wrong: str) -> str:
    name = wrong.partition("unknown field `")[2].partition("`")[0]
    if not name:
        return "mend the value named"
    kind = Named if "$.named" in wrong else Traffic
    known = [field.name for field in msgspec.structs.fields(kind)]
    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


def _mistake(what: str, fix: str) -> OperatorError:
    return OperatorError(what, fix=fix, code="traffic_invalid")
