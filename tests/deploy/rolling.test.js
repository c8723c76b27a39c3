// A rolling restart under load: two gateways behind the real haproxy, one after the other, then the
// storage behind them; the clients are the official ones.
import { DurableStream, IdempotentProducer, createFetchWithBackoff, stream } from "@durable-streams/client"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { freePort, startProxy } from "../harness/proxy.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { until } from "../harness/streams.js"

const backoff = { initialDelay: 50, maxDelay: 1000, multiplier: 1.5, maxRetries: Number.POSITIVE_INFINITY }
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

let folder
let storage
let gateways
let proxy
beforeAll(async () => {
  folder = scratchFolder()
  storage = await startStorage()
  gateways = await Promise.all([0, 1].map(async () => startGateway(await freePort(), await freePort())))
  proxy = await startProxy(
    folder.path,
    gateways.map(({ port, adminPort }) => `127.0.0.1:${port} check port ${adminPort} inter 100ms fall 1 rise 1`),
    { backend: ["balance roundrobin", "option httpchk GET /readyz", "option redispatch", "retries 3", "retry-on conn-failure empty-response"] },
  )
})
afterAll(async () => {
  await proxy?.stop()
  for (const gateway of gateways) await gateway.stop()
  await storage.stop()
  folder.remove()
})

function startStorage(listen = "127.0.0.1:0") {
  return startServer(["storage", "--data-dir", join(folder.path, "data"), "--listen", listen])
}

async function startGateway(port, adminPort) {
  const server = await startServer(["gateway", "--storage", storage.url, "--listen", `127.0.0.1:${port}`, "--admin-listen", `127.0.0.1:${adminPort}`, "--drain-delay", "500ms", "--drain-timeout", "10s", "--long-poll-timeout", "5s"])
  await until(async () => (await fetch(`${server.admin}/readyz`)).status === 200)
  return { ...server, port, adminPort }
}

/** The longest time between two things that happened. */
function gaps() {
  let last = Date.now()
  let longest = 0
  return {
    note() {
      const now = Date.now()
      longest = Math.max(longest, now - last)
      last = now
    },
    take() {
      this.note()
      const value = longest
      longest = 0
      return value
    },
  }
}

/** Appends through an idempotent producer, one after the other, and reads the stream live in both modes. */
async function client(name) {
  const url = `${proxy.url}/v1/stream/rolling-${name}`
  const handle = await DurableStream.create({ url, contentType: "application/json", backoffOptions: backoff })
  const producer = new IdempotentProducer(handle, `producer-${name}`, { lingerMs: 0, fetch: createFetchWithBackoff(fetch, backoff) })
  const acks = gaps()
  const acknowledged = []
  let running = true
  const writing = (async () => {
    for (let n = 0; running; n++) {
      producer.append(JSON.stringify({ n }))
      await producer.flush()
      acknowledged.push(n)
      acks.note()
    }
  })()
  const readers = await Promise.all(
    ["sse", "long-poll"].map(async (live) => {
      const reader = { live, seen: [], arrivals: gaps(), errors: 0 }
      const response = await stream({
        url,
        offset: "-1",
        live,
        backoffOptions: backoff,
        onError: () => {
          reader.errors++
          return {}
        },
      })
      response.subscribeJson(({ items }) => {
        for (const { n } of items) reader.seen.push(n)
        reader.arrivals.note()
      })
      reader.cancel = () => response.cancel()
      return reader
    }),
  )
  return {
    acks,
    acknowledged,
    readers,
    finish: async () => {
      running = false
      await writing
      // Nobody has ended for good: all readers come to the last one.
      for (const { seen, live } of readers) {
        await until(() => seen.length >= acknowledged.length, 20_000).catch(() => {
          throw new Error(`a ${live} reader of ${name} stopped at ${seen.length} of ${acknowledged.length}`)
        })
      }
      for (const { cancel } of readers) cancel()
    },
  }
}

/** Appends without a producer: what is refused or uncertain may be there or not, what is acknowledged must. */
async function plainWriter(name) {
  const url = `${proxy.url}/v1/stream/plain-${name}`
  await DurableStream.create({ url, contentType: "application/json", backoffOptions: backoff })
  const result = { url, acknowledged: [], unanswered: 0 }
  let running = true
  const writing = (async () => {
    for (let n = 0; running; n++) {
      const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ n }) }).catch(() => undefined)
      if (response?.status === 204) result.acknowledged.push(n)
      else {
        result.unanswered++
        await sleep(20)
      }
    }
  })()
  result.finish = async () => {
    running = false
    await writing
  }
  return result
}

test("rolling restarts of gateways and storage lose nothing, and readers resume", { timeout: 120_000 }, async () => {
  const clients = await Promise.all(["a", "b", "c", "d"].map(client))
  const plain = await Promise.all(["e", "f"].map(plainWriter))
  const pauses = () => ({
    append: Math.max(...clients.map(({ acks }) => acks.take())),
    read: Math.max(...clients.flatMap(({ readers }) => readers.map(({ arrivals }) => arrivals.take()))),
  })
  await sleep(2000)
  const before = pauses()

  for (let round = 0; round < 2; round++) {
    for (const i of [0, 1]) {
      const { port, adminPort } = gateways[i]
      expect(await gateways[i].stop()).toEqual({ code: 0, signal: null })
      gateways[i] = await startGateway(port, adminPort)
      await sleep(500)
    }
  }
  await sleep(1000)
  const rolling = pauses()
  const unansweredByGateways = plain.reduce((sum, { unanswered }) => sum + unanswered, 0)

  const address = storage.url
  const away = Date.now()
  expect(await storage.stop()).toEqual({ code: 0, signal: null })
  storage = await startStorage(address)
  const awayMs = Date.now() - away
  await sleep(4000)
  const restart = pauses()

  await Promise.all([...clients, ...plain].map(({ finish }) => finish()))
  let total = 0
  for (const { acknowledged, readers } of clients) {
    const all = acknowledged.map((_, n) => n)
    expect(acknowledged).toEqual(all)
    for (const { seen } of readers) expect(seen).toEqual(all)
    total += acknowledged.length
  }
  for (const { url, acknowledged } of plain) {
    const items = await (await stream({ url, offset: "-1", live: false })).json()
    const there = new Set(items.map(({ n }) => n))
    expect(acknowledged.filter((n) => !there.has(n))).toEqual([])
    expect(items.length).toBe(there.size)
    total += acknowledged.length
  }
  console.log(
    `rolling restart: ${total} appends acknowledged, 0 lost, 0 twice; longest pause in ms between two appends / two events of one client: ` +
      `at rest ${before.append} / ${before.read}, 4 gateway restarts ${rolling.append} / ${rolling.read} (${unansweredByGateways} plain requests not answered 204), ` +
      `storage restart (${awayMs} ms away) ${restart.append} / ${restart.read}`,
  )
  expect(total).toBeGreaterThan(1000)
  expect(rolling.append).toBeLessThan(3000)
  expect(rolling.read).toBeLessThan(5000)
  expect(restart.append).toBeLessThan(8000)
  expect(restart.read).toBeLessThan(8000)
})
