"""The migrator: brings every database to the state of a release's files before its code goes live."""

from lamppost import Function, Service, minutes
from services.migrator import rollout

# One at a time would be enough, and reserving it would take from the account: the lock does that.
# A rollout ends itself within five minutes; pieces of jobs take the time there is.
migrate = Function(name="migrator", handler=rollout.handle, timeout=minutes(15), memory_mb=512, migrates=True)

service = Service(
    name="migrator",
    about="brings the tables to the state of the files, before new code goes live",
    named="migrator-{env}",
    functions=(migrate,),
)
