"""What an author's type checker sees. mypy reads this and nothing runs it: the public types are promises."""

from datetime import timedelta
from typing import Annotated, Any, assert_type
from uuid import UUID

import msgspec
from psycopg import Connection

from lamppost import (
    Alarm,
    Batch,
    CallerError,
    Context,
    Database,
    Function,
    Header,
    Message,
    Problem,
    Problems,
    Queue,
    Response,
    Route,
    Schedule,
    Service,
    Tick,
    minutes,
    not_found,
    seconds,
)

Seal = Annotated[str, Header("x-seal")]
OfTenant = Annotated[UUID, Header("x-tenant-id")]


class Pet(msgspec.Struct):
    """A body and an answer."""

    name: str


def find(id: UUID, ctx: Context) -> Pet:
    """A handler takes what it needs and returns a value."""
    assert_type(ctx.parameter("/shop/greeting"), str)
    assert_type(ctx.remaining(), timedelta)
    ctx.metric("PetsSought", 1)
    ctx.metric("Waited", [0.5, 2], "Seconds", Kind="dog")
    with ctx.transaction() as db:
        assert_type(db, Connection[Any])
    refusal = not_found("PET_NOT_FOUND", f"there is no pet {id}")
    assert_type(refusal, CallerError)
    raise refusal


def add(body: Pet, ctx: Context) -> Response:
    """A handler may answer with a whole response."""
    ctx.send("shop-pets", body)
    return Response(201)


def hear(body: bytes, seal: Seal, ctx: Context, of: OfTenant | None = None) -> None:
    """A handler may take headers, and a body as it came."""
    assert_type(seal, str)
    assert_type(of, UUID | None)
    assert_type(ctx.bucket("shop-files").delete("a"), None)
    raise CallerError(401, "seal_broken", "not so", keep=True)


def each_minute(tick: Tick, ctx: Context) -> None:
    """A schedule's handler."""
    ctx.log.info("minute.passed", at=tick.at)


def receive(batch: Batch[Pet], ctx: Context) -> None:
    """A queue's handler: bodies are typed."""
    for message in batch:
        assert_type(message, Message[Pet])
        assert_type(message.body, Pet)
        ctx.log.info("pet.received", name=message.body.name)


front = Function(
    name="front", routes=(Route("GET /pet/{id}", find), Route("POST /pet", add)), sends=("shop-pets",)
)
clock = Function(name="clock", handler=each_minute, timeout=seconds(30))
pets = Function(name="pets", handler=receive)

service = Service(
    name="shop",
    database=Database("shop", secret="shop/db-credentials"),
    functions=(front, clock, pets),
    schedules=(Schedule(every=minutes(1), runs=clock),),
    queues=(Queue(name="shop-pets", runs=pets, attempts=5),),
    alarms=(Alarm(name="slow", about="people wait", metric="Waited", statistic="p95", over=30),),
)
assert_type(service, Service)


def complain(problem: Problem) -> Pet:
    """Refusals in another shape."""
    return Pet(problem.code)


assert_type(Problems(complain, statuses=((422, 400),)), Problems)
Route("GET /pet/{id}", find, refuses=("404 no_pet",), answers={200: Pet}, example={"id": "1"})
Route("GET /pet/{id}", find, refuses="404 no_pet")  # type: ignore[arg-type]  # a tuple: there may be several

Route("GET /pet", 3)  # type: ignore[arg-type]  # a handler is a function
Function(nane="front")  # type: ignore[call-arg]  # a typing error is seen before anything runs
