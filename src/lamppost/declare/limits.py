"""AWS's limits, each with its source, and a few of ours. Numbers stand here and nowhere else.

Lambda:  https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
SQS:     https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-quotas.html
HTTP:    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
SSM:     https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
Secrets: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
S3:      https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html
"""

from datetime import timedelta

# Lambda
FUNCTION_NAME_CHARS = 64
FUNCTION_TIMEOUT_MAX = timedelta(minutes=15)
FUNCTION_TIMEOUT_MIN = timedelta(seconds=1)
FUNCTION_MEMORY_MB_MIN = 128
FUNCTION_MEMORY_MB_MAX = 10_240
FUNCTION_ENVIRONMENT_BYTES = 4 * 1024
INVOKE_SYNC_BYTES = 6 * 1024 * 1024
INVOKE_ASYNC_BYTES = 1024 * 1024
INVOKE_ASYNC_RETRIES = 2
INVOKE_ASYNC_RETRY_WAITS = (timedelta(minutes=1), timedelta(minutes=2))
LOG_TAIL_BYTES = 4 * 1024

# SQS
QUEUE_NAME_CHARS = 80
MESSAGE_BYTES = 1024 * 1024
BATCH_ENTRIES = 10
DELAY_MAX = timedelta(minutes=15)
VISIBILITY_MAX = timedelta(hours=12)
VISIBILITY_DEFAULT = timedelta(seconds=30)
RETENTION_MIN = timedelta(minutes=1)
RETENTION_MAX = timedelta(days=14)
RETENTION_DEFAULT = timedelta(days=4)
WAIT_MAX = timedelta(seconds=20)
RECEIVES_MAX = 1_000
# "at least six times the timeout that you configure on your function"
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
VISIBILITY_PER_TIMEOUT = 6
SOURCE_BATCH_MAX = 10_000
SOURCE_BATCH_WITHOUT_WINDOW = 10
SOURCE_CONCURRENCY_MIN = 2
SOURCE_CONCURRENCY_MAX = 1_000

# API Gateway, HTTP API
HTTP_BODY_BYTES = 10 * 1024 * 1024
HTTP_HEAD_BYTES = 10_240
HTTP_TIMEOUT = timedelta(seconds=30)
# An account's throttle in one region, which no stage or route can exceed without a raised quota.
HTTP_THROTTLE_RATE = 10_000.0
HTTP_THROTTLE_BURST = 5_000

# EventBridge Scheduler
SCHEDULE_MIN = timedelta(minutes=1)

# Parameter Store, Secrets Manager
PARAMETER_NAME_CHARS = 1_011
PARAMETER_BYTES = 4 * 1024
PARAMETER_ADVANCED_BYTES = 8 * 1024
SECRET_NAME_CHARS = 512
SECRET_BYTES = 64 * 1024

# S3. Larger objects take a multipart upload, which one link cannot carry.
BUCKET_NAME_CHARS = 63
OBJECT_KEY_BYTES = 1_024
OBJECT_BYTES = 5 * 1024**3
OBJECT_METADATA_BYTES = 2 * 1024

# Ours. The answer of a function that is stored instead of sent, where, and for how long its link works. A
# day later the bucket's lifecycle has removed it.
ANSWER_BYTES = 5 * 1024 * 1024
ANSWERS = "lamppost-answers/"
ANSWERS_KEEP = timedelta(days=1)
ANSWER_LINK = timedelta(minutes=10)
# A link dies with the credentials that signed it, and a sandbox may have had its for some hours.
LINK_MAX = timedelta(hours=1)

# Ours. What may change something, and how long an answer under an Idempotency-Key may be kept.
MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE", "ANY"})
IDEMPOTENCY_KEEP_MIN = timedelta(minutes=1)
IDEMPOTENCY_KEEP_MAX = timedelta(days=30)
