// A client that ends its side of the connection after its requests still reads: it gets its answers,
// then the connection ends. One that is gone altogether looks the same at first, and is noticed.
import { once } from "node:events"
import { connect } from "node:net"
import { connect as connectTls } from "node:tls"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { makeAuthority } from "../harness/certificates.js"
import { block, endHeaders, endStream, frame, openFrames, request, statusIn, types } from "../harness/http2_frames.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, streams, until } from "../harness/streams.js"

let folder, authority, plain, tls, root, ds
beforeAll(async () => {
  folder = scratchFolder()
  authority = makeAuthority(folder.path)
  const files = authority.issue("server")
  const common = ["--long-poll-timeout", "4s", "--sse-reconnect-interval", "4s"]
  plain = await startServer(["dev", ...common])
  tls = await startServer(["dev", "--tls-cert", files.certificate, "--tls-key", files.key, ...common])
  root = new URL(plain.url).pathname
  ds = streams(plain.url)
})
afterAll(async () => {
  await Promise.all([plain.stop(), tls.stop()])
  folder.remove()
})

const ways = {
  "in clear": { server: () => plain, open: (port) => connect({ port, host: "127.0.0.1", allowHalfOpen: true }) },
  "over TLS 1.3": { server: () => tls, open: (port) => connectTls({ port, host: "localhost", ca: authority.pem(), allowHalfOpen: true, ALPNProtocols: ["http/1.1"] }) },
  "over TLS 1.2": { server: () => tls, open: (port) => connectTls({ port, host: "localhost", ca: authority.pem(), allowHalfOpen: true, ALPNProtocols: ["http/1.1"], maxVersion: "TLSv1.2" }) },
}

async function metric(server, name) {
  const metrics = await (await fetch(`${server.admin}/metrics`)).text()
  return Number(metrics.split("\n").find((line) => line.startsWith(`durable_streams_${name} `))?.split(" ")[1])
}

describe.each(Object.entries(ways))("%s", (_name, { server, open }) => {
  /** Sends `bytes`, ends the client's side, and resolves to all that comes until the server's end. */
  async function exchange(bytes, { then } = {}) {
    const socket = open(Number(new URL(server().url).port))
    let text = ""
    socket.on("data", (chunk) => (text += chunk))
    socket.end(bytes)
    then?.(() => text)
    await once(socket, "end")
    socket.destroy()
    return text
  }
  const put = (path, extra = "") => `PUT ${root}${path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: ${extra.length}\r\n\r\n${extra}`
  const post = (path, body) => put(path, body).replace("PUT", "POST")
  const get = (path, query = "?offset=-1") => `GET ${root}${path}${query} HTTP/1.1\r\nHost: x\r\n\r\n`

  test("one request is answered", async () => {
    const path = freshPath("half")
    expect(await exchange(put(path, "hello"))).toMatch(/^HTTP\/1\.1 201 /)
    expect(await exchange(get(path))).toMatch(/\r\n\r\nhello$/)
  })

  test("all pipelined requests are answered", async () => {
    const path = freshPath("half")
    const bodies = Array.from({ length: 30 }, (_, i) => `${i};`)
    const answers = await exchange(put(path) + bodies.map((body) => post(path, body)).join("") + get(path))
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 201", ...bodies.map(() => "HTTP/1.1 204"), "HTTP/1.1 200"])
    expect(answers.endsWith(bodies.join(""))).toBe(true)
    // Whether the server knows the last one when it answers is a matter of microseconds.
    expect(answers.match(/^Connection: close/gm)?.length ?? 0).toBeLessThanOrEqual(1)
  })

  test("a large answer comes whole", async () => {
    const path = freshPath("half")
    const body = "0123456789abcdef".repeat(1 << 16)
    await exchange(put(path, body))
    expect((await exchange(get(path))).endsWith(`\r\n\r\n${body}`)).toBe(true)
  })

  test.each([
    ["in its head", () => `GET ${root}x HTTP/1.1\r\nHost:`],
    ["in its body", () => post("x", "hello").slice(0, -2)],
    ["in a chunk", () => `POST ${root}x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel`],
    ["before its last chunk", () => `POST ${root}x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`],
  ])("a request that breaks off %s is 400", async (_where, bytes) => {
    expect(await exchange(bytes())).toMatch(/^HTTP\/1\.1 400 [^]*bad-request/)
  })

  test("a long-poll goes on waiting, and gets what comes", async () => {
    const path = freshPath("half")
    await exchange(put(path))
    const answer = exchange(get(path, "?offset=now&live=long-poll"))
    await until(async () => (await metric(server(), 'live_readers{mode="long_poll"}')) === 1)
    await new Promise((resolve) => setTimeout(resolve, 2000))
    await exchange(post(path, "news"))
    // Interim responses ask whether the client is there.
    expect(await answer).toMatch(/^(HTTP\/1\.1 100 Continue\r\n\r\n)+HTTP\/1\.1 200 [^]*\r\n\r\nnews$/)
  })

  test("server-sent events go on", async () => {
    const path = freshPath("half")
    await exchange(put(path))
    const answer = exchange(get(path, "?offset=-1&live=sse"))
    await until(async () => (await metric(server(), 'live_readers{mode="sse"}')) === 1)
    await new Promise((resolve) => setTimeout(resolve, 500))
    await exchange(post(path, "news"))
    const text = await answer
    expect(text).toContain("news")
    expect(text).toMatch(/\r\n0\r\n\r\n$/)
  })

  test.each([
    ["long_poll", "?offset=now&live=long-poll"],
    ["sse", "?offset=-1&live=sse"],
  ])("a reader (%s) that goes away is noticed long before its time is up", async (mode, query) => {
    const path = freshPath("half")
    await exchange(put(path))
    const sockets = Array.from({ length: 5 }, () => {
      const socket = open(Number(new URL(server().url).port))
      socket.on("error", () => {})
      socket.write(get(path, query))
      return socket
    })
    const readers = () => metric(server(), `live_readers{mode="${mode}"}`)
    await until(async () => (await readers()) === 5)
    const begin = Date.now()
    for (const socket of sockets) socket.destroy()
    await until(async () => (await readers()) === 0)
    expect(Date.now() - begin).toBeLessThan(2500)
  })
})

