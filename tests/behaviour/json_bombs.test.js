// JSON that is small to send and large to hold: in bodies of the control APIs, in tokens, in what others answer.
import { once } from "node:events"
import { createServer } from "node:http"
import { connect as connectHttp2 } from "node:http2"
import { connect } from "node:net"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { peakMib, residentMib, seenDuring } from "../harness/other_client.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, raw, statusOf, streams } from "../harness/streams.js"

const mib = 1 << 20
const bombBytes = 16 * mib
let folder, server, locked, root
beforeAll(async () => {
  folder = scratchFolder()
  const file = join(folder.path, "auth.json")
  writeFileSync(file, JSON.stringify({ keys: [], anonymous: { rules: [{ paths: ["open/**"], operations: ["*"] }] } }))
  server = await startServer(["dev", "--threads", "1"])
  locked = await startServer(["dev", "--threads", "1", "--auth-config", file])
  root = new URL(server.url).pathname
})
afterAll(async () => {
  await Promise.all([server.stop(), locked.stop()])
  folder.remove()
})

// Every control API that takes a body, with what it is asked by a stranger.
const token = { authorization: "Bearer AAAA.BBBB.CCCC" }
const apis = [
  ["PUT", "__ds/subscriptions/a", {}],
  ["POST", "__ds/subscriptions/a/streams", {}],
  ["POST", "__ds/subscriptions/a/claim", {}],
  ["POST", "__ds/subscriptions/a/ack", token],
  ["POST", "__ds/subscriptions/a/callback", token],
  ["POST", "__ds/subscriptions/a/release", token],
]
const names = () => `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":0`).join(",")}}`
const bombs = {
  "arrays in arrays": () => Buffer.alloc(bombBytes, "["),
  "a megabyte of them": () => Buffer.alloc(mib, "["),
  "objects in objects": () => Buffer.from('{"a":'.repeat(200_000)),
  "many empty values": () => Buffer.from(`{"acks":[${"{},".repeat(300_000)}{}]}`),
  "many names": () => Buffer.from(names()),
  "names below": () => Buffer.from(`{"a":${names()}}`),
}

describe.each(apis)("%s %s", (method, path, headers) => {
  test.each(Object.entries(bombs))("refuses %s at once", async (_name, make) => {
    const body = make()
    const before = residentMib(server.pid)
    const begin = performance.now()
    const answer = await raw(
      server.url,
      Buffer.concat([Buffer.from(`${method} ${root}${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers.authorization ? `Authorization: ${headers.authorization}\r\n` : ""}Content-Length: ${body.length}\r\n\r\n`), body]),
    )
    const took = performance.now() - begin
    expect([400, 413]).toContain(statusOf(answer))
    expect(took).toBeLessThan(1000)
    expect(residentMib(server.pid) - before).toBeLessThan(64)
  })
})

test("a control API's body is held to its own limit, however it comes", async () => {
  const limits = { "__ds/subscriptions/a/ack": mib, "__ds/subscriptions/a/release": 16 << 10 }
  for (const [path, limit] of Object.entries(limits)) {
    const statuses = []
    for (const size of [limit, limit + 1]) {
      const body = Buffer.alloc(size, " ")
      const sized = await streams(server.url).call("POST", path, { headers: token, body })
      const chunked = await streams(server.url).call("POST", path, { headers: token, body: new ReadableStream({ pull: (c) => (c.enqueue(body), c.close()) }) })
      const session = connectHttp2(server.url)
      const stream = session.request({ ":method": "POST", ":path": root + path, ...token })
      stream.on("error", () => {})
      stream.end(body)
      const [answer] = await once(stream, "response")
      session.destroy()
      statuses.push([sized.status, chunked.status, answer[":status"]])
    }
    expect(statuses).toEqual([[400, 400, 400], [413, 413, 413]])
  }
})

test("a body that means nothing is bounded too", async () => {
  const path = freshPath()
  await streams(server.url).create(path)
  const get = (size) => raw(server.url, Buffer.concat([Buffer.from(`GET ${root}${path}?offset=-1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`), Buffer.alloc(size, "x")]))
  expect(statusOf(await get(64 << 10))).toBe(200)
  expect(statusOf(await get((64 << 10) + 1))).toBe(413)
})

test("a stranger's body is not read before it is known who it is from", async () => {
  const base = new URL(locked.url).pathname
  // Each is answered although the body never comes.
  const cases = [
    ["PUT", "__ds/subscriptions/a", "", 401],
    ["POST", "__ds/subscriptions/a/claim", "", 401],
    ["POST", "__ds/subscriptions/a/ack", "", 401],
    ["POST", "__ds/subscriptions/a/release", "", 401],
    ["GET", "__ds/subscriptions/a/ack", "Authorization: Bearer x\r\n", 405],
    ["POST", "closed/a", "", 401],
    ["PUT", "closed/a", "Authorization: Bearer x\r\n", 401],
    ["BREW", "open/a", "", 501],
  ]
  for (const [method, path, fields, status] of cases) {
    for (const [framing, begin] of [["Content-Length: 1000000", "some"], ["Transfer-Encoding: chunked", "5\r\nsome"]]) {
      for (const expects of ["", "Expect: 100-continue\r\n"]) {
        const answer = await raw(locked.url, `${method} ${base}${path} HTTP/1.1\r\nHost: x\r\n${fields}${expects}${framing}\r\n\r\n${expects ? "" : begin}`, { done: (text) => text.includes("\r\n\r\n"), timeoutMs: 3000 })
        expect([method, path, framing, statusOf(answer)]).toEqual([method, path, framing, status])
      }
    }
    const session = connectHttp2(locked.url)
    const stream = session.request({ ":method": method, ":path": base + path, ...(fields && { authorization: "Bearer x" }), "content-length": "1000000" }, { endStream: false })
    stream.on("error", () => {})
    stream.write("some")
    const [answer] = await once(stream, "response")
    expect([method, path, answer[":status"]]).toEqual([method, path, status])
    session.destroy()
  }
  // Whoever may go on is asked for it.
  const asked = await raw(locked.url, `PUT ${base}open/b HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`, { done: (text) => text.includes("\r\n\r\n") })
  expect(asked).toMatch(/^HTTP\/1\.1 100 /)
})

test("a small body that was not wanted does not cost the connection", async () => {
  const base = new URL(locked.url).pathname
  const next = `HEAD ${base}open/none HTTP/1.1\r\nHost: x\r\n\r\n`
  for (const parts of [[`POST ${base}closed/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789${next}`], [`POST ${base}closed/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234`, `56789${next}`], [`POST ${base}closed/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n${next}`]]) {
    const socket = connect(Number(new URL(locked.url).port), "127.0.0.1")
    let text = ""
    socket.on("data", (chunk) => (text += chunk))
    for (const part of parts) {
      socket.write(part)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(["401", "404"])
    socket.destroy()
  }
  // Of one that has not come as a whole and has no known end nobody waits for the rest.
  const cut = await raw(locked.url, `POST ${base}closed/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /`)
  expect(cut.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 401"])
  expect(cut).toContain("Connection: close")
})

test("bombs in tokens are refused", async () => {
  const part = (text) => Buffer.from(text).toString("base64url")
  const nested = `{"a":${"[".repeat(8_000)}`
  for (const bearer of [`${part(nested)}.${part("{}")}.AA`, `${part('{"alg":"EdDSA"}')}.${part(nested)}.AA`, ".".repeat(20_000), "a".repeat(30_000)]) {
    const begin = performance.now()
    const { status } = await streams(locked.url).call("POST", "closed/a", { headers: { authorization: `Bearer ${bearer}` }, body: "x" })
    expect(status).toBe(401)
    expect(performance.now() - begin).toBeLessThan(500)
  }
})

test("what an external check answers is bounded", async () => {
  let answer
  const check = createServer((_request, response) => answer(response)).listen(0, "127.0.0.1")
  await once(check, "listening")
  const asking = await startServer(["dev", "--auth-url", `http://127.0.0.1:${check.address().port}/`, "--auth-url-timeout", "5s"])
  try {
    const before = residentMib(asking.pid)
    const endless = (write) => (response) => {
      const timer = setInterval(() => response.destroyed ? clearInterval(timer) : write(response), 1)
      response.on("close", () => clearInterval(timer)).on("error", () => {})
    }
    answer = endless((response) => response.write(Buffer.alloc(mib, "x")))
    expect((await streams(asking.url).read("a")).status).toBe(404) // 200, and nobody reads what stands in it
    answer = endless(({ socket }) => socket?.write(`X-More: ${"y".repeat(60_000)}\r\n`))
    const headers = answer
    answer = (response) => (response.socket.write("HTTP/1.1 200 OK\r\n"), headers(response))
    expect((await streams(asking.url).read("b")).status).toBe(503)
    expect(residentMib(asking.pid) - before).toBeLessThan(32)
  } finally {
    await asking.stop()
    check.closeAllConnections()
    check.close()
  }
})

