"""Users: people, their organisations, and who may do what in them. Other services' tenants come from here."""

from lamppost import Authorizer, Database, Function, Route, Secret, Service, Tenants
from services.users import api, shapes

UNFIT = "422 invalid_text"
NO_PROFILE = "404 profile_not_found"
NO_MEMBERSHIP = "404 membership_not_found"
LAST_OWNER = "409 last_owner"
PAGE = ("400 cursor_invalid",)

people = Function(
    name="api",
    routes=(
        Route("GET /", api.now, public=True, refuses=()),
        Route("GET /health", api.healthy, public=True, refuses=()),
        Route(
            "POST /profile",
            api.sign_up,
            refuses=(UNFIT,),
            answers={201: shapes.Profile, 200: shapes.Profile},
            example={"body": {"name": "Ada Lovelace", "email": "ada@example.com"}},
        ),
        Route("GET /profile", api.get_profile, refuses=(NO_PROFILE,)),
        Route(
            "PATCH /profile",
            api.change_profile,
            refuses=(NO_PROFILE, UNFIT),
            example={"body": {"name": "Augusta Ada King"}},
        ),
        Route(
            "POST /organisations",
            api.found,
            status=201,
            refuses=(UNFIT,),
            example={"body": {"name": "Analytical Engines"}},
        ),
        Route("GET /organisations", api.my_organisations, refuses=PAGE),
        Route("GET /organisations/{organisation}", api.get_organisation, refuses=()),
        Route(
            "PATCH /organisations/{organisation}",
            api.rename,
            refuses=(UNFIT,),
            example={"body": {"name": "Difference Engines"}},
        ),
        Route(
            "POST /organisations/{organisation}/accept",
            api.accept,
            refuses=("409 membership_exists",),
            example={"body": {}},
        ),
        Route("GET /organisations/{organisation}/memberships", api.members, refuses=PAGE),
        Route(
            "POST /organisations/{organisation}/memberships",
            api.invite,
            status=201,
            refuses=("409 membership_exists", "422 one_of", UNFIT),
            example={"body": {"email": "charles@example.com", "role": "member"}},
        ),
        Route(
            "PATCH /organisations/{organisation}/memberships/{id}",
            api.change_membership,
            refuses=(NO_MEMBERSHIP, LAST_OWNER, "409 not_accepted"),
            example={"body": {"role": "viewer"}},
        ),
        Route(
            "DELETE /organisations/{organisation}/memberships/{id}",
            api.remove_membership,
            refuses=(NO_MEMBERSHIP, LAST_OWNER),
        ),
    ),
    reads=("users/{env}/cursors",),
)

service = Service(
    name="users",
    named="users-{env}",
    about="People, their organisations, and who may do what in them.",
    database=Database("app", secret="app/{env}/postgres/credentials"),
    authorizer=Authorizer(audience=("app",)),
    tenants=Tenants(memberships="users.memberships", active=("status", "active")),
    rate="api",
    functions=(people,),
    secrets=(Secret("users/{env}/cursors", "seals the cursors of lists; another value ends those in use"),),
)
