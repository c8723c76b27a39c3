// The connection between gateway and storage fails under live readers: each gets every message once, in order.
import { stream } from "@durable-streams/client"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { openEvents } from "../harness/sse.js"
import { freshPath, streams } from "../harness/streams.js"

const type = "text/plain"
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const metric = async (server, name) => Number(new RegExp(`^durable_streams_${name} (\\d+)`, "m").exec(await (await fetch(`${server.admin}/metrics`)).text())?.[1] ?? 0)

let folder, storage, gateway, ds
beforeEach(async () => {
  folder = scratchFolder()
  storage = await startServer(["storage", "--data-dir", folder.path])
  gateway = await startServer(["gateway", "--storage", storage.url, "--sse-keepalive", "500ms"])
  ds = streams(gateway.url)
})
afterEach(async () => {
  await gateway?.stop()
  await storage?.stop()
  folder.remove()
})

/** Appends numbered messages until `stop()`, each until it is acknowledged; resolves to how many there were. */
function writer(path, { size = 0, pauseMs = 5, through = ds } = {}) {
  let stopped = false
  const filler = "x".repeat(size)
  const done = (async () => {
    let n = 0
    for (; !stopped; n++) {
      const headers = { "producer-id": "w", "producer-epoch": "0", "producer-seq": String(n) }
      for (;;) {
        const { status } = await through.append(path, `${n}:${filler};`, { type, headers }).catch(() => ({ status: 0 }))
        if (status === 200 || status === 204) break
        if (![0, 503].includes(status)) throw new Error(`append ${n}: ${status}`)
        await sleep(50)
      }
      await sleep(pauseMs)
    }
    return n
  })()
  return {
    stop: () => {
      stopped = true
      return done
    },
  }
}

const numbersIn = (text) => [...text.matchAll(/(\d+):x*;/g)].map(([, number]) => Number(number))
const firstNumbers = (count) => Array.from({ length: count }, (_, i) => i)

/** A reader by long-polls, which asks again whatever happens. */
function poller(path) {
  let text = ""
  const done = (async () => {
    for (let offset = "-1"; ; ) {
      const answer = await ds.read(path, offset, "&live=long-poll").catch(() => undefined)
      if (answer?.status === 200) text += answer.text
      offset = answer?.offset ?? offset
      if (answer?.headers.get("stream-closed")) return text
      if (![200, 204].includes(answer?.status)) await sleep(50)
    }
  })()
  return { done }
}

test.each([
  ["killed", async () => await storage.kill()],
  ["stopped", async () => await storage.stop()],
])("the storage is %s and started again: responses stay, and miss nothing", async (_how, end) => {
  const paths = [freshPath("busy"), freshPath("idle")]
  for (const path of paths) await ds.create(path, { type })
  const open = (path, transport) => openEvents(`${gateway.url}${path}?offset=-1&live=sse`, { transport })
  const readers = await Promise.all(paths.flatMap((path) => ["HTTP/1.1", "HTTP/2", "HTTP/1.1"].map((transport) => open(path, transport))))
  const polled = poller(paths[0])
  const client = await stream({ url: gateway.url + paths[0], offset: "-1", live: "sse" })
  let clientText = ""
  client.subscribeText((chunk) => void (clientText += chunk.text))
  const writing = writer(paths[0])
  await sleep(300)
  const comments = readers.at(-1).parser.comments
  for (let round = 0; round < 3; round++) {
    const address = storage.url
    await end()
    await sleep(round * 400) // away for some time
    storage = await startServer(["storage", "--data-dir", folder.path, "--listen", address])
    await sleep(400)
  }
  const count = await writing.stop()
  expect(count).toBeGreaterThan(50)
  for (const path of paths) {
    if (path === paths[1]) await ds.append(path, "0:;", { type })
    expect((await ds.close(path)).status).toBe(204)
  }
  for (const [i, reader] of readers.entries()) {
    expect(await reader.ended).toBe(true)
    expect(numbersIn(reader.bytes().toString())).toEqual(firstNumbers(i < 3 ? count : 1))
    expect(reader.controls().at(-1).streamClosed).toBe(true)
  }
  expect(numbersIn(await polled.done)).toEqual(firstNumbers(count))
  await client.closed
  expect(numbersIn(clientText)).toEqual(firstNumbers(count))
  // Those who waited were kept alive meanwhile.
  expect(readers.at(-1).parser.comments).toBeGreaterThan(comments)
  expect(await metric(gateway, "live_feeds_lost_total")).toBeGreaterThanOrEqual(6)
  expect(await metric(gateway, "live_feeds_healed_total")).toBeGreaterThanOrEqual(6)
})

test("the storage holds still for two seconds: responses stay, and miss nothing", async () => {
  const path = freshPath("paused")
  await ds.create(path, { type })
  const reader = await openEvents(`${gateway.url}${path}?offset=-1&live=sse`)
  const writing = writer(path)
  await sleep(300)
  process.kill(storage.pid, "SIGSTOP")
  await sleep(2_000)
  process.kill(storage.pid, "SIGCONT")
  await sleep(300)
  const count = await writing.stop()
  await ds.close(path)
  expect(await reader.ended).toBe(true)
  expect(numbersIn(reader.bytes().toString())).toEqual(firstNumbers(count))
})

test("a storage that stays away ends the responses, so that clients look elsewhere", async () => {
  const path = freshPath("away")
  await ds.create(path, { type })
  const reader = await openEvents(`${gateway.url}${path}?offset=-1&live=sse`)
  await reader.until(() => reader.controls().length === 1)
  await storage.kill()
  const began = Date.now()
  expect(await reader.ended).toBe(true)
  expect(Date.now() - began).toBeGreaterThan(5_000)
  expect(Date.now() - began).toBeLessThan(20_000)
  expect(reader.controls().length).toBe(1)
})

describe("a gateway that falls behind", () => {
  test("is cut off by the storage, notices, and its readers miss nothing", async () => {
    const other = await startServer(["gateway", "--storage", storage.url])
    const path = freshPath("overflow")
    await ds.create(path, { type })
    const readers = await Promise.all(["HTTP/1.1", "HTTP/2"].map((transport) => openEvents(`${gateway.url}${path}?offset=-1&live=sse`, { transport })))
    await Promise.all(readers.map((reader) => reader.until(() => reader.controls().length === 1)))
    process.kill(gateway.pid, "SIGSTOP")
    // More than the storage keeps for a gateway: 64 MiB, and what the connection itself holds.
    const through = streams(other.url)
    let count = 0
    const filler = "x".repeat(1 << 20)
    for (; count < 90; count++) expect((await through.append(path, `${count}:${filler};`, { type })).status).toBe(204)
    process.kill(gateway.pid, "SIGCONT")
    for (; count < 120; count++) expect((await through.append(path, `${count}:;`, { type })).status).toBe(204)
    await through.close(path)
    for (const reader of readers) {
      expect(await reader.ended).toBe(true)
      expect(numbersIn(reader.bytes().toString())).toEqual(firstNumbers(count))
      expect(reader.controls().at(-1).streamClosed).toBe(true)
    }
    expect(await metric(gateway, "live_feeds_lost_total")).toBeGreaterThanOrEqual(1)
    await other.stop()
  })
})
