"""Birthdays: people come in over HTTP, greetings go out through a webhook."""

from lamppost import (
    Alarm,
    Authorizer,
    Database,
    Function,
    Parameter,
    Queue,
    Route,
    Schedule,
    Secret,
    Service,
    days,
    minutes,
    seconds,
)
from services.birthday import api, operations, scheduler, worker

ADA = {"firstName": "Ada", "lastName": "Lovelace", "dateOfBirth": "1990-12-10", "timezone": "Europe/London"}
NOBODY = "404 USER_NOT_FOUND"
UNFIT = ("422 invalid_text", "422 invalid_date", "422 unknown_time_zone")

people = Function(
    name="api",
    routes=(
        Route("GET /health", api.healthy, public=True, refuses=()),
        Route("POST /user", api.create_user, status=201, refuses=UNFIT, example={"body": ADA}),
        Route("GET /user/{id}", api.get_user, refuses=(NOBODY,)),
        Route(
            "PUT /user/{id}",
            api.update_user,
            refuses=(NOBODY, *UNFIT),
            example={"body": {"timezone": "Europe/Paris"}},
        ),
        Route("DELETE /user/{id}", api.delete_user, refuses=(NOBODY,)),
        Route(
            "PUT /user/{id}/dates/{kind}",
            api.put_date,
            refuses=(NOBODY, "404 KIND_NOT_FOUND", "409 BIRTHDAY_FOLLOWS", "422 invalid_date"),
            example={"body": {"date": "2015-06-01"}},
        ),
    ),
    reads=("/bday/leap-day",),
)
collect = Function(
    name="scheduler",
    handler=scheduler.collect_due,
    timeout=minutes(1),
    sends=("bday-messages", "bday-messages-dlq"),
)
deliver = Function(
    name="worker",
    handler=worker.deliver,
    timeout=seconds(30),
    internet=True,
    sends=("bday-messages", "bday-messages-dlq"),
    reads=("/bday/webhook-url", "bday/webhook-signing"),
)
operate = Function(
    name="operations",
    handler=operations.operate,
    timeout=minutes(1),
    sends=("bday-messages",),
    reads=("/bday/webhook-url",),
)

service = Service(
    name="birthday",
    prefix="bday",
    about="Greets people at nine in the morning of their birthday, where they live.",
    database=Database("bday", secret="bday/db-credentials"),
    # On AWS a Cognito client's token opens it; on one machine curl does, as in the README.
    authorizer=Authorizer(audience=("bday",), local=False),
    functions=(people, collect, deliver, operate),
    schedules=(Schedule(every=minutes(1), runs=collect),),
    queues=(
        Queue(
            name="bday-messages",
            runs=deliver,
            batch=10,
            concurrency=10,
            attempts=5,
            # A dead letter's age counts from its first sending: with equal times the latest would be lost.
            keep=days(4),
            dead_keep=days(14),
        ),
    ),
    # What a queue of chunks cannot tell: one message stands for up to a thousand greetings.
    alarms=(
        Alarm(
            name="backlog",
            about="more than 1,000 greetings are due and wait",
            metric="UndeliveredEvents",
            statistic="Maximum",
            over=1000,
            period=minutes(1),
            periods=5,
        ),
        Alarm(
            name="delivery-failures",
            about="more than a tenth of the attempts to deliver fail",
            metric="DeliveryFailures",
            of="DeliveryAttempts",
            over=10,
        ),
    ),
    parameters=(
        Parameter("/bday/webhook-url", "where greetings are posted", local="{inbox}"),
        Parameter("/bday/leap-day", "march-1 or february-28, for those born on 29 February; unset: march-1"),
    ),
    secrets=(Secret("bday/webhook-signing", 'signs greetings: "whsec_" and base64 of 24 to 64 bytes'),),
    operations=operate,
)
