"""A queue of SQS, through its API: AWS's own, or anything that speaks it.

Looking is a receive: messages are hidden from others for a while and given back at the end.
Bringing back is a send and then a delete: killed between the two, up to ten letters are in both
places, and the service sees them twice, as SQS allows itself at any time. None is lost.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from lamppost.cli.queue import sqs_letters
from lamppost.cli.queue.letters import Letter
from lamppost.cli.queue.shelf import About
from lamppost.cli.queue.sqs_calls import sources, speaking
from lamppost.declare import limits
from lamppost.errors import OperatorError

HOLD_SECONDS = 120
# What is moved must be ours for long enough to be deleted after it was sent.
MARGIN_SECONDS = 20
# A receive that waits asks all of SQS's servers, so an empty one is an end; one that does not, asks a few.
WAIT_SECONDS = 1


class SqsShelf:
    """Satisfies `Shelf`."""

    def __init__(self, sqs: Any, queue: str, target: str | None = None) -> None:
        self._sqs = sqs
        self._urls: dict[str, str] = {}
        self._target = target
        self._held: dict[str, tuple[str, float]] = {}
        self._met: set[str] = set()
        self._sent = 0
        self._went: set[str] = set()
        self._url = self._url_of(queue)
        self.about = self._look_about()

    def next(self, limit: int) -> list[Letter]:
        """Up to ten messages, in the order that SQS gives."""
        while found := self._receive(limit):
            fresh = [letter for letter in found if letter.id not in self._met]
            self._met.update(letter.id for letter in fresh)
            if fresh:
                return fresh
        return []

    def bring_back(self, letters: Sequence[Letter]) -> dict[str, str]:
        """Send and then delete these, batch by batch. What we hold no longer, or has no home, stays."""
        homes: dict[str, list[Letter]] = defaultdict(list)
        for letter in letters:
            home = self._home(letter)
            if home is not None and self._holds(letter):
                homes[home].append(letter)
        went: dict[str, str] = {}
        for home, theirs in homes.items():
            for batch in sqs_letters.batches(theirs):
                with speaking():
                    answer = self._sqs.send_message_batch(
                        QueueUrl=self._url_of(home),
                        Entries=[sqs_letters.entry(number, letter) for number, letter in enumerate(batch)],
                    )
                sent = [batch[int(entry["Id"])] for entry in answer.get("Successful", [])]
                self._delete(sent)
                went |= {letter.id: home for letter in sent}
        self._went.update(went.values())
        self._sent += len(went)
        return went

    def fallen(self) -> int:
        """By the counts: letters of others that died meanwhile count too, so it errs towards stopping."""
        return min(self._sent, max(0, self._count(self._url) - (self.about.messages - self._sent)))

    def pending(self) -> int:
        """By the counts of the queues they went to."""
        return min(self._sent, sum(self._count(self._url_of(home)) for home in self._went))

    def drop(self, letters: Sequence[Letter]) -> int:
        """Delete these; what we hold no longer stays."""
        return self._delete([letter for letter in letters if self._holds(letter)])

    def drop_all(self) -> int:
        """PurgeQueue: SQS takes up to a minute for it."""
        with speaking():
            self._sqs.purge_queue(QueueUrl=self._url)
        self._held.clear()
        return self.about.messages

    def close(self) -> None:
        """Let others see at once what we held."""
        receipts = [receipt for receipt, until in self._held.values() if time.monotonic() < until]
        self._held.clear()
        for start in range(0, len(receipts), limits.BATCH_ENTRIES):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for number, receipt in enumerate(receipts[start : start + limits.BATCH_ENTRIES])
            ]
            with speaking():
                self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def _look_about(self) -> About:
        with speaking():
            answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["All"])
        homes = [self._target] if self._target else sources(self._sqs, self._url)
        attributes, headers = answer["Attributes"], answer["ResponseMetadata"]["HTTPHeaders"]
        name = attributes["QueueArn"].rpartition(":")[2]
        if self._target and self._url_of(self._target) == self._url:
            raise OperatorError(
                f"{name} cannot be emptied into itself", fix="name another queue, or none", code="queue_same"
            )
        # Dates are compared with SQS's own: its clock counts, to the end of the second that it tells.
        told = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        now = told + timedelta(seconds=1)
        return About(
            name=name,
            now=now,
            messages=sqs_letters.count(attributes),
            homes=homes,
            trial_s=max((self._trial(home) for home in homes or ()), default=0),
            costly="RedrivePolicy" in attributes,
        )

    def _trial(self, home: str) -> float:
        with speaking():
            attributes = self._sqs.get_queue_attributes(
                QueueUrl=self._url_of(home), AttributeNames=["VisibilityTimeout", "RedrivePolicy"]
            ).get("Attributes", {})
        policy = msgspec.json.decode(attributes.get("RedrivePolicy", "{}"))
        return int(attributes["VisibilityTimeout"]) * int(policy.get("maxReceiveCount", 0))

    def _count(self, url: str) -> int:
        with speaking():
            answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return sqs_letters.count(answer["Attributes"])

    def _receive(self, limit: int) -> list[Letter]:
        with speaking():
            found = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(limit, limits.BATCH_ENTRIES),
                VisibilityTimeout=HOLD_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
        until = time.monotonic() + HOLD_SECONDS - MARGIN_SECONDS
        for message in found:
            self._held[message["MessageId"]] = message["ReceiptHandle"], until
        return [sqs_letters.received(message) for message in found]

    def _holds(self, letter: Letter) -> bool:
        return letter.id in self._held and time.monotonic() < self._held[letter.id][1]

    def _home(self, letter: Letter) -> str | None:
        if self._target:
            return self._target
        if letter.origin is not None:
            return letter.origin
        homes = self.about.homes or []
        return homes[0] if len(homes) == 1 else None

    def _delete(self, letters: Sequence[Letter]) -> int:
        gone = 0
        for start in range(0, len(letters), limits.BATCH_ENTRIES):
            batch = letters[start : start + limits.BATCH_ENTRIES]
            entries = [
                {"Id": str(number), "ReceiptHandle": self._held.pop(letter.id)[0]}
                for number, letter in enumerate(batch)
            ]
            with speaking():
                answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            gone += len(answer.get("Successful", []))
        return gone

    def _url_of(self, queue: str) -> str:
        if queue not in self._urls:
            with speaking():
                self._urls[queue] = self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        return self._urls[queue]
