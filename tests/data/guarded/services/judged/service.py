"""An API whose callers a function judges."""

from lamppost import Authorizer, Function, Route, Service, minutes

from . import api, judge

people = Function(
    name="api",
    routes=(Route("GET /whoami", api.whoami), Route("GET /written", api.whoami, scopes=("write",))),
)
keeper = Function(name="judge", handler=judge.judge)

service = Service(
    name="judged",
    functions=(people, keeper),
    authorizer=Authorizer(function=keeper, cache=minutes(5)),
)
