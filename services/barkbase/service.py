"""BarkBase: a kennel's bookings. Its health check is here first; its API comes with its tables."""

from lamppost import Database, Function, Service, seconds
from services.barkbase import healthcheck

db_healthcheck = Function(
    name="db-healthcheck", handler=healthcheck.check, memory_mb=256, timeout=seconds(30)
)

service = Service(
    name="barkbase",
    about="a kennel's bookings",
    named="barkbase-{env}-{function}",
    database=Database("barkbase", secret="barkbase/{env}/postgres/credentials"),
    functions=(db_healthcheck,),
    environment=(("BARKBASE_ENV", "{env}"),),
)
