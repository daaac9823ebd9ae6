"""Queues, schedules and buckets."""

import json
from datetime import timedelta

from tests.cloud.conftest import Stage, Synthesised

QUEUE, SOURCE = "AWS::SQS::Queue", "AWS::Lambda::EventSourceMapping"
DAY = int(timedelta(days=1).total_seconds())


def test_a_message_stays_hidden_longer_than_anybody_works_on_it(stage: Stage) -> None:
    """30 s for a function of 30 s would deliver twice: AWS asks for six times the timeout."""
    template = stage["BdayInfraStack"]
    queue = template.named(QUEUE, VisibilityTimeout=180)
    worker = [
        each["Properties"]
        for id, each in template.of("AWS::Lambda::Function").items()
        if id.startswith("WorkerFunction")
    ]
    assert [each["Timeout"] for each in worker] == [30]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5


def test_the_poller_brings_back_only_what_failed_and_never_runs_too_many(dev: Stage, shop: Stage) -> None:
    (source,) = dev.resources(SOURCE)
    assert source["Properties"]["BatchSize"] == 10
    assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["Properties"]["ScalingConfig"] == {"MaximumConcurrency": 10}
    assert "MaximumBatchingWindowInSeconds" not in source["Properties"]

    (large,) = shop.resources(SOURCE)
    assert (large["Properties"]["BatchSize"], large["Properties"]["MaximumBatchingWindowInSeconds"]) == (
        100,
        1,
    )


def test_queues_are_kept_as_long_as_declared(shop: Stage) -> None:
    template = shop["ShopStack-shut"]
    queue = template.named(QUEUE, QueueName="shop-shut-parcels")
    dead = template.named(QUEUE, QueueName="shop-shut-parcels-dlq")
    assert queue["MessageRetentionPeriod"] == 2 * DAY
    assert dead["MessageRetentionPeriod"] == 14 * DAY
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 4


def test_every_queue_is_encrypted_and_hears_tls_only(stage: Stage) -> None:
    queues = stage.resources(QUEUE)
    policies = stage.resources("AWS::SQS::QueuePolicy")
    assert len(queues) == len(policies) >= 5
    assert all(queue["Properties"]["SqsManagedSseEnabled"] for queue in queues)
    assert all('"aws:SecureTransport": "false"' in json.dumps(policy) for policy in policies)


def test_the_scheduler_starts_every_minute_and_a_missed_tick_is_the_next_ones(stage: Stage) -> None:
    template = stage["BdayInfraStack"]
    (schedule,) = template.of("AWS::Scheduler::Schedule").values()
    target = schedule["Properties"]["Target"]
    assert schedule["Properties"]["ScheduleExpression"] == "rate(1 minute)"
    assert schedule["Properties"]["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert "SchedulerFailures" in json.dumps(target["DeadLetterConfig"])


def test_an_hourly_schedule_counts_in_minutes(shop: Stage) -> None:
    (schedule,) = shop.resources("AWS::Scheduler::Schedule")
    assert schedule["Properties"]["ScheduleExpression"] == "rate(60 minutes)"


def test_what_nobody_waits_for_does_not_vanish_when_it_fails(synthesised: Synthesised, dev: Stage) -> None:
    """Each function that is started without a caller has a queue for the events it could not work on."""
    wanted = {
        f"{function.named}"
        for service in synthesised.manifest.services
        for function in service.functions
        if function.kind in ("schedule", "invoke")
    }
    kept = [each["Properties"]["QueueName"] for each in dev.resources(QUEUE)]
    assert len([name for name in kept if name.endswith("-failures")]) == len(wanted)
    for each in dev.resources("AWS::Lambda::EventInvokeConfig"):
        assert "Failures" in json.dumps(each["Properties"]["DestinationConfig"]["OnFailure"])


def test_a_bucket_is_private_and_hears_tls_only(stage: Stage) -> None:
    buckets = stage.resources("AWS::S3::Bucket")
    for bucket in buckets:
        assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["Properties"]["BucketEncryption"]
        assert "VersioningConfiguration" not in bucket["Properties"]
    policies = stage.resources("AWS::S3::BucketPolicy")
    assert len(policies) == len(buckets)
    for policy in policies:
        assert '"aws:SecureTransport": "false"' in json.dumps(policy)


def test_a_bucket_empties_itself_as_declared(shop: Stage) -> None:
    (bucket,) = shop["ShopStack-shut"].of("AWS::S3::Bucket").values()
    rules = {rule["Id"]: rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]}
    assert rules["kept"]["ExpirationInDays"] == 30
    assert (rules["answers"]["Prefix"], rules["answers"]["ExpirationInDays"]) == ("lamppost-answers/", 1)
    assert rules["unfinished"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    origins = [rule["AllowedOrigins"] for rule in bucket["Properties"]["CorsConfiguration"]["CorsRules"]]
    assert origins == [["https://shop.example"], ["null"]]


def test_nothing_makes_a_parameter_that_is_the_operators(stage: Stage) -> None:
    assert not stage.resources("AWS::SSM::Parameter")
