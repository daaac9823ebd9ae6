"""The stacks of services: everything that one declares, where `infra/stages.toml` puts it."""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambdas
from aws_cdk import aws_secretsmanager as secrets
from aws_cdk import aws_sqs as sqs

from lamppost.cloud.api import api
from lamppost.cloud.buckets import bucket
from lamppost.cloud.failures import failures
from lamppost.cloud.functions import Ground, function
from lamppost.cloud.identity import Identity
from lamppost.cloud.migrations import Migrations, live
from lamppost.cloud.monitoring import Monitoring, watch
from lamppost.cloud.queues import queue
from lamppost.cloud.schedules import schedule, schedules
from lamppost.cloud.site import Place, Site, pascal
from lamppost.derive.manifest import FunctionEntry, SecretEntry, ServiceEntry

Functions = dict[str, lambdas.IFunction]


def services(
    ground: Ground,
    migrated: Migrations,
    identity: Identity | None,
    watching: Monitoring,
    hosted: cdk.Stack | None,
) -> dict[str, str]:
    """Every stack that holds a service, in the order of their names; the id of each service's API.

    APIs wait for the stack of their host, where they are `hosted`.
    """
    site = ground.site
    apis: dict[str, str] = {}
    together: dict[str, list[ServiceEntry]] = {}
    for service in site.manifest.services:
        if _serving(service):
            together.setdefault(site.stage.service_stack(service.name), []).append(service)
    stacks = {name: _stack(site, name, migrated, together[name]) for name in sorted(together)}
    for name, stack in stacks.items():
        for service in together[name]:
            # Several services in one stack may each have a function called api.
            prefix = pascal(service.name) if len(together[name]) > 1 else ""
            place = Place(site, stack, service, prefix)
            functions = _service(ground, place)
            if any(entry.routes for entry in service.functions):
                beside = _api_stack(place, migrated)
                if identity is not None:
                    beside.add_stack_dependency(identity.stack)
                if hosted is not None:
                    beside.add_stack_dependency(hosted)
                made = apis[service.name] = api(Place(site, beside, service, prefix), functions, identity)
                watch(watching, place, beside=beside, api=made)
            else:
                watch(watching, place)
        live(ground, stack, migrated, [service.name for service in together[name]])
    return apis


def _serving(service: ServiceEntry) -> tuple[FunctionEntry, ...]:
    """The functions of a service but the migrator, which stands before them all."""
    return tuple(entry for entry in service.functions if not entry.migrates)


def _stack(site: Site, name: str, migrated: Migrations, held: list[ServiceEntry]) -> cdk.Stack:
    about = "; ".join(f"{service.name}: {service.about or 'a service'}" for service in held)
    stack = site.stack(site.called(name), about, id=name.replace("{env}", site.env))
    stack.add_stack_dependency(migrated.stack)
    return stack


def _api_stack(place: Place, migrated: Migrations) -> cdk.Stack:
    stage, service = place.site.stage, place.service
    name = stage.api_stack(service.name)
    if name == stage.service_stack(service.name):
        return place.stack
    stack = _stack(place.site, name, migrated, [service])
    stack.add_stack_dependency(place.stack)
    return stack


def _service(ground: Ground, place: Place) -> Functions:
    service = place.service
    functions = {entry.name: function(ground, place, entry) for entry in _serving(service)}
    failed = {
        entry.name: _failures(place, entry, functions[entry.name])
        for entry in _serving(service)
        if entry.kind in ("schedule", "invoke")
    }
    for source in service.queues:
        queue(place, source, functions)
    group = schedules(place) if service.schedules else ""
    for pace in service.schedules:
        schedule(place, group, pace, functions[pace.runs], failed[pace.runs])
    for held in service.buckets:
        bucket(place, held)
    for secret in service.secrets:
        _secret(place, secret)
    return functions


def _failures(place: Place, entry: FunctionEntry, function: lambdas.IFunction) -> sqs.Queue:
    paces = [each.every for each in place.service.schedules if each.runs == entry.name]
    if not paces:
        return failures(place, entry, function)
    # The next tick does what this one did not.
    return failures(place, entry, function, retries=0, age=timedelta(seconds=min(paces)))


def _secret(place: Place, entry: SecretEntry) -> None:
    secrets.Secret(
        place.stack,
        f"{pascal(entry.name.replace('/{env}', '').replace('/', '-'))}Secret",
        secret_name=place.site.called(entry.name),
        description=entry.about,
        removal_policy=place.site.kept,
        generate_secret_string=secrets.SecretStringGenerator(password_length=64, exclude_punctuation=True),
    )
