// Live reading: connections that end and resume, readers that are slow, writers that do not care.
import { connect } from "node:net"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { setups } from "../harness/setups.js"
import { freshPath, sse, streams } from "../harness/streams.js"

describe.each(setups)("live, %s", (_name, start) => {
  let server, ds
  beforeAll(async () => {
    server = await start(["--sse-reconnect-interval", "1s", "--long-poll-timeout", "1s"])
    ds = streams(server.url)
  })
  afterAll(() => server.stop())

  test("an SSE connection ends after its interval and resumes without loss or repetition", async () => {
    const path = freshPath("resume")
    let { offset } = await ds.create(path, { type: "text/plain" })
    const writer = (async () => {
      for (let i = 0; i < 50; i++) {
        await ds.append(path, `${i};`, { type: "text/plain" })
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      await ds.close(path)
    })()
    let seen = ""
    let connections = 0
    for (let closed = false; !closed; connections++) {
      const began = Date.now()
      const events = await sse(`${server.url}${path}?offset=${offset}&live=sse`)
      await events.ended
      expect(Date.now() - began).toBeLessThan(3_000)
      seen += events.data().join("")
      const last = events.controls().at(-1)
      offset = last.streamNextOffset
      closed = last.streamClosed === true
    }
    await writer
    expect(seen).toBe(Array.from({ length: 50 }, (_, i) => `${i};`).join(""))
    expect(connections).toBeGreaterThan(1)
  })

  test("every data event is followed by its control event, and cursors grow", async () => {
    const path = freshPath("control")
    await ds.create(path, { type: "application/json", body: "[1]" })
    const events = await sse(`${server.url}${path}?offset=-1&live=sse&cursor=99999999999`)
    for (let i = 0; i < 10; i++) await ds.append(path, `[${i}]`, { type: "application/json" })
    await events.until(() => events.data().join("").includes("9"))
    await events.until(() => events.events.at(-1).type === "control")
    events.close()
    expect(events.events.filter(({ type }) => type === "data").length).toBeGreaterThan(1)
    for (const [i, { type }] of events.events.entries()) {
      if (type === "data") expect(events.events[i + 1].type).toBe("control")
    }
    for (const control of events.controls()) expect(BigInt(control.streamCursor)).toBeGreaterThan(99999999999n)
  })

  test("a long-poll answers 204 with the same offset when nothing comes", async () => {
    const path = freshPath("poll")
    const { offset } = await ds.create(path, { body: "x" })
    const answer = await ds.read(path, offset, "&live=long-poll")
    expect(answer.status).toBe(204)
    expect(answer.offset).toBe(offset)
    expect(answer.headers.get("stream-up-to-date")).toBe("true")
    expect(answer.headers.get("stream-cursor")).toMatch(/^\d+$/)
  })

  test("a reader that takes nothing slows no writer and is not buffered for without bound", async () => {
    const path = freshPath("slow")
    await ds.create(path)
    const { hostname, port, pathname } = new URL(server.url + path)
    const stuck = Array.from({ length: 20 }, () => {
      const socket = connect(Number(port), hostname)
      socket.write(`GET ${pathname}?offset=-1&live=sse HTTP/1.1\r\nHost: x\r\n\r\n`)
      socket.pause()
      return socket
    })
    const healthy = await sse(`${server.url}${path}?offset=-1&live=sse`)
    const body = Buffer.alloc(100_000, "x")
    const began = Date.now()
    for (let i = 0; i < 100; i++) expect((await ds.append(path, body)).status).toBe(204)
    expect(Date.now() - began).toBeLessThan(15_000)
    expect((await ds.all(path)).length).toBe(10_000_000)
    healthy.close()
    for (const socket of stuck) socket.destroy()
  })

  test("a reader that fell behind catches up with everything", async () => {
    const path = freshPath("behind")
    await ds.create(path, { type: "text/plain" })
    const { hostname, port, pathname } = new URL(server.url + path)
    const socket = connect(Number(port), hostname)
    socket.write(`GET ${pathname}?offset=-1&live=sse HTTP/1.0\r\nHost: x\r\n\r\n`)
    let text = ""
    socket.on("data", (chunk) => (text += chunk))
    const ended = new Promise((resolve) => socket.on("close", resolve))
    await new Promise((resolve) => socket.once("data", resolve))
    socket.pause()
    const line = "x".repeat(20_000)
    for (let i = 0; i < 400; i++) await ds.append(path, `${line}${i};`, { type: "text/plain" })
    await ds.close(path)
    socket.resume()
    await ended
    // The interval may have ended the connection before the end; what came is whole and in order.
    const numbers = [...text.matchAll(/x(\d+);/g)].map((match) => Number(match[1]))
    expect(numbers.length).toBeGreaterThan(0)
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => i))
  })

  test("one hot stream does not hold up the others", async () => {
    const hot = freshPath("hot")
    const cold = freshPath("cold")
    await ds.create(hot)
    await ds.create(cold)
    let stop = false
    const body = Buffer.alloc(200_000, "h")
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!stop) expect((await ds.append(hot, body)).status).toBe(204)
      })
    )
    const times = []
    for (let i = 0; i < 50; i++) {
      const began = performance.now()
      expect((await ds.append(cold, "c")).status).toBe(204)
      times.push(performance.now() - began)
    }
    stop = true
    await load
    times.sort((a, b) => a - b)
    expect(times[25]).toBeLessThan(500)
  })

  test("a live read keeps a TTL stream alive", async () => {
    const path = freshPath("ttl")
    const { offset } = await ds.create(path, { headers: { "stream-ttl": "2" } })
    for (let i = 0; i < 4; i++) expect((await ds.read(path, offset, "&live=long-poll")).status).toBe(204)
    expect((await ds.head(path)).status).toBe(200)
  })
})
