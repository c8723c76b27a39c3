// Requests that no client sends, from a seed, against a whole server: it lives, answers others, stands still for nobody.
import { afterEach, expect, test } from "vitest"
import { fuzz, stalls, stallsOfWork, works } from "../harness/wire_fuzz.js"
import { pickSeed } from "../harness/random.js"
import { startServer } from "../harness/server.js"
import { setups } from "../harness/setups.js"
import { metric } from "../harness/other_client.js"
import { until } from "../harness/streams.js"

let server
afterEach(() => server?.stop())

test.each(setups)("broken and odd requests over HTTP/1.x and HTTP/2: %s", async (_name, start) => {
  const seed = pickSeed()
  const timeouts = ["--idle-timeout", "2s", "--header-timeout", "2s", "--body-timeout", "2s"]
  server = await start(timeouts)
  const sent = await fuzz(server.url, { seed, seconds: 5 })
  expect(sent.answered, `DS_SEED=${seed}`).toBeGreaterThan(sent.connections / 4)
  expect(await works(server.url), `DS_SEED=${seed}`).toBe(true)
  // What the connections had is given back.
  await until(async () => (await metric(server, /durable_streams_http_buffered_body_bytes/)) === 0)
  const stood = await stalls(server)
  expect(stallsOfWork(server.errors()), `DS_SEED=${seed}, ${JSON.stringify(stood)}`).toEqual([])
  expect((await server.stop()).code, `DS_SEED=${seed}`).toBe(0)
}, 40_000)
