"""Buckets as declared: what is refused, what they are called, and who may use them."""

from typing import Any

import pytest

from lamppost import AuthorError, Bucket, Context, Function, Route, Service, System, days, hours, megabytes
from lamppost.declare import names
from lamppost.derive import manifest
from lamppost.derive.describe import describe
from lamppost.derive.grants import grants

FILES = Bucket("orders-files", "what customers attach", types=("image/png",), cors=("https://app.example",))


def show(ctx: Context) -> None: ...


def service(*stores: str, **more: Any) -> Service:
    api = Function(name="api", routes=(Route("GET /file", show),), stores=stores)
    return Service(name="orders", functions=(api,), **{"buckets": (FILES,), **more})


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Orders_Files"},
        {"name": "files.orders"},
        {"name": "f" * 60},
        {"keep": hours(36)},
        {"keep": days(0)},
        {"types": ()},
        {"types": ("image/*",)},
        {"types": ("text/plain; charset=utf-8",)},
        {"types": ("text/plain\r\nx: y",)},
        {"largest": 0},
        {"largest": megabytes(6000)},
        {"cors": ("*",)},
        {"cors": ("https://app.example/",)},
        {"cors": ("https://*.example",)},
    ],
    ids=repr,
)
def test_a_bucket_that_s3_would_not_make_is_refused_where_it_is_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(AuthorError):
        Bucket(**{"name": "orders-files", "about": "", **wrong})


@pytest.mark.parametrize(
    "stores", ["other", "orders-files/", "orders-files/../x", "/x", "orders-files/lamppost-answers"]
)
def test_a_function_stores_in_a_bucket_of_its_service_or_a_folder_there(stores: str) -> None:
    with pytest.raises(AuthorError):
        service(stores)


def test_a_bucket_belongs_to_one_service() -> None:
    other = Service(name="users", functions=(Function(name="api", handler=show),), buckets=(FILES,))
    with pytest.raises(AuthorError, match="two services declare the bucket"):
        System((service("orders-files"), other))


def test_a_buckets_name_carries_its_stage_and_its_account() -> None:
    assert names.bucket("orders-files", "prod", account="123456789012") == "orders-files-123456789012"
    assert names.bucket("orders-files", "pr-12") == "orders-pr-12-files-000000000000"
    assert "orders-files" in names.local_bucket_names("orders-files")


def test_a_function_may_put_and_get_below_its_place_and_nowhere_else() -> None:
    described = describe(System((service("orders-files/invoices"),)), {"orders": "services/orders"})
    entry = described.services[0]
    held = grants(entry, entry.function("api"), env="prod")
    bucket = names.bucket_arn("orders-files-000000000000")

    def may(action: str, resource: str) -> bool:
        return any(grant.allows(action, resource) for grant in held)

    assert may("s3:PutObject", f"{bucket}/invoices/1")
    assert may("s3:GetObject", f"{bucket}/invoices/1")
    assert may("s3:PutObject", f"{bucket}/lamppost-answers/1")
    assert may("s3:ListBucket", bucket)
    assert not may("s3:GetObject", f"{bucket}/letters/1")
    assert not may("s3:GetObject", f"{bucket}/invoices-of-others/1")
    assert not may("s3:DeleteObject", f"{bucket}/invoices/1")


def test_a_function_deletes_only_where_it_says_so_and_only_where_it_stores() -> None:
    def held(*deletes: str) -> list[tuple[str, ...]]:
        api = Function(
            name="api",
            routes=(Route("GET /file", show),),
            stores=("orders-files/invoices", "orders-files/letters"),
            deletes=deletes,
        )
        declared = Service(name="orders", functions=(api,), buckets=service().buckets)
        entry = describe(System((declared,)), {"orders": ""}).services[0]
        every = grants(entry, entry.function("api"), env="prod")
        return [(grant.resource, *grant.actions) for grant in every if "s3:DeleteObject" in grant.actions]

    bucket = names.bucket_arn("orders-files-000000000000")
    assert held() == []
    assert held("orders-files/letters") == [(f"{bucket}/letters/*", "s3:DeleteObject")]
    with pytest.raises(AuthorError, match="none of its stores"):
        held("orders-files")


def test_the_manifest_says_all_that_a_stack_needs() -> None:
    described = describe(System((service(),)), {"orders": "services/orders"})
    (bucket,) = manifest.read(manifest.write(described)).services[0].buckets
    assert (bucket.name, bucket.keep, bucket.types) == ("orders-files", None, ("image/png",))
    assert (bucket.largest, bucket.cors) == (megabytes(25), ("https://app.example",))
    assert (bucket.answers, bucket.answers_keep) == ("lamppost-answers/", 1)
