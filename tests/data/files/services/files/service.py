"""A service that keeps files for tenants, and answers with more than Lambda carries."""

from lamppost import Bucket, Function, Route, Service, megabytes

from . import api

files = Function(
    name="api",
    routes=(
        Route("POST /files/{tenant}", api.bring, status=201),
        Route("GET /files/{tenant}/{name}", api.fetch),
        Route("PUT /notes/{tenant}", api.note, status=201),
        Route("GET /notes/{tenant}", api.read_note),
        Route("GET /report", api.report),
        Route("GET /picture", api.picture),
    ),
    stores=("test-files/kept", "test-files/notes"),
    database=False,
)
plain = Function(
    name="plain",
    routes=(Route("GET /plain-report", api.report), Route("GET /elsewhere", api.elsewhere)),
    database=False,
)

service = Service(
    name="files",
    functions=(files, plain),
    buckets=(
        Bucket(
            "test-files",
            "what tests bring",
            types=("text/plain", "image/png"),
            largest=megabytes(10),
            cors=("https://app.example",),
        ),
    ),
)
