"""The ShellStack: a small machine without a door, the way of `lamppost db shell --stage` to the database.

Nobody can log in to it: it has no key, no public address, and its groups let nothing in. Systems Manager's
agent calls out from it, and IAM says who may ask the agent for a way to the database.
"""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from lamppost.cloud.functions import Ground
from lamppost.cloud.site import export

# What the agent needs for a session, and no more: AWS's own policy also reads every parameter.
# https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
_SESSION = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
_DISK_GB = 8


def shell(ground: Ground) -> None:
    """The stack, where the stage has `shell = true`."""
    site = ground.site
    if not site.stage.settings.shell:
        return
    stack = site.stack(site.stage.platform("Shell"), "A way to the database for people, by Systems Manager")
    stack.add_stack_dependency(ground.network.stack)
    machine = ec2.Instance(
        stack,
        "Shell",
        instance_name=f"{site.stage.system}-{site.env}-shell",
        vpc=ground.network.vpc,
        vpc_subnets=ec2.SubnetSelection(subnet_group_name="private"),
        instance_type=ec2.InstanceType("t4g.nano"),
        machine_image=ec2.MachineImage.latest_amazon_linux2023(cpu_type=ec2.AmazonLinuxCpuType.ARM_64),
        security_group=_app(stack, ground.network.groups.app),
        role=_role(stack, f"{site.stage.system}-{site.env}"),
        require_imdsv2=True,
        block_devices=[
            ec2.BlockDevice(
                device_name="/dev/xvda", volume=ec2.BlockDeviceVolume.ebs(_DISK_GB, encrypted=True)
            )
        ],
    )
    export(stack, "ShellInstanceId", machine.instance_id)


def _app(stack: cdk.Stack, group: ec2.SecurityGroup) -> ec2.ISecurityGroup:
    # Known by its id, so that nothing is added to it from here.
    return ec2.SecurityGroup.from_security_group_id(stack, "App", group.security_group_id, mutable=False)


def _role(stack: cdk.Stack, name: str) -> iam.Role:
    return iam.Role(
        stack,
        "ShellRole",
        assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
        description=f"What the agent on {name}-shell may do: hold a session",
        inline_policies={
            "Session": iam.PolicyDocument(
                # None of them has a resource that could be named.
                statements=[iam.PolicyStatement(actions=list(_SESSION), resources=["*"])]
            )
        },
    )
