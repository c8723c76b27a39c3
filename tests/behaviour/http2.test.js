// HTTP/2 in clear, as Node's own client, h2load and hand-made frames see it.
import { spawnSync } from "node:child_process"
import { once } from "node:events"
import http2 from "node:http2"
import { connect } from "node:net"
import { afterAll, beforeAll, expect, test } from "vitest"
import { frame, framesOf, preface, settings } from "../harness/http2_frames.js"
import { startServer } from "../harness/server.js"
import { freshPath, until } from "../harness/streams.js"

let server
let origin
beforeAll(async () => {
  server = await startServer(["dev", "--max-append-bytes", "1MiB", "--long-poll-timeout", "5s"])
  origin = new URL(server.url).origin
})
afterAll(() => server.stop())

const open = () => http2.connect(origin)

/** One request; resolves to its answer, whole. */
async function ask(session, method, path, { headers = {}, body } = {}) {
  const request = session.request({ ":method": method, ":path": `/v1/stream/${path}`, ...headers })
  request.end(body)
  const [answer] = await once(request, "response")
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return { status: answer[":status"], headers: answer, body: Buffer.concat(chunks) }
}

const text = { "content-type": "text/plain" }

test("a stream is created, appended to, read, and deleted", async () => {
  const session = open()
  const path = freshPath()
  expect((await ask(session, "PUT", path, { headers: text })).status).toBe(201)
  expect((await ask(session, "POST", path, { headers: text, body: "one" })).status).toBe(204)
  const read = await ask(session, "GET", path)
  expect(read.body.toString()).toBe("one")
  expect(read.headers["content-length"]).toBe("3")
  expect(read.headers["stream-up-to-date"]).toBe("true")
  const head = await ask(session, "HEAD", path)
  expect(head.headers["stream-next-offset"]).toBe(read.headers["stream-next-offset"])
  expect((await ask(session, "DELETE", path)).status).toBe(204)
  expect((await ask(session, "GET", path)).status).toBe(404)
  session.close()
})

test("hundreds of live readers share one connection", async () => {
  const session = open()
  const path = freshPath()
  await ask(session, "PUT", path, { headers: text })
  const got = []
  const requests = Array.from({ length: 240 }, (_, i) => {
    const query = i % 2 ? "?offset=-1&live=sse" : "?offset=now&live=long-poll"
    const request = session.request({ ":path": `/v1/stream/${path}${query}` })
    let seen = ""
    request.setEncoding("utf8")
    request.on("data", (chunk) => {
      seen += chunk
      if (seen.includes("news")) got[i] = true
    })
    return request
  })
  await until(async () => (await metric('live_readers{mode="sse"}')) === 120 && (await metric('live_readers{mode="long_poll"}')) === 120, 5000)
  await ask(session, "POST", path, { headers: text, body: "news" })
  await until(() => got.filter(Boolean).length === 240, 5000)
  for (const request of requests) request.close()
  session.close()
  await until(async () => (await metric('live_readers{mode="sse"}')) === 0, 5000)
})

async function metric(name) {
  const metrics = await (await fetch(`${server.admin}/metrics`)).text()
  const line = metrics.split("\n").find((one) => one.startsWith(`durable_streams_${name} `))
  return Number(line?.split(" ")[1])
}

test("a reader that does not read holds up its own stream only", async () => {
  const session = open()
  const path = freshPath()
  await ask(session, "PUT", path, { headers: text, body: Buffer.alloc(1 << 20, "x") })
  const stuck = session.request({ ":path": `/v1/stream/${path}` })
  await once(stuck, "response") // and its data is left where it is
  for (let i = 0; i < 20; i++) expect((await ask(session, "HEAD", path)).status).toBe(200)
  let size = 0
  for await (const chunk of stuck) size += chunk.length
  expect(size).toBe(1 << 20)
  session.close()
})

test("many large answers interleave and arrive whole", async () => {
  const session = open()
  const path = freshPath()
  const bytes = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 7 + (i >> 8)) & 255))
  await ask(session, "PUT", path, { body: bytes })
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(session, "GET", path)))
  for (const answer of answers) expect(answer.body.equals(bytes)).toBe(true)
  session.close()
})

