"""A request that goes the whole way: API, table, queue, worker, table, webhook."""

from lamppost import Cors, Database, Function, Parameter, Queue, Route, Service, seconds

from . import api, together, worker

WEBHOOK = "/traced/webhook-url"

front = Function(
    name="api",
    routes=(
        Route("POST /note", api.note, status=202),
        Route("POST /many", api.many),
        Route("POST /wrong", api.wrong),
        Route("GET /health", api.healthy),
        Route("GET /one", api.one),
        Route("GET /cors", api.cors),
    ),
    sends=("traced-notes",),
)
deliver = Function(name="worker", handler=worker.deliver, timeout=seconds(1), internet=True, reads=(WEBHOOK,))
gather = Function(name="together", handler=together.gather, timeout=seconds(5))

service = Service(
    name="traced",
    database=Database("traced", secret="traced/db"),
    functions=(front, deliver, gather),
    queues=(Queue(name="traced-notes", runs=deliver), Queue(name="traced-together", runs=gather)),
    parameters=(Parameter(WEBHOOK, "where notes are posted", local="{inbox}"),),
    cors=Cors(
        origins=("https://app.example", "https://{env}.example"),
        headers=("content-type",),
        expose=("x-trace-id",),
    ),
)
