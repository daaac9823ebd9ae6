"""What the network and the edge cost: ways out, addresses, endpoints, distributions."""

from collections.abc import Iterator

from lamppost.derive.cost.scene import Scene, moving, standing
from lamppost.derive.cost.template import Resource
from lamppost.derive.cost.use import Use, figure

# Amazon Linux 2023 as AWS publishes it asks for a disk of 8 GB.
_DISK_GB = 8


def gateway(each: Resource, scene: Scene) -> Iterator[Use]:
    """A NAT gateway, and what goes through it."""
    yield from standing("nat.hours", scene.hours, each, f"{figure(scene.hours)} h")
    beside = sum(1 for _ in scene.templates.of("AWS::EC2::NatGateway"))
    gb = scene.posted_gb() / beside
    yield from moving("nat.gb", gb, each, f"{figure(gb)} GB that functions send out")


def address(each: Resource, scene: Scene) -> Iterator[Use]:
    """A public address."""
    return standing("vpc.public_ipv4", scene.hours, each, f"one address, {figure(scene.hours)} h")


def instance(each: Resource, scene: Scene) -> Iterator[Use]:
    """A machine, its disk, and its address."""
    size = each.get("InstanceType")
    yield from standing(f"ec2.{size}", scene.hours, each, f"{size}, {figure(scene.hours)} h")
    disks = [disk.get("Ebs", {}) for disk in each.get("BlockDeviceMappings") or ()]
    gb = sum(float(disk.get("VolumeSize") or _DISK_GB) for disk in disks) or _DISK_GB
    yield from standing("ebs.gp3", gb, each, f"{figure(gb)} GB")
    if any(card.get("AssociatePublicIpAddress") for card in each.get("NetworkInterfaces") or ()):
        yield from standing("vpc.public_ipv4", scene.hours, each, f"its address, {figure(scene.hours)} h")


def endpoint(each: Resource, scene: Scene) -> Iterator[Use]:
    """A door to one AWS service, in each of its zones; those to S3 and DynamoDB are free."""
    if each.get("VpcEndpointType") != "Interface":
        return
    zones = len(each.get("SubnetIds") or ()) or 1
    yield from standing("vpc.endpoint", zones * scene.hours, each, f"{zones} zones × {figure(scene.hours)} h")


def distribution(each: Resource, scene: Scene) -> Iterator[Use]:
    """CloudFront: pages, and how large they are."""
    pages, gb = scene.traffic.pages, scene.traffic.pages_gb
    yield from moving("cloudfront.requests", pages, each, f"{figure(pages)} requests")
    yield from moving("cloudfront.gb", gb, each, f"{figure(gb)} GB")


def firewall(each: Resource, scene: Scene) -> Iterator[Use]:
    """WAF: the list, its rules, and what passes them."""
    rules = len(each.get("Rules") or ())
    yield from standing("waf.acl", 1, each, "one list")
    yield from standing("waf.rule", rules, each, f"{rules} rules")
    yield from moving("waf.requests", scene.traffic.pages, each, f"{figure(scene.traffic.pages)} requests")


def zone(each: Resource, _scene: Scene) -> Iterator[Use]:
    """A hosted zone of Route 53."""
    return standing("route53.zone", 1, each, "one zone")
