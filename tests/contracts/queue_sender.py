"""A process that sends until it is killed, and says which messages it was told are safe.

`python -m tests.contracts.queue_sender CONNINFO`
"""

import asyncio
import sys

from lamppost.local.queue_records import outgoing
from lamppost.local.queues import Queues


async def main(conninfo: str) -> None:
    queues = Queues()
    await queues.open(conninfo)
    await queues.declare("q", visibility=30, keep=345_600)
    number = 0
    while True:
        await queues.send("q", [outgoing(str(number)), outgoing(str(number + 1))])
        sys.stdout.write(f"{number}\n{number + 1}\n")
        sys.stdout.flush()
        number += 2


asyncio.run(main(sys.argv[1]))
