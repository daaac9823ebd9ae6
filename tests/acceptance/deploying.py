"""Deploys stacks as CDK's command line does, by CloudFormation's API: upload, change set, execute, wait."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from tests.acceptance.assembly import Stack
from tests.running import until

# What `cdk bootstrap` leaves in an account, but for the bucket.
BOOTSTRAPPED = "/cdk-bootstrap/hnb659fds/version"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
PATIENCE = 120.0


class Outcome(msgspec.Struct, frozen=True):
    """How a deployment ended: CloudFormation's status, the failed resources with their reasons, seconds."""

    stack: str
    status: str
    failures: tuple[str, ...]
    took: float

    @property
    def done(self) -> bool:
        """Whether the stack is now as its template says."""
        return self.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


class Deployer:
    """Brings stacks into one account. `client` makes boto3's clients of it."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._formation = client("cloudformation")
        self._files = client("s3")
        self._known: set[tuple[str, str]] = set()
        client("ssm").put_parameter(Name=BOOTSTRAPPED, Value="30", Type="String")

    def deploy(self, stack: Stack) -> Outcome:
        """Create or update `stack`."""
        began = time.monotonic()
        self.upload(stack)
        kind = "UPDATE" if self.status(stack.name) else "CREATE"
        change = f"{kind.lower()}-{time.monotonic_ns()}"
        names = {"StackName": stack.name, "ChangeSetName": change}
        self._formation.create_change_set(
            **names,
            ChangeSetType=kind,
            TemplateURL=f"{self._files.meta.endpoint_url}/{stack.bucket}/{stack.key}",
            Capabilities=CAPABILITIES,
            Tags=[{"Key": key, "Value": value} for key, value in stack.tags.items()],
        )
        described = until(lambda: self._change(names), within=PATIENCE)
        if described["Status"] == "FAILED":
            reason = described.get("StatusReason", "")
            if "didn't contain changes" in reason or "No updates" in reason:
                return Outcome(stack.name, "UPDATE_COMPLETE", (), time.monotonic() - began)
            return Outcome(stack.name, "FAILED", (reason,), time.monotonic() - began)
        self._formation.execute_change_set(**names)
        status = until(lambda: self._settled(stack.name), within=PATIENCE)
        return Outcome(stack.name, status, self._failures(stack.name), time.monotonic() - began)

    def upload(self, stack: Stack) -> None:
        """Put the stack's files where its template looks for them; what lies there already stays."""
        for file in stack.files:
            place = (file.bucket, file.key)
            if place in self._known:
                continue
            if file.bucket not in {bucket for bucket, _ in self._known}:
                self._files.create_bucket(
                    Bucket=file.bucket,
                    CreateBucketConfiguration={"LocationConstraint": self._files.meta.region_name},
                )
            self._files.put_object(Bucket=file.bucket, Key=file.key, Body=file.read())
            self._known.add(place)

    def status(self, name: str) -> str:
        """The stack's status; empty when there is none."""
        try:
            return str(self._formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        except ClientError:
            return ""

    def outputs(self, name: str) -> dict[str, str]:
        """The stack's outputs, by their keys."""
        found = self._formation.describe_stacks(StackName=name)["Stacks"][0].get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in found}

    def _change(self, names: dict[str, str]) -> dict[str, Any] | None:
        found = self._formation.describe_change_set(**names)
        return dict(found) if found["Status"] in ("CREATE_COMPLETE", "FAILED") else None

    def _settled(self, name: str) -> str:
        status = self.status(name)
        return "" if status.endswith("IN_PROGRESS") else status

    def _failures(self, name: str) -> tuple[str, ...]:
        events = self._formation.describe_stack_events(StackName=name)["StackEvents"]
        return tuple(
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in reversed(events)
            if event["ResourceStatus"].endswith("_FAILED")
        )