test("what is too large is refused before it is sent, or while it is", async () => {
  const session = open()
  const path = freshPath()
  await ask(session, "PUT", path, { headers: text })
  const announced = await ask(session, "POST", path, { headers: { ...text, "content-length": String(3 << 20) }, body: Buffer.alloc(3 << 20) }).catch((error) => error)
  expect(announced.status).toBe(413)
  const request = session.request({ ":method": "POST", ":path": `/v1/stream/${path}`, ...text })
  request.on("error", () => {})
  request.write(Buffer.alloc(2 << 20))
  const [answer] = await once(request, "response")
  expect(answer[":status"]).toBe(413)
  expect((await ask(session, "POST", path, { headers: { ...text, "x-large": "x".repeat(40_000) }, body: "x" })).status).toBe(431)
  expect((await ask(session, "GET", "p".repeat(9000))).status).toBe(414)
  expect((await ask(session, "POST", path, { headers: text, body: "still fine" })).status).toBe(204)
  session.close()
})

test("the server drains: streams end, the connection goes away, nothing is cut off", async () => {
  const draining = await startServer(["dev"])
  const session = http2.connect(new URL(draining.url).origin)
  const path = freshPath()
  await ask(session, "PUT", path, { headers: text })
  const live = session.request({ ":path": `/v1/stream/${path}?offset=-1&live=sse` })
  live.setEncoding("utf8")
  let events = ""
  live.on("data", (chunk) => (events += chunk))
  await until(() => events.includes("control"), 5000)
  const ended = once(live, "end")
  const closed = once(session, "close")
  const begin = Date.now()
  await Promise.all([draining.stop(), ended, closed])
  expect(live.rstCode).toBe(0)
  expect(Date.now() - begin).toBeLessThan(5000)
})

test("h2load finds no fault", () => {
  const result = spawnSync("h2load", ["-n", "5000", "-c", "10", "-m", "50", `${server.url}none`])
  expect(String(result.stdout)).toMatch(/5000 total, 5000 started, 5000 done, 0 succeeded, 5000 failed, 0 errored/)
  expect(String(result.stdout)).toMatch(/5000 4xx/)
})

// :method GET, :scheme http, :path /v1/stream/none, :authority x, in HPACK without Huffman coding.
const getHeaders = Buffer.concat([Buffer.from([0x82, 0x86, 0x04, 15]), Buffer.from("/v1/stream/none"), Buffer.from([0x01, 1]), Buffer.from("x")])
const postHeaders = Buffer.concat([Buffer.from([0x83, 0x86, 0x04, 15]), Buffer.from("/v1/stream/none"), Buffer.from([0x01, 1]), Buffer.from("x")])

test("streams beyond the limit are refused, frames beyond the size end the connection", async () => {
  const path = "/v1/stream/full-house?offset=now&live=long-poll"
  await fetch(`${server.url}full-house`, { method: "PUT", headers: text })
  const headers = Buffer.concat([Buffer.from([0x82, 0x86, 0x04, path.length]), Buffer.from(path), Buffer.from([0x01, 1]), Buffer.from("x")])
  const { port } = new URL(origin)
  const socket = connect(Number(port), "127.0.0.1")
  let received = Buffer.alloc(0)
  socket.on("data", (chunk) => (received = Buffer.concat([received, chunk])))
  socket.on("error", () => {})
  const closed = new Promise((resolve) => socket.once("close", resolve))
  // Who has not seen the server's settings yet cannot know the limit.
  socket.write(Buffer.concat([preface, settings, ...Array.from({ length: 260 }, (_, i) => frame(1, 5, 2 * i + 1, headers))]))
  const resets = () => framesOf(received).filter(({ type }) => type === 3)
  await until(() => resets().length >= 10)
  // REFUSED_STREAM: the client may try again.
  expect(resets().map(({ payload }) => payload.readUInt32BE(0))).toEqual(Array(10).fill(7))
  expect(Math.min(...resets().map(({ stream }) => stream))).toBe(501)
  socket.write(frame(0, 0, 1, Buffer.alloc(1 << 17)))
  await closed
  const goaway = framesOf(received).find(({ type }) => type === 7)
  expect(goaway.payload.readUInt32BE(4)).toBe(6) // FRAME_SIZE_ERROR
})

