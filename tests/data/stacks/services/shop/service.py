"""Declares what the services of this repository do not: a judge, pages elsewhere, large batches."""

from services.shop import acts

from lamppost import (
    Authorizer,
    Bucket,
    Cors,
    Database,
    Function,
    Parameter,
    Queue,
    Rate,
    Route,
    Schedule,
    Service,
    days,
    hours,
    minutes,
    seconds,
)

judge = Function(name="judge", handler=acts.judge, database=False, memory_mb=128)
front = Function(
    name="front",
    timeout=seconds(10),
    routes=(
        Route("GET /hello", acts.hello, public=True),
        Route("GET /parcels/{id}", acts.parcel, rate="slow", scopes=("shop/read",)),
        Route("ANY /raw", acts.hello),
    ),
    reads=("/shop/colour",),
    stores=("shop-photos",),
    sends=("shop-parcels",),
)
pack = Function(name="pack", handler=acts.pack, timeout=seconds(20), concurrency=7)
sweep = Function(name="sweep", handler=acts.pack)
migrate = Function(name="migrate", handler=acts.pack, migrates=True)

service = Service(
    name="shop",
    about="sells things",
    database=Database("shop", secret="shop/credentials"),
    authorizer=Authorizer(audience=("shop",), function=judge, cache=minutes(2)),
    functions=(judge, front, pack, sweep, migrate),
    schedules=(Schedule(every=hours(1), runs=sweep),),
    queues=(Queue(name="shop-parcels", runs=pack, batch=100, concurrency=3, attempts=4, keep=days(2)),),
    buckets=(Bucket("shop-photos", "photos", keep=days(30), cors=("https://shop.example",)),),
    parameters=(Parameter("/shop/colour", "of the front page"),),
    rates=(Rate("slow", 10, burst=2, callers=60),),
    cors=Cors(origins=("https://{env}.shop.example",), credentials=True, local=("http://localhost:3000",)),
)
