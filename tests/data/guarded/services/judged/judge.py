"""An authorizer for tokens that API Gateway cannot verify. It says how often it was asked."""

from typing import Any

from lamppost import Context

asked = 0


def judge(event: dict[str, Any], ctx: Context) -> Any:
    """Let in who says friend."""
    global asked
    asked += 1
    ctx.log.info("caller.judged", asked=asked)
    source = event["identitySource"][0]
    if source == "broken":
        raise RuntimeError("the key to the vault is under the mat")
    if source == "policy":
        return {"principalId": "x", "policyDocument": {"Version": "2012-10-17", "Statement": []}}
    context = {"sub": "friend-1", "scope": "read", "asked": asked, "arn": event["routeArn"]}
    return {"isAuthorized": source == "friend", "context": context}
