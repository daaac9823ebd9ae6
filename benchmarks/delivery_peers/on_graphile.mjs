// A peer: graphile-worker with fetch, node-postgres.    WEBHOOK CLIENT CONCURRENCY BATCH
// Its packages are found through LAMPPOST_PEER, the folder whose node_modules holds them.

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.env.LAMPPOST_PEER}/package.json`);
const { run, makeWorkerUtils, Logger } = require("graphile-worker");
const { Pool } = require("pg");

const CONNECTIONS = 10;
const KEY = "secret".repeat(4);
const [url, , concurrency, batch] = process.argv.slice(2);
const database = process.env.LAMPPOST_PEER_DATABASE;
const statement = (name) => ({
  name,
  text: readFileSync(new URL(`${name}.sql`, import.meta.url), "utf8"),
});
const [CLAIM, READ, RECORD] = ["claim", "read", "record"].map(statement);

const ours = new Pool({ connectionString: database, max: CONNECTIONS });
ours.on("error", (error) => console.error(error));
ours.on("connect", (client) => client.on("error", (error) => console.error(error)));

function request(row) {
  const body = JSON.stringify({
    message: `Hey, ${row.first_name} ${row.last_name} it's your birthday`,
    userId: row.person,
    eventId: row.greeting,
    timestamp: row.due_at.toISOString().replace(/\.\d+Z$/, "Z"),
  });
  const name = `msg_${row.greeting.replaceAll("-", "")}`;
  const now = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", KEY).update(`${name}.${now}.${body}`).digest("base64");
  const headers = {
    "content-type": "application/json",
    "webhook-id": name,
    "webhook-timestamp": now,
    "webhook-signature": `v1,${signature}`,
  };
  return { method: "POST", body, headers };
}

async function greet({ greeting }) {
  const { rows } = await ours.query({ ...READ, rowMode: "array", values: [greeting] });
  const [id, person, first_name, last_name, due_at] = rows[0];
  const began = performance.now();
  const answer = await fetch(url, request({ greeting: id, person, first_name, last_name, due_at }));
  await answer.arrayBuffer();
  const took = Math.floor(performance.now() - began);
  await ours.query({ ...RECORD, values: [greeting, answer.status, took] });
}

const many = Number(concurrency);
const utils = await makeWorkerUtils({ pgPool: ours, logger: new Logger(() => () => {}) });
await utils.migrate();
const runner = await run({
  noHandleSignals: true,
  logger: new Logger(() => () => {}),
  taskList: { greet },
  preset: {
    worker: {
      connectionString: database,
      concurrentJobs: many,
      maxPoolSize: CONNECTIONS,
      pollInterval: 2000,
      crontabFile: "/dev/null",
      // Only with batches: these settings are what its own benchmark is made with.
      ...(Number(batch) > 1
        ? { localQueue: { size: Number(batch) }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
        : {}),
    },
  },
});

async function schedule() {
  for (;;) {
    const { rows } = await ours.query({ ...CLAIM, rowMode: "array" });
    if (rows.length === 0) return;
    await utils.addJobs(rows.map(([greeting]) => ({ identifier: "greet", payload: { greeting } })));
  }
}

console.log("ready");
for await (const _ of createInterface({ input: process.stdin })) {
  const began = performance.now();
  await schedule();
  console.log((performance.now() - began) / 1000);
}
await runner.stop();
await ours.end();
