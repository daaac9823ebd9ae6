"""The state machine of heavy migrations: it calls the migrator for one piece of a job after the other."""

from typing import Any

# As long as a statement of a job may take where nothing else ends it.
WEEK = 7 * 86_400
# Somebody else runs the job. Looked at so seldom that a week of it stays under the 25,000 events that an
# execution may have.
PATIENCE = 300
# A piece ends by itself before the function's fifteen minutes are up.
PIECE = 960

# The function or the way to it, not the job: https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
_LAMBDA = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
# A piece that was killed. Whole batches stay, and the next piece goes on.
_KILLED = ["Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout"]


def named(system: str, env: str) -> str:
    """The machine's physical name."""
    return f"{system}-{env}-jobs"


def definition() -> dict[str, Any]:
    """The machine in Amazon States Language; `${Migrator}` is the function's ARN.

    Its input may name a `job`; `{}` means every open one. What the migrator's errors mean is said by their
    classes: an AuthorError ends the execution at once, an OperatorError (a server that restarts, a lock that
    somebody holds) when it still stands after some minutes.
    """
    return {
        "Comment": "Runs heavy migrations piece by piece, as long as they take",
        "StartAt": "Run a piece",
        "TimeoutSeconds": WEEK,
        "States": {
            "Run a piece": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {
                    "FunctionName": "${Migrator}",
                    "Payload": {"action": "job", "input.$": "$$.Execution.Input"},
                },
                "TimeoutSeconds": PIECE,
                "Retry": [_retry(_LAMBDA, 2, 6), _retry(_KILLED, 30, 3), _retry(["OperatorError"], 60, 3)],
                "OutputPath": "$.Payload",
                "Next": "What now?",
            },
            "What now?": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.next", "StringEquals": "again", "Next": "Run a piece"},
                    {"Variable": "$.next", "StringEquals": "later", "Next": "Let the other runner work"},
                    {"Variable": "$.state", "StringEquals": "paused", "Next": "Paused"},
                    {"Variable": "$.state", "StringEquals": "done", "Next": "Done"},
                ],
                "Default": "Not understood",
            },
            "Let the other runner work": {"Type": "Wait", "Seconds": PATIENCE, "Next": "Run a piece"},
            "Done": {"Type": "Succeed"},
            "Paused": {"Type": "Succeed", "Comment": "Resume the job, then start the machine again"},
            "Not understood": {
                "Type": "Fail",
                "Error": "NotUnderstood",
                "Cause": "The migrator answered with what this machine does not know: deploy both together",
            },
        },
    }


def _retry(errors: list[str], seconds: int, attempts: int) -> dict[str, Any]:
    return {
        "ErrorEquals": errors,
        "IntervalSeconds": seconds,
        "MaxAttempts": attempts,
        "BackoffRate": 2,
        "JitterStrategy": "FULL",
    }
