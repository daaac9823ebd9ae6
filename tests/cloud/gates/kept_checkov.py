"""What checkov finds and we keep."""

from functools import partial

from tests.cloud.gates.acknowledged import Kept

_kept = partial(Kept, tool="checkov")
SMALL = ("dev", "staging", "pr-12")

CHECKOV = (
    _kept(
        rule="CKV_AWS_111",
        where=r".*/\w*FunctionRole\w+",
        why="interfaces and spans have no names; rule resources-are-named knows each action",
    ),
    _kept(
        rule="CKV_AWS_115",
        why="a new account's quota refuses any reservation; reserved = true in stages.toml",
    ),
    _kept(
        rule="CKV_AWS_116",
        why="callers of an API get the error; others have a destination: rule failures-go-somewhere",
    ),
    _kept(
        rule="CKV_AWS_117",
        where=r".*/(CustomVpcRestrictDefaultSG|RolloutframeworkonEvent)\w*",
        why="CDK's own functions speak to AWS and to CloudFormation, never to the database",
    ),
    _kept(rule="CKV_AWS_149", why="AWS's key for secrets does: nobody outside the account reads them"),
    _kept(rule="CKV_AWS_157", stages=SMALL, why="an hour without dev is cheaper than a second instance"),
    _kept(
        rule="CKV_AWS_158",
        why="logs are encrypted by CloudWatch; a key of our own adds a price and a way to lose them",
    ),
    _kept(
        rule="CKV_AWS_161",
        why="functions bring a secret's password; tokens of 15 minutes would be fetched for each",
    ),
    _kept(
        rule="CKV_AWS_173",
        why="what is in an environment is names: rule keeps-secrets-out-of-the-environment",
    ),
    _kept(
        rule="CKV_AWS_174",
        where=".*/Distribution.*",
        why="CloudFront's own name allows what it does; a stage with a domain has TLS 1.2 at least",
    ),
    _kept(rule="CKV_AWS_18", where=".*/SiteBucket.*", why="CloudFront alone reads it, and has logs"),
    _kept(rule="CKV_AWS_18", where=".*/LogBucket.*", why="a log of the log has no end"),
    _kept(
        rule="CKV_AWS_18", where=".*/OrdersFilesBucket.*", why="each upload and its owner are rows already"
    ),
    _kept(
        rule="CKV_AWS_21",
        where=".*/OrdersFilesBucket.*",
        why="an object is written once under a name of its own",
    ),
    _kept(rule="CKV_AWS_21", where=".*/SiteBucket.*", why="a page is built again from what git has"),
    _kept(rule="CKV_AWS_21", where=".*/LogBucket.*", why="CloudFront writes each file once"),
    _kept(rule="CKV_AWS_27", why="it does not know SqsManagedSseEnabled: rule queues-are-encrypted does"),
    _kept(
        rule="CKV_AWS_68",
        where=".*/Distribution.*",
        why="files are read and nothing else; edge.waf is there for whoever pays for one",
    ),
    _kept(
        rule="CKV_AWS_86",
        where=".*/Distribution.*",
        stages=SMALL,
        why="who read a page of dev is nobody's business; prod has edge.logs",
    ),
    _kept(rule="CKV_AWS_88", where=".*NatInstance.*", why="a way out has an address"),
)