test("bombs at full rate do not slow another client, nor take memory", async () => {
  const path = freshPath()
  await streams(server.url).create(path)
  const quiet = await seenDuring(server.url + path, () => new Promise((resolve) => setTimeout(resolve, 2000)))
  const before = residentMib(server.pid)
  let sent = 0
  const attack = async () => {
    const end = Date.now() + 4000
    const { port } = new URL(server.url)
    const bytes = ["a megabyte of them", "many empty values", "arrays in arrays"].map((name) => bombs[name]()).map((body) => Buffer.concat([Buffer.from(`POST ${root}__ds/subscriptions/a/ack HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: ${body.length}\r\n\r\n`), body]))
    await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        while (Date.now() < end) {
          const socket = connect({ port: Number(port), host: "127.0.0.1", localAddress: "127.0.0.2" })
          socket.on("error", () => {})
          socket.write(bytes[i % bytes.length])
          sent += bytes[i % bytes.length].length
          await Promise.race([once(socket, "data"), once(socket, "close")]).catch(() => {})
          socket.destroy()
        }
      }),
    )
  }
  const attacked = await seenDuring(server.url + path, attack)
  const grown = peakMib(server.pid) - before
  console.log(`bombs: ${(sent / mib / 4).toFixed(0)} MiB/s; p99 ${quiet.p99.toFixed(1)} ms, then ${attacked.p99.toFixed(1)} ms (longest ${attacked.longest.toFixed(0)}); ${grown.toFixed(0)} MiB more`)
  expect(attacked.failures).toEqual([])
  // 50 ms where nothing else runs; a machine that is busy with other tests has its own delays.
  expect(attacked.p99 - quiet.p99).toBeLessThan(150)
  expect(grown).toBeLessThan(200)
}, 30_000)
