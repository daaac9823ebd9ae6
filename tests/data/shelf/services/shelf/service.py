"""Books that each belong to one reader: an API to try promises on."""

from lamppost import Authorizer, Database, Function, Rate, Route, Service

from . import api

NONE = "404 book_not_found"
SEA = {"title": "The sea", "pages": 208}

shelf = Function(
    name="api",
    routes=(
        Route("POST /book", api.add, status=201, refuses=(), example={"body": SEA}),
        Route("GET /book", api.listing, refuses=()),
        Route("GET /book/{id}", api.find, refuses=(NONE,)),
        Route("PATCH /book/{id}", api.change, refuses=(NONE,), example={"body": {"pages": 209}}),
        Route(
            "DELETE /book/{id}", api.remove, refuses=(NONE,), scopes=("shelf/burn",), idempotency="required"
        ),
        Route("GET /hours", api.hours, public=True, refuses=()),
        Route("GET /reminders", api.reminders, public=True, refuses=(), example={"shelf": "sea"}),
        Route("POST /letter", api.sealed, public=True, refuses=()),
    ),
)

service = Service(
    name="shelf",
    about="keeps books, each for its reader",
    version="2.1.0",
    database=Database("shelf", secret="shelf/db"),
    functions=(shelf,),
    authorizer=Authorizer(audience=("shelf",)),
    rates=(Rate("api", 100_000),),
    rate="api",
)
