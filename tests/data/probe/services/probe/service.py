"""A service to throw things at."""

from lamppost import Database, Function, Queue, Route, Service, seconds

from . import api, queue

things = Function(
    name="api",
    routes=(
        Route("POST /thing", api.make, status=201),
        Route("GET /thing/{id}", api.find),
        Route("GET /things", api.search),
        Route("GET /tagged/{tag}", api.tagged),
        Route("GET /fail", api.fail),
        Route("GET /nonsense", api.nonsense),
        Route("GET /say", api.say),
        Route("GET /picture", api.picture),
        Route("GET /frame", api.frame),
        Route("GET /status", api.status),
        Route("GET /count", api.count),
        Route("POST /mark", api.write),
    ),
)
# Lambda would end it after four seconds: the caller is to hear from us two seconds before.
slow = Function(
    name="slow",
    routes=(
        Route("GET /hang", api.hang),
        Route("GET /hang-in-sql", api.hang_in_sql),
        Route("GET /awake", api.search),
    ),
    timeout=seconds(4),
)
work = Function(name="work", handler=queue.work, timeout=seconds(5))

service = Service(
    name="probe",
    database=Database("probe", secret="probe/db"),
    functions=(things, slow, work),
    queues=(Queue(name="probe-jobs", runs=work, batch=10, attempts=1),),
)
