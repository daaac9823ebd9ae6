"""The topic on which a stage calls for people: alarms and the budget speak, e-mail addresses listen."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from lamppost.cloud.site import Site, export

# Who may speak, and as what: nobody else's alarms, and no other account's.
_ALARMS = ("cloudwatch.amazonaws.com", "arn:aws:cloudwatch:{region}:{account}:alarm:*")
_BUDGETS = ("budgets.amazonaws.com", "arn:aws:budgets::{account}:*")


def topic_arn(site: Site) -> str:
    """The topic's ARN, which stacks know without a reference."""
    return f"arn:aws:sns:{site.region}:{site.account}:{_name(site)}"


def topic(site: Site, stack: Stack) -> None:
    """The topic, encrypted, over TLS only. Each address confirms by a link in a first e-mail."""
    settings = site.stage.settings
    spoken = (_ALARMS, _BUDGETS) if settings.budget_usd is not None else (_ALARMS,)
    made = sns.Topic(
        stack,
        "AlarmTopic",
        topic_name=_name(site),
        display_name=f"{site.stage.system} {site.env}",
        master_key=_key(site, stack, spoken),
        enforce_ssl=True,
    )
    for speaker in spoken:
        made.add_to_resource_policy(_may(site, speaker, ("sns:Publish",), made.topic_arn))
    for number, address in enumerate(settings.alarms_to, 1):
        sns.CfnSubscription(
            stack, f"AlarmsTo{number}", topic_arn=made.topic_arn, protocol="email", endpoint=address
        )
    export(stack, "AlarmTopicArn", made.topic_arn)


def _key(site: Site, stack: Stack, spoken: tuple[tuple[str, str], ...]) -> kms.Key:
    # AWS's own key for SNS is closed to CloudWatch: alarms would ring and nobody would hear.
    key = kms.Key(
        stack,
        "AlarmKey",
        description=f"Encrypts what {site.stage.system} calls for people in {site.env}",
        enable_key_rotation=True,
        # Nothing is kept under it.
        removal_policy=RemovalPolicy.DESTROY,
    )
    for speaker in spoken:
        key.add_to_resource_policy(_may(site, speaker, ("kms:Decrypt", "kms:GenerateDataKey*"), "*"))
    return key


def _may(
    site: Site, speaker: tuple[str, str], actions: tuple[str, ...], resource: str
) -> iam.PolicyStatement:
    principal, source = speaker
    return iam.PolicyStatement(
        actions=list(actions),
        principals=[iam.ServicePrincipal(principal)],
        resources=[resource],
        conditions={
            "StringEquals": {"aws:SourceAccount": site.account},
            "ArnLike": {"aws:SourceArn": source.format(region=site.region, account=site.account)},
        },
    )


def _name(site: Site) -> str:
    return f"{site.stage.system}-{site.env}-alarms"
