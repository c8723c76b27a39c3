// Idle responses of server-sent events stay: comments come, and proxies that cut what is idle let it be.
import { stream } from "@durable-streams/client"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startProxy } from "../harness/proxy.js"
import { startServer } from "../harness/server.js"
import { scratchFolder, setups } from "../harness/setups.js"
import { openEvents, transportNames } from "../harness/sse.js"
import { freshPath, streams } from "../harness/streams.js"

const type = "text/plain"
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

describe.each(setups)("keep-alive, %s", (_name, start) => {
  let server, ds
  beforeAll(async () => {
    server = await start(["--sse-keepalive", "250ms"])
    ds = streams(server.url)
  })
  afterAll(() => server.stop())

  test.concurrent.each(transportNames)("an idle response is sent comments, between events, over %s", async (transport) => {
    const path = freshPath("idle")
    await ds.create(path, { type })
    const events = await openEvents(`${server.url}${path}?offset=-1&live=sse`, { transport })
    await events.until(() => events.parser.comments >= 3, 5_000)
    await ds.append(path, "a", { type })
    await events.until(() => events.data().length === 1)
    const before = events.parser.comments
    await events.until(() => events.parser.comments >= before + 2, 5_000)
    await ds.append(path, "b", { type })
    await events.until(() => events.data().length === 2)
    expect(events.bytes().toString()).toBe("ab")
    expect(events.controls().length).toBe(3)
    events.close()
  })
})

describe("comments", () => {
  let server, ds
  beforeAll(async () => {
    server = await startServer(["dev", "--sse-keepalive", "500ms"])
    ds = streams(server.url)
  })
  afterAll(() => server.stop())

  test.concurrent("come to a client with a cursor of its own", async () => {
    const path = freshPath("cursor")
    await ds.create(path, { type })
    const events = await openEvents(`${server.url}${path}?offset=-1&live=sse&cursor=99999999999`)
    await events.until(() => events.parser.comments >= 2, 5_000)
    events.close()
  })

  test.concurrent("do not come where events do", async () => {
    const path = freshPath("busy")
    await ds.create(path, { type })
    const events = await openEvents(`${server.url}${path}?offset=-1&live=sse`)
    // Nothing is sent for so long only if this machine stalls, which then shows in the events' times.
    const sent = []
    for (const end = Date.now() + 1_500; Date.now() < end; ) {
      await ds.append(path, ".", { type })
      sent.push(Date.now())
      await sleep(50)
    }
    await events.until(() => events.data().length === sent.length)
    const longest = Math.max(...sent.slice(1).map((time, i) => time - sent[i]))
    if (longest < 300) expect(events.parser.comments).toBe(0)
    events.close()
  })

  test.concurrent("do not disturb the official client", async () => {
    const path = freshPath("client")
    await ds.create(path, { type: "application/json" })
    const reader = await stream({ url: server.url + path, offset: "-1", live: "sse" })
    const seen = []
    reader.subscribeJson((batch) => void seen.push(...batch.items))
    for (let i = 0; i < 3; i++) {
      await sleep(700)
      await ds.append(path, `[${i}]`, { type: "application/json" })
    }
    await ds.close(path)
    await reader.closed
    expect(seen).toEqual([0, 1, 2])
  })
})

describe("behind a proxy that cuts what is idle for 600 ms", () => {
  const folder = scratchFolder()
  afterAll(() => folder.remove())
  const cutting = { defaults: ["timeout client 600ms", "timeout server 600ms"] }

  test.concurrent.each([
    ["HTTP/1.1", ""],
    ["HTTP/2", " proto h2"],
  ])("a response stays with comments and goes without, over %s to the server", async (_version, suffix) => {
    const lasted = {}
    const tryWith = async (keepalive) => {
      const server = await startServer(["dev", "--sse-keepalive", keepalive])
      const proxy = await startProxy(folder.path, [new URL(server.url).host + suffix], cutting)
      const ds = streams(server.url)
      const path = freshPath("proxied")
      await ds.create(path, { type })
      const began = Date.now()
      const events = await openEvents(`${proxy.url}/v1/stream/${path}?offset=-1&live=sse`)
      lasted[keepalive] = await Promise.race([events.ended.then(() => Date.now() - began), sleep(2_000).then(() => Infinity)])
      if (keepalive !== "0s") {
        await ds.append(path, "still here", { type })
        await events.until(() => events.bytes().toString() === "still here")
      }
      events.close()
      await proxy.stop()
      await server.stop()
    }
    await Promise.all(["250ms", "0s"].map(tryWith))
    expect(lasted["250ms"]).toBe(Infinity)
    expect(lasted["0s"]).toBeLessThan(2_000)
  })
})
