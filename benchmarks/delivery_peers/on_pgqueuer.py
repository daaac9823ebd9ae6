"""A peer: pgqueuer with httpx or aiohttp, asyncpg, uvloop.    WEBHOOK CLIENT CONCURRENCY BATCH"""

import asyncio
import os
import sys
import time
from datetime import timedelta
from typing import Any

import asyncpg
import uvloop
import work
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

CONNECTIONS = 10


async def main(database: str, url: str, client: str, concurrency: int, batch: int) -> None:
    pool = await asyncpg.create_pool(database, min_size=CONNECTIONS, max_size=CONNECTIONS)
    ours = await asyncpg.create_pool(database, min_size=CONNECTIONS, max_size=CONNECTIONS)
    driver = AsyncpgPoolDriver(pool)
    queries = Queries(driver)
    await queries.install()
    queue = PgQueuer(driver)
    post = {"httpx": work.httpx_post, "aiohttp": work.aiohttp_post}[client](url, concurrency)
    # pgqueuer begins whatever it has fetched; how much may be under way is said here.
    room = asyncio.Semaphore(concurrency)

    @queue.entrypoint("greet")
    async def greet(job: Job) -> None:
        assert job.payload is not None
        async with room:
            greeting = job.payload.decode()
            row: Any = await ours.fetchrow(work.READ, greeting)
            began = time.perf_counter()
            status = await post(*work.request(tuple(row)))
            await ours.execute(work.RECORD, greeting, status, int(1000 * (time.perf_counter() - began)))

    async def schedule() -> None:
        while due := [row[0] for row in await ours.fetch(work.CLAIM)]:
            many = len(due)
            await queries.enqueue(["greet"] * many, [each.encode() for each in due], [0] * many)

    working = asyncio.create_task(queue.run(batch_size=batch, dequeue_timeout=timedelta(seconds=5)))
    await work.obey(schedule)
    working.cancel()


if __name__ == "__main__":
    url, client, concurrency, batch = sys.argv[1:]
    uvloop.run(main(os.environ[work.DATABASE], url, client, int(concurrency), int(batch)))
