"""What every stack is made from: the declarations, the stage, and what is shipped."""

import aws_cdk as cdk
import msgspec

from lamppost.cloud.release import Release
from lamppost.cloud.shipped import Shipped
from lamppost.cloud.stages import Stage
from lamppost.declare import names
from lamppost.derive.manifest import DatabaseEntry, FunctionEntry, Manifest, ServiceEntry


class Site(msgspec.Struct, frozen=True):
    """One system in one stage, about to be made. Nothing in it changes while it is."""

    app: cdk.App
    manifest: Manifest
    stage: Stage
    shipped: Shipped
    release: Release

    @property
    def env(self) -> str:
        """The name that the stage's resources carry."""
        return self.stage.env

    @property
    def region(self) -> str:
        """The one region that a stage has."""
        return self.stage.settings.region

    @property
    def account(self) -> str:
        """The stage's account; where it names none, whichever one the stacks are deployed to."""
        return self.stage.settings.account or str(cdk.Aws.ACCOUNT_ID)

    def called(self, name: str) -> str:
        """The physical name of the logical `name`."""
        return names.physical(name, self.env)

    def stack(self, name: str, about: str, *, id: str | None = None) -> cdk.Stack:
        """A new stack. By its `id` people choose it on the command line, by `name` AWS knows it."""
        settings = self.stage.settings
        return cdk.Stack(
            self.app,
            id or name,
            stack_name=name,
            description=about,
            env=cdk.Environment(account=settings.account, region=settings.region),
            termination_protection=settings.protected,
            tags={"lamppost:system": self.stage.system, "lamppost:stage": self.env},
        )

    @property
    def kept(self) -> cdk.RemovalPolicy:
        """What happens to data whose stack goes: it stays, unless the whole stage is to go."""
        return cdk.RemovalPolicy.DESTROY if self.stage.settings.ephemeral else cdk.RemovalPolicy.RETAIN

    def databases(self) -> tuple[DatabaseEntry, ...]:
        """Every database of the system."""
        return tuple(entry for entry, _ in self.manifest.databases().values())

    def functions(self) -> tuple[tuple[ServiceEntry, FunctionEntry], ...]:
        """Every function with its service."""
        return tuple((service, each) for service in self.manifest.services for each in service.functions)


class Place(msgspec.Struct, frozen=True):
    """Where the parts of one service are made. `prefix` sets them apart from those of others in the stack."""

    site: Site
    stack: cdk.Stack
    service: ServiceEntry
    prefix: str = ""

    def id(self, name: str) -> str:
        """A construct's id for the part called `name`: `UsersApi`, or `Api` where the stack is its own."""
        return f"{self.prefix}{pascal(name)}"

    def logs(self, function: str) -> str:
        """The ARN of everything in the log group of the function with this physical name."""
        group = names.log_group(function)
        return f"arn:aws:logs:{self.site.region}:{self.site.account}:log-group:{group}:*"


def export(stack: cdk.Stack, key: str, value: str) -> None:
    """An output of `stack`, exported as `{stack}-{key}`."""
    cdk.CfnOutput(stack, key, value=value, export_name=f"{stack.stack_name}-{key}")


def pascal(name: str) -> str:
    """`db-healthcheck` as CloudFormation names things: `DbHealthcheck`."""
    return "".join(part.title() for part in name.replace("_", "-").split("-"))
