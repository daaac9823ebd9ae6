"""The page: one function per section, all of them pure. The browser only swaps what changed."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from lamppost.console.look import Api, Delivery, Function, Look, Queue, Setting
from lamppost.console.markup import Child, Html, join, tag

_HERE = Path(__file__).parent


def page(look: Look) -> str:
    """The whole document."""
    head = join(
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        tag("title", "Lamppost"),
        Html(f'<link rel="icon" href="data:image/svg+xml,{_ICON}">'),
        Html(f"<style>{style()}</style>"),
    )
    parts = sections(look)
    left = join(*(parts[name] for name in ("apis", "functions", "queues", "alarms", "aws")))
    right = join(*(parts[name] for name in ("clock", "deliveries", "settings")))
    body = join(
        parts["top"],
        tag("main", tag("div", left, class_="column"), tag("div", right, class_="column")),
        Html(f"<script>{script()}</script>"),
    )
    return f'<!doctype html><html lang="en">{tag("head", head)}{tag("body", body)}</html>'


def sections(look: Look) -> dict[str, Html]:
    """Every section by its id."""
    return {
        "top": _top(look),
        "apis": _section("apis", "APIs", *(_api(api) for api in look.apis)),
        "functions": _section("functions", "Functions", _functions(look.functions)),
        "queues": _section("queues", "Queues", _queues(look.queues)),
        "alarms": _section("alarms", "Alarms", _alarms(look)),
        "clock": _section("clock", "Clock", _clock(look)),
        "deliveries": _section("deliveries", "Inbox", _deliveries(look.deliveries, look.inbox)),
        "settings": _section("settings", "Parameters", _settings(look)),
        "aws": _section("aws", "The aws command, here", _aws(look)),
    }


@cache
def style() -> str:
    """The style sheet."""
    return (_HERE / "page.css").read_text("utf-8")


@cache
def script() -> str:
    """The script that keeps the page fresh."""
    return (_HERE / "page.js").read_text("utf-8")


# --- sections


def _section(name: str, title: str, *children: Child) -> Html:
    return tag("section", tag("h2", title), *children, id=name)


def _top(look: Look) -> Html:
    facts = f"pid {look.pid} · PostgreSQL {look.postgres} · {', '.join(look.databases)}"
    return tag(
        "header",
        tag("span", class_="lamp", aria_hidden="true"),
        tag("h1", "Lamppost"),
        tag("p", tag("span", "up", class_="state", role="status"), " ", facts),
        id="top",
    )


def _api(api: Api) -> Html:
    rows = (
        tag(
            "tr",
            tag("td", tag("span", route.method, class_=f"method {route.method.lower()}")),
            tag("td", tag("code", route.path)),
            tag("td", route.function, class_="quiet"),
        )
        for route in api.routes
    )
    about = tag("p", api.about, class_="quiet") if api.about else None
    explore = tag("a", "try it", href=f"/explorer#{api.name}")
    url = tag("p", tag("code", api.url, class_="url"), " ", explore)
    return tag("article", tag("h3", api.name), about, url, _table((), rows))


def _functions(functions: tuple[Function, ...]) -> Html:
    rows = (
        tag(
            "tr",
            tag("td", tag("code", each.name)),
            tag("td", each.wakes, class_="quiet"),
            tag("td", _warmth(each), class_="number"),
        )
        for each in functions
    )
    return _table(("function", "woken by", "sandboxes"), rows)


def _warmth(function: Function) -> Html:
    if function.busy:
        return tag("span", f"{function.busy} busy of {function.warm}", class_="badge busy")
    if function.warm:
        return tag("span", f"{function.warm} warm", class_="badge warm")
    return tag("span", "cold", class_="badge")


def _queues(queues: tuple[Queue, ...] | None) -> Html:
    if queues is None:
        return tag(
            "p", "PostgreSQL does not answer; messages are safe in it. It is started again.", class_="bad"
        )
    rows = (
        tag(
            "tr",
            tag("td", tag("code", each.name)),
            tag("td", _count(each.visible), class_="number"),
            tag("td", _count(each.in_flight), class_="number"),
            tag("td", _count(each.delayed), class_="number"),
            tag("td", _dead(each), class_="number"),
        )
        for each in queues
    )
    graves = [each.dead for each in queues if each.dead_letters]
    look_in = tag("p", tag("code", f"lamppost queue peek {graves[0]}")) if graves else None
    return join(_table(("queue", "waiting", "in work", "delayed", "dead letters"), rows), look_in)


def _alarms(look: Look) -> Html:
    rows = (
        tag(
            "tr",
            tag("td", tag("code", each.name), tag("p", each.about, class_="quiet")),
            tag("td", tag("span", "rings", class_="badge dead"), tag("p", each.why, class_="quiet")),
        )
        for each in look.ringing
    )
    ring = len(look.ringing)
    count = f"{ring or 'None'} of {look.alarms} {'ring' if ring > 1 else 'rings'}: "
    said = tag("p", count, tag("code", "lamppost alarms"), class_="quiet")
    return join(_table((), rows), said) if look.ringing else said


def _count(number: int) -> Html:
    return tag("span", number, class_=None if number else "quiet")


def _dead(queue: Queue) -> Html:
    if queue.dead is None:
        return tag("span", "–", class_="quiet")
    return tag("span", queue.dead_letters, class_="badge dead") if queue.dead_letters else _count(0)


def _clock(look: Look) -> Html:
    moved = abs(look.shift_s) > 1
    told = _moved(look.shift_s) if moved else "the wall's time"
    return join(
        tag("p", tag("time", f"{look.now.astimezone(UTC):%H:%M:%S}"), " UTC", class_="time"),
        tag(
            "p",
            f"{look.now.astimezone(UTC):%A, %d %B %Y}, ",
            tag("span", told, class_="moved" if moved else None),
        ),
        tag(
            "p", tag("code", "lamppost clock reset" if moved else "lamppost clock advance 1d"), class_="quiet"
        ),
    )


def _moved(seconds: float) -> str:
    distance = timedelta(seconds=abs(round(seconds)))
    size = f"{distance.days} days" if distance.days else str(distance)
    return f"{size} {'ahead of' if seconds > 0 else 'behind'} the wall"


def _deliveries(deliveries: tuple[Delivery, ...], inbox: str) -> Html:
    items = (
        tag(
            "li",
            tag("p", each.text, class_="message"),
            tag("p", _at(each.at), " · ", _answer(each.answered), class_="quiet"),
        )
        for each in deliveries
    )
    shown = tag("ol", *items) if deliveries else tag("p", "Nothing has been delivered yet.", class_="quiet")
    return join(shown, tag("p", tag("a", "All deliveries as JSON", href=inbox), class_="quiet"))


def _answer(status: int) -> Html:
    return tag("span", f"answered {status}", class_=None if 200 <= status < 300 else "bad")


def _at(at: datetime) -> Html:
    return tag("time", f"{at:%d %b %H:%M:%S} UTC", datetime=at.isoformat())


def _settings(look: Look) -> Html:
    rows = [
        *(_setting(each) for each in look.parameters),
        *(_setting(each, "secret") for each in look.secrets),
    ]
    reading = tag(
        "p",
        tag("code", "lamppost params list"),
        " and ",
        tag("code", "lamppost secrets list"),
        class_="quiet",
    )
    return join(_table((), rows), reading)


def _setting(setting: Setting, kind: str = "") -> Html:
    mark = tag("span", kind or ("set" if setting.has_value else "unset"), class_="badge")
    return tag(
        "tr", tag("td", tag("code", setting.name), tag("p", setting.about, class_="quiet")), tag("td", mark)
    )


def _aws(look: Look) -> Html:
    place = (
        f"export AWS_ENDPOINT_URL={look.aws} \\\n"
        "  AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local \\\n"
        "  AWS_REGION=us-east-2"
    )
    first = look.functions[0].name if look.functions else "NAME"
    return join(
        tag("pre", place),
        tag("pre", f"aws lambda invoke --function-name {first} \\\n  --payload '{{}}' response.json"),
        tag("p", "Tested with AWS CLI 2.38; what older ones can do: docs/guides/operate.md", class_="quiet"),
    )


def _table(headings: tuple[str, ...], rows: Iterable[Html]) -> Html:
    head = tag("thead", tag("tr", *(tag("th", each, scope="col") for each in headings))) if headings else None
    return tag("table", head, tag("tbody", *rows))


_ICON = (
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Ccircle cx='8' cy='6' r='5' fill='%23e8a317'/%3E"
    "%3Crect x='7' y='10' width='2' height='6' fill='%23888'/%3E%3C/svg%3E"
)
