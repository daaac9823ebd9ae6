"""The AWS port: one handler for every service, given its stores."""

from lamppost.errors import CallerError, OperatorError
from lamppost.local.aws import wire
from lamppost.local.aws.access import Access, key_id, loopback_host
from lamppost.local.aws.calls import Call, Service, refused
from lamppost.local.aws.s3 import S3
from lamppost.local.aws.sqs_requests import translated
from lamppost.local.http import Request, Response
from lamppost.local.queues import QueueInUse, QueueMissing, ReceiptInvalid


class AwsPort:
    """Answers AWS's wire protocols for `services`, and S3's; `access` says what functions may do."""

    def __init__(self, services: tuple[Service, ...], access: Access, s3: S3 | None = None) -> None:
        self._s3 = s3
        self._services = {service.name: service for service in services}
        self._access = access

    async def handler(self, request: Request) -> Response:
        """The answer to `request`; a refusal has AWS's code and shape."""
        try:
            host = loopback_host(request)
            if self._s3 is not None and self._s3.concerns(request):
                return await self._s3.handler(request)
            key_id(request)
            call = wire.decode(request, host)
            return wire.encode(call, await self._answer(request, call))
        except CallerError as refusal:
            return wire.encode_error(request, refusal)
        except (QueueMissing, QueueInUse, ReceiptInvalid) as wrong:
            return wire.encode_error(request, translated(wrong))
        except OperatorError as out:
            # Something we stand on is away: SDKs try again after a 503.
            return wire.encode_error(request, refused("ServiceUnavailable", out.what, status=503))

    def too_large(self, request: Request) -> Response | None:
        """The refusal of a body that is too large, where it is S3's to word; `request` comes without it."""
        return self._s3.too_large(request) if self._s3 is not None and self._s3.concerns(request) else None

    async def _answer(self, request: Request, call: Call) -> dict[str, object]:
        service = self._services.get(call.service)
        operation = service.operations.get(call.operation) if service else None
        if service is None or operation is None:
            raise refused(
                "UnknownOperationException", f"{call.service} {call.operation} is not served on one machine"
            )
        self._access.check(request, call.service, service.needs(call))
        return await operation(call)