/** Sends what `next` makes until the server ends the connection; how many it took, and the error. */
async function flood(next, limit = 100_000) {
  const { port } = new URL(origin)
  const socket = connect(Number(port), "127.0.0.1")
  await once(socket, "connect")
  let received = Buffer.alloc(0)
  let open = true
  socket.on("data", (chunk) => (received = Buffer.concat([received, chunk]).subarray(-4096)))
  socket.on("error", () => {})
  socket.on("close", () => (open = false))
  socket.write(Buffer.concat([preface, settings]))
  let sent = 0
  while (open && sent < limit) {
    const batch = []
    for (let i = 0; i < 100; i++) batch.push(next(sent++))
    if (!socket.write(Buffer.concat(batch))) await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => {})
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => !open, 5000).catch(() => {})
  socket.destroy()
  return { sent, open, received }
}

const floods = {
  "rapid reset": (i) => Buffer.concat([frame(1, 5, 2 * i + 1, getHeaders), frame(3, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8]))]),
  ping: () => frame(6, 0, 0, Buffer.alloc(8)),
  settings: () => settings,
  priority: (i) => frame(2, 0, 2 * i + 1, Buffer.from([0, 0, 0, 0, 16])),
  "empty data": (i) => (i === 0 ? frame(1, 4, 1, postHeaders) : frame(0, 0, 1)),
  continuation: (i) => (i === 0 ? frame(1, 0, 1, getHeaders) : frame(9, 0, 1, Buffer.from([0x00, 1, 0x61, 1, 0x62]))),
  "reset of what was never opened": (i) => frame(3, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8])),
}

test.each(Object.keys(floods))("a flood of %s ends its connection and nothing else", async (name) => {
  const result = await flood(floods[name])
  expect(result.open).toBe(false)
  expect(result.sent).toBeLessThan(50_000)
  expect((await fetch(`${server.url}none`)).status).toBe(404)
})

test("headers that never end, and bodies that stop, are not waited for", async () => {
  const hasty = await startServer(["dev", "--header-timeout", "500ms", "--body-timeout", "500ms"])
  const { port } = new URL(hasty.url)
  const open = (bytes) => {
    const socket = connect(Number(port), "127.0.0.1")
    socket.on("error", () => {})
    let received = Buffer.alloc(0)
    socket.on("data", (chunk) => (received = Buffer.concat([received, chunk])))
    socket.write(Buffer.concat([preface, settings, ...bytes]))
    return { socket, frames: () => framesOf(received), closed: new Promise((resolve) => socket.once("close", resolve)) }
  }
  await open([frame(1, 0, 1, getHeaders)]).closed
  const stopped = open([frame(1, 4, 1, postHeaders), frame(0, 0, 1, Buffer.from("half a "))])
  // An answer (its status is 408, in HPACK), and that the rest need not come.
  await until(() => stopped.frames().some(({ type, stream }) => type === 1 && stream === 1) && stopped.frames().some(({ type }) => type === 3))
  stopped.socket.destroy()
  await hasty.stop()
})

test("frames that are no HTTP/2 end the connection", async () => {
  const { port } = new URL(origin)
  for (const bytes of [frame(0, 0, 7, Buffer.from("data on no stream")), frame(1, 4, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])), frame(4, 0, 0, Buffer.alloc(5)), Buffer.alloc(50_000, 0xff)]) {
    const socket = connect(Number(port), "127.0.0.1")
    socket.on("error", () => {})
    socket.resume()
    socket.write(Buffer.concat([preface, settings, bytes]))
    await once(socket, "close")
  }
  expect((await fetch(`${server.url}none`)).status).toBe(404)
})