describe("over HTTP/2", () => {
  const fields = (method, path) => [...request(method, root + path), ["content-type", "text/plain"]]
  const ask = (id, method, path, body) =>
    Buffer.concat([frame(types.headers, endHeaders | (body === undefined ? endStream : 0), id, block(fields(method, path))), ...(body === undefined ? [] : [frame(types.data, endStream, id, Buffer.from(body))])])

  test("requests are answered, and the connection ends", async () => {
    const path = freshPath("half")
    await ds.create(path, { type: "text/plain" })
    const connection = openFrames(plain.url, [1, 3, 5].map((id) => ask(id, "POST", path, `${id};`)))
    connection.socket.end()
    await connection.closed
    for (const id of [1, 3, 5]) expect(statusIn(connection.of(id, types.headers)[0])).toBe(204)
    expect((await ds.read(path)).text).toBe("1;3;5;")
  })

  test("a request that breaks off is 400, the others are answered", async () => {
    const path = freshPath("half")
    await ds.create(path, { type: "text/plain" })
    const connection = openFrames(plain.url, [frame(types.headers, endHeaders, 1, block(fields("POST", path))), frame(types.data, 0, 1, Buffer.from("half")), ask(3, "POST", path, "whole")])
    connection.socket.end()
    await connection.closed
    expect(statusIn(connection.of(1, types.headers)[0])).toBe(400)
    expect(statusIn(connection.of(3, types.headers)[0])).toBe(204)
    expect((await ds.read(path)).text).toBe("whole")
  })

  test("live reads go on, and one that goes away is noticed", async () => {
    const path = freshPath("half")
    await ds.create(path, { type: "text/plain" })
    const live = () => openFrames(plain.url, [ask(1, "GET", `${path}?offset=now&live=long-poll`), ask(3, "GET", `${path}?offset=-1&live=sse`)])
    const readers = async () => (await metric(plain, 'live_readers{mode="sse"}')) + (await metric(plain, 'live_readers{mode="long_poll"}'))
    const half = live()
    const gone = live()
    await until(async () => (await readers()) === 4)
    half.socket.end()
    gone.close()
    await until(async () => (await readers()) === 2)
    await ds.append(path, "news", { type: "text/plain" })
    await half.closed
    for (const id of [1, 3]) expect(Buffer.concat(half.of(id, types.data).map(({ payload }) => payload)).toString()).toContain("news")
  })
})
