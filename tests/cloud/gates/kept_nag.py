"""What cdk-nag finds and we keep."""

from functools import partial

from tests.cloud.gates.acknowledged import Kept

_kept = partial(Kept, tool="nag")
SMALL = ("dev", "staging", "pr-12", "shut", "six")
FUNCTION_ROLE = r".*/\w*FunctionRole"
CDKS_OWN = r".*/Rollout/framework-onEvent"

NAG = (
    _kept(
        rule="AwsSolutions-APIG4",
        where=r".*Route \w+ .*",
        why="health and 405s answer strangers; rule open-routes-are-declared knows each",
    ),
    _kept(rule="AwsSolutions-CFR1", where=".*/Distribution", why="pages are for readers of all countries"),
    _kept(
        rule="AwsSolutions-CFR2",
        where=".*/Distribution",
        why="files are read and nothing else; edge.waf is there for whoever pays for one",
    ),
    _kept(
        rule="AwsSolutions-CFR3",
        where=".*/Distribution",
        stages=SMALL,
        why="who read a page of dev is nobody's business; prod has edge.logs",
    ),
    _kept(
        rule="AwsSolutions-CFR4",
        where=".*/Distribution",
        why="CloudFront's own name allows what it does; a stage with a domain has TLS 1.2 at least",
    ),
    _kept(
        rule="AwsSolutions-COG8",
        why="the Plus plan has no free tier; it is for systems whose people are attacked by name",
    ),
    _kept(rule="AwsSolutions-COG2", why="people choose a second factor; a pet owner is not made to"),
    _kept(
        rule="AwsSolutions-EC26",
        where=".*/NatInstance",
        why="its disk is Amazon's image as it came: nothing is written there",
    ),
    _kept(rule="AwsSolutions-EC28", where=".*/NatInstance", why="five-minute figures do for what costs 3 $"),
    _kept(
        rule="AwsSolutions-EC28",
        where=".*/Shell",
        why="it is there for an hour with a psql; five-minute figures do",
    ),
    _kept(
        rule="AwsSolutions-EC29",
        where=".*/Shell",
        why="it holds nothing: the next deployment makes another",
    ),
    _kept(
        rule="AwsSolutions-EC29",
        where=".*/NatInstance",
        why="it holds nothing; a stage whose way out must not stop pays for a gateway",
    ),
    _kept(
        rule="AwsSolutions-IAM5",
        where=FUNCTION_ROLE,
        detail=r"Resource::\*",
        why="interfaces and spans have no names; rule resources-are-named knows each action",
    ),
    _kept(
        rule="AwsSolutions-IAM5",
        where=".*/JobsRole",
        detail=r"Resource::\*",
        why="a state machine's logs go through deliveries without names; the rule knows each action",
    ),
    _kept(
        rule="AwsSolutions-IAM5",
        where=FUNCTION_ROLE,
        detail=r"Resource::arn:aws:logs:.*:log-group:/aws/lambda/[a-z0-9-]+:\*",
        why="the streams of the function's own group",
    ),
    _kept(
        rule="AwsSolutions-IAM5",
        where=".*/MonitoringRole",
        detail=r"Resource::arn:aws:logs:.*:RDSOSMetrics:log-stream:\*",
        why="RDS names the stream by an id that it has yet to give",
    ),
    _kept(
        rule="AwsSolutions-IAM5",
        where=FUNCTION_ROLE,
        detail=r"Resource::arn:aws:s3:::[a-z0-9-]+-(\d+|<AWS::AccountId>)/([a-z-]+/)?\*",
        why="objects of one bucket, or of one folder in it",
    ),
    _kept(
        rule="AwsSolutions-IAM5",
        where=".*/ShellRole",
        detail=r"Resource::\*",
        why="Session Manager's channels have no names; the rule knows each action",
    ),
    _kept(
        rule="AwsSolutions-L1",
        where=r".*/\w+Function",
        why="3.13 is what layers are built and tested for; AWS keeps it until 2029",
    ),
    _kept(rule="AwsSolutions-RDS2", where=".*/Replica", why="a replica is encrypted as its source is"),
    _kept(rule="AwsSolutions-RDS3", where=".*/Replica", why="a replica is a second instance already"),
    _kept(
        rule="AwsSolutions-RDS3", stages=SMALL, why="an hour without dev is cheaper than a second instance"
    ),
    _kept(
        rule="AwsSolutions-RDS10", stages=SMALL, why="a stage that nobody depends on may be deleted; prod not"
    ),
    _kept(
        rule="AwsSolutions-RDS11",
        why="5432 is open to one security group; another number hides it from nobody in there",
    ),
    _kept(rule="AwsSolutions-S1", where=".*/SiteBucket", why="CloudFront alone reads it, and has logs"),
    _kept(rule="AwsSolutions-S1", where=".*/LogBucket", why="a log of the log has no end"),
    _kept(
        rule="AwsSolutions-S1",
        where=".*/(OrdersFiles|ShopPhotos)Bucket",
        why="each upload and its owner are rows already",
    ),
    _kept(
        rule="AwsSolutions-SMG4",
        where=r".*/\w+(Cursors|Signing)\w*Secret",
        why="receivers verify with the signing secret, callers hold cursors: a person announces the change",
    ),
    _kept(
        rule="AwsSolutions-SMG4",
        where=r".*-DatabaseStack-.*/\w+Secret",
        why="a database's password changes with the migrator's next run, not on a day of the week",
    ),
    _kept(
        rule="AwsSolutions-SQS3",
        where=r".*/\w*Failures",
        why="these are the dead letters of functions, and of schedules",
    ),
    _kept(
        rule="Serverless-LambdaDLQ",
        why="callers of an API get the error; others have a destination: rule failures-go-somewhere",
    ),
    _kept(
        rule="Serverless-SNSRedrivePolicy",
        where=r".*/AlarmsTo\d+",
        why="what cannot be delivered is an e-mail: the alarm stays on in CloudWatch",
    ),
    _kept(rule="Serverless-LambdaDefaultMemorySize", where=CDKS_OWN, why="CDK's function waits for another"),
    _kept(rule="Serverless-LambdaTracing", where=CDKS_OWN, why="CDK's function waits for another"),
    _kept(
        rule="Serverless-LambdaEventSourceMappingDestination",
        why="a queue keeps what failed in its own dead letters; destinations are for streams",
    ),
    _kept(
        rule="Serverless-LambdaLatestVersion",
        where=r".*/\w+Function",
        why="3.13 is what layers are built and tested for; AWS keeps it until 2029",
    ),
    _kept(
        rule="Serverless-SQSRedrivePolicy",
        where=r".*/\w*(Failures|Dlq)",
        why="dead letters have no dead letters",
    ),
    _kept(
        rule="Serverless-LambdaStarPermissions",
        where=FUNCTION_ROLE,
        why="interfaces and spans have no names; rule resources-are-named knows each action",
    ),
)
