"""The network: one, in two zones, that nobody enters, and that says whom it refused."""

from collections.abc import Iterator

from lamppost.cloud.rules.stacks import Broken, Resource, Stacks

ANYWHERE = ("0.0.0.0/0", "::/0")
GROUP = "EC2::SecurityGroup"


def one_network(stacks: Stacks) -> Iterator[Broken]:
    """A stage has one network: two would need a way between them."""
    for another in list(stacks.of("EC2::VPC"))[1:]:
        yield another.broken("is a second network", "stand in the first")


def refusals_are_noted(stacks: Stacks) -> Iterator[Broken]:
    """Whom the network refuses can be read."""
    noted = {
        found.id
        for log in stacks.of("EC2::FlowLog")
        if log.get("TrafficType") in ("REJECT", "ALL")
        and (found := stacks.target(log.stack, log.get("ResourceId")))
    }
    for vpc in stacks.of("EC2::VPC"):
        if vpc.id not in noted:
            yield vpc.broken("tells nobody what it refused", "give it a flow log")


def nobody_comes_in(stacks: Stacks) -> Iterator[Broken]:
    """No group lets the internet in: API Gateway and Scheduler call functions from elsewhere."""
    for rule, where in _entrances(stacks):
        if rule.get("CidrIp") in ANYWHERE or rule.get("CidrIpv6") in ANYWHERE:
            yield where.broken(
                f"lets the internet in at port {rule.get('FromPort', 'any')}", "name the group that may"
            )


def only_groups_reach_the_database(stacks: Stacks) -> Iterator[Broken]:
    """PostgreSQL's port is open to groups of functions, not to addresses."""
    guards = {
        (found.stack, found.id)
        for instance in stacks.of("RDS::DBInstance")
        for each in instance.get("VPCSecurityGroups", default=[])
        if (found := stacks.target(instance.stack, each))
    }
    for rule, where in _entrances(stacks):
        group = where if where.kind == f"AWS::{GROUP}" else stacks.target(where.stack, where.get("GroupId"))
        if group and (group.stack, group.id) in guards and not rule.get("SourceSecurityGroupId"):
            yield where.broken("opens the database to addresses", "name the group of the functions")


def _entrances(stacks: Stacks) -> Iterator[tuple[dict[str, object], Resource]]:
    for group in stacks.of(GROUP):
        for rule in group.get("SecurityGroupIngress", default=[]):
            yield rule, group
    for single in stacks.of("EC2::SecurityGroupIngress"):
        yield single.body.get("Properties", {}), single


def database_stands_where_no_way_leads(stacks: Stacks) -> Iterator[Broken]:
    """The database's subnets are in two zones, and no route leads out of them."""
    leading = {
        (found.stack, found.id)
        for route in stacks.of("EC2::Route")
        if (found := stacks.target(route.stack, route.get("RouteTableId")))
        and (
            route.get("DestinationCidrBlock") in ANYWHERE or route.get("DestinationIpv6CidrBlock") in ANYWHERE
        )
    }
    outward = {
        (subnet.stack, subnet.id)
        for each in stacks.of("EC2::SubnetRouteTableAssociation")
        if (table := stacks.target(each.stack, each.get("RouteTableId")))
        and (table.stack, table.id) in leading
        and (subnet := stacks.target(each.stack, each.get("SubnetId")))
    }
    for group in stacks.of("RDS::DBSubnetGroup"):
        subnets = [stacks.target(group.stack, each) for each in group.get("SubnetIds", default=[])]
        if len(subnets) < 2:
            yield group.broken("has one zone, and RDS asks for two", "give it a subnet in each zone")
        for found in subnets:
            if found and (found.stack, found.id) in outward:
                yield group.broken(
                    f"stands in {found.id}, from where a way leads out", "use the isolated tier"
                )


def functions_stand_behind_the_door(stacks: Stacks) -> Iterator[Broken]:
    """No function stands in a subnet that the internet gateway serves: it would have no way out there."""
    gateways = {
        (found.stack, found.id)
        for route in stacks.of("EC2::Route")
        if route.get("GatewayId") and (found := stacks.target(route.stack, route.get("RouteTableId")))
    }
    public = {
        (subnet.stack, subnet.id)
        for each in stacks.of("EC2::SubnetRouteTableAssociation")
        if (table := stacks.target(each.stack, each.get("RouteTableId")))
        and (table.stack, table.id) in gateways
        and (subnet := stacks.target(each.stack, each.get("SubnetId")))
    }
    for function in stacks.of("Lambda::Function"):
        for each in function.get("VpcConfig", "SubnetIds", default=[]):
            found = stacks.target(function.stack, each)
            if found and (found.stack, found.id) in public:
                yield function.broken(
                    "stands in the public tier, without a public address", "use the private"
                )


RULES = (
    one_network,
    refusals_are_noted,
    nobody_comes_in,
    only_groups_reach_the_database,
    database_stands_where_no_way_leads,
    functions_stand_behind_the_door,
)
