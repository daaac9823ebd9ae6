"""The SharedResourcesStack: what functions of all services have below their own code."""

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_lambda as lambdas

from lamppost.cloud.shipped import Zip
from lamppost.cloud.site import Site, export, pascal

ARCHITECTURE = lambdas.Architecture.ARM_64
RUNTIME = lambdas.Runtime.PYTHON_3_13


class Layers(msgspec.Struct, frozen=True):
    """The layers by the names that `pack` gives them."""

    stack: cdk.Stack
    layers: dict[str, lambdas.LayerVersion]

    def named(self, names: tuple[str, ...]) -> list[lambdas.LayerVersion]:
        """These layers, in this order."""
        return [self.layers[name] for name in names]


def layers(site: Site) -> Layers:
    """The stack and its layers; `DbLayerArn` is the seed's export."""
    stack = site.stack(site.stage.platform("SharedResources"), "Layers that functions of all services share")
    made = {
        name: lambdas.LayerVersion(
            stack,
            _id(name),
            layer_version_name=f"{site.stage.system}-{site.env}-{name}",
            code=code(zipped),
            compatible_architectures=[ARCHITECTURE],
            compatible_runtimes=[RUNTIME],
            # A function that is rolled back asks for the version it had.
            removal_policy=site.kept,
        )
        for name, zipped in site.shipped.layers.items()
    }
    for layer in made.values():
        export(stack, f"{layer.node.id}Arn", layer.layer_version_arn)
    return Layers(stack, made)


def code(zipped: Zip) -> lambdas.Code:
    """A zip as CDK ships it."""
    return lambdas.Code.from_asset(
        str(zipped.path), asset_hash=zipped.digest, asset_hash_type=cdk.AssetHashType.CUSTOM
    )


def _id(name: str) -> str:
    return pascal(name) if name.endswith("layer") else f"{pascal(name)}Layer"
