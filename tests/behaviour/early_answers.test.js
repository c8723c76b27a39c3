// Requests that are refused before they have come whole, by clients that read only when they have
// sent everything: they get the answer, and not a reset that takes it away.
import { once } from "node:events"
import { connect } from "node:net"
import { connect as connectTls } from "node:tls"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { makeAuthority } from "../harness/certificates.js"
import { ack, block, endHeaders, endStream, frame, openFrames, request, statusIn, types } from "../harness/http2_frames.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, statusOf, streams, until } from "../harness/streams.js"

const limit = 100_000
const mib = 1 << 20
let folder, authority, plain, tls, hasty, root
beforeAll(async () => {
  folder = scratchFolder()
  authority = makeAuthority(folder.path)
  const files = authority.issue("server")
  const limits = ["--max-append-bytes", String(limit)]
  plain = await startServer(["dev", ...limits])
  tls = await startServer(["dev", ...limits, "--tls-cert", files.certificate, "--tls-key", files.key])
  hasty = await startServer(["dev", "--body-timeout", "1s"])
  root = new URL(plain.url).pathname
})
afterAll(async () => {
  await Promise.all([plain.stop(), tls.stop(), hasty.stop()])
  folder.remove()
})

const ways = {
  "in clear": { server: () => plain, open: (port) => connect({ port, host: "127.0.0.1" }) },
  "over TLS": { server: () => tls, open: (port) => connectTls({ port, host: "localhost", ca: authority.pem(), ALPNProtocols: ["http/1.1"] }) },
}

describe.each(Object.entries(ways))("%s", (_name, { server, open }) => {
  /** Sends all of `parts`, one each `pauseMs`, without reading; then reads to the end. */
  async function sendThenRead(parts, { pauseMs = 0 } = {}) {
    const socket = open(Number(new URL(server().url).port))
    socket.pause()
    const failed = []
    socket.on("error", (error) => failed.push(error.code))
    const closed = new Promise((resolve) => socket.once("close", resolve))
    await once(socket, socket.encrypted === undefined ? "connect" : "secureConnect")
    for (const part of parts) {
      await new Promise((resolve) => socket.write(part, resolve))
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
    let text = ""
    socket.on("data", (chunk) => (text += chunk))
    socket.resume()
    await closed
    expect(failed).toEqual([])
    return text
  }
  const head = (fields, method = "POST") => `${method} ${root}x HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n${fields}\r\n\r\n`
  const sized = (size, fields = "") => [head(`Content-Length: ${size}${fields}`), Buffer.alloc(size, "x")]
  const chunks = (count, size) => [head("Transfer-Encoding: chunked"), ...Array.from({ length: count }, () => Buffer.concat([Buffer.from(`${size.toString(16)}\r\n`), Buffer.alloc(size, "x"), Buffer.from("\r\n")])), "0\r\n\r\n"]

  test("413 for a large body with its length", async () => {
    for (const method of ["PUT", "POST"]) {
      const [, body] = sized(50 * mib)
      const answer = await sendThenRead([head(`Content-Length: ${body.length}`, method), body])
      expect(statusOf(answer)).toBe(413)
      expect(answer).toContain("payload-too-large")
      expect(answer.match(/HTTP\/1\.1 /g).length).toBe(1)
    }
  })

  test("413 for a large body in chunks", async () => {
    expect(statusOf(await sendThenRead(chunks(50, mib)))).toBe(413)
  })

  test("413 when the client does not wait for the leave that it asks for", async () => {
    const answer = await sendThenRead(sized(20 * mib, "\r\nExpect: 100-continue"))
    expect(answer).not.toContain("100 Continue")
    expect(statusOf(answer)).toBe(413)
  })

  test("413 for a body that takes seconds to send", async () => {
    const parts = [head(`Content-Length: ${6 * mib}`), ...Array.from({ length: 6 }, () => Buffer.alloc(mib, "x"))]
    expect(statusOf(await sendThenRead(parts, { pauseMs: 500 }))).toBe(413)
  })

  test.each([
    ["417", "Content-Length: 90000\r\nExpect: a-miracle", 417],
    ["400", "Content-Length: 90000\r\nContent-Length: 90000", 400],
    ["431", `Content-Length: 90000\r\nX-Long: ${"y".repeat(40_000)}`, 431],
  ])("%s for a head that is refused", async (_status, fields, status) => {
    expect(statusOf(await sendThenRead([head(fields), Buffer.alloc(20_000_000, "x")]))).toBe(status)
  })

  test("400 for a body that is malformed at its beginning", async () => {
    expect(statusOf(await sendThenRead([head("Transfer-Encoding: chunked"), "zz\r\n", Buffer.alloc(20 * mib, "x")]))).toBe(400)
  })

  test("a connection that the client wanted closed takes what is pipelined behind", async () => {
    const answer = await sendThenRead([head("Content-Length: 0\r\nConnection: close", "PUT"), Buffer.alloc(20 * mib, "x")])
    expect([200, 201]).toContain(statusOf(answer))
    expect(answer.match(/HTTP\/1\.1 /g).length).toBe(1)
  })
})

test("408 for a body that came too slowly, and goes on coming", async () => {
  const { port } = new URL(hasty.url)
  const socket = connect(Number(port), "127.0.0.1")
  const failed = []
  socket.on("error", (error) => failed.push(error.code))
  const closed = new Promise((resolve) => socket.once("close", resolve))
  socket.pause()
  socket.write(`POST ${root}x HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: ${20 * mib}\r\n\r\nsome`)
  await new Promise((resolve) => setTimeout(resolve, 2500))
  await new Promise((resolve) => socket.write(Buffer.alloc(20 * mib - 4, "x"), resolve))
  let text = ""
  socket.on("data", (chunk) => (text += chunk))
  socket.resume()
  await closed
  expect(failed).toEqual([])
  expect(statusOf(text)).toBe(408)
})

test("what is dropped is bounded: in time without a byte, and in bytes", async () => {
  const open = () => {
    const socket = connect({ port: Number(new URL(plain.url).port), host: "127.0.0.1", allowHalfOpen: true })
    socket.on("error", () => {})
    socket.resume()
    socket.write(`POST ${root}x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000000\r\n\r\n`)
    return socket
  }
  const begin = Date.now()
  const idle = open()
  const closed = new Promise((resolve) => idle.once("close", resolve))
  // The server has closed when what is written is answered by a reset.
  const knock = setInterval(() => Date.now() - begin > 5500 && idle.write("x"), 200)
  const busy = open()
  let sent = 0
  const ended = new Promise((resolve) => busy.once("close", resolve))
  const block = Buffer.alloc(mib)
  while (!busy.destroyed && sent < 2048 * mib) {
    sent += block.length
    await new Promise((resolve) => busy.write(block, resolve))
  }
  await ended
  expect(sent).toBeGreaterThan(250 * mib)
  expect(sent).toBeLessThan(400 * mib)
  await closed
  clearInterval(knock)
  expect(Date.now() - begin).toBeLessThan(9000)
}, 30_000)

describe("over HTTP/2", () => {
  const fields = (path) => [...request("POST", root + path), ["content-type", "text/plain"]]
  const data = (id, size, flags = 0) => frame(types.data, flags, id, Buffer.alloc(size, "x"))

  test.each([
    ["announced", [["content-length", String(900_000)]]],
    ["grown", []],
  ])("a body that is too large (%s) is refused, the rest is asked not to come, and others go on", async (_how, length) => {
    const path = freshPath("early")
    await streams(plain.url).create(path, { type: "text/plain" })
    const connection = openFrames(plain.url, [frame(types.headers, endHeaders, 1, block([...fields(path), ...length]))])
    // The server's settings make the stream's window larger than this body.
    await until(() => connection.of(0, types.settings).length > 0)
    connection.send(frame(types.settings, ack, 0))
    // All of it, without a look at what comes back.
    for (let i = 0; i < 54; i++) connection.send(data(1, 16_384))
    connection.send(data(1, 15_264, endStream))
    await until(() => connection.of(1, types.reset).length > 0)
    const [answer] = connection.of(1, types.headers)
    expect(answer).toBeDefined()
    expect(Buffer.concat(connection.of(1, types.data).map(({ payload }) => payload)).toString()).toContain("payload-too-large")
    expect(connection.of(1, types.reset)[0].payload.readUInt32BE(0)).toBe(0) // NO_ERROR
    connection.send(frame(types.headers, endHeaders, 3, block(fields(path))), data(3, 5, endStream))
    await until(() => connection.of(3, types.headers).length > 0)
    expect(statusIn(connection.of(3, types.headers)[0])).toBe(204)
    expect(connection.of(0, types.goaway)).toEqual([])
    connection.close()
  })

  test("refused bodies do not use up the connection's window", async () => {
    const path = freshPath("early")
    await streams(plain.url).create(path, { type: "text/plain" })
    const connection = openFrames(plain.url)
    await until(() => connection.of(0, types.settings).length > 0)
    connection.send(frame(types.settings, ack, 0))
    // 20 MB in all, five times that window.
    for (let id = 1; id <= 41; id += 2) {
      connection.send(frame(types.headers, endHeaders, id, block(fields(path))))
      const room = () => 4_194_304 + connection.of(0, types.windowUpdate).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
      for (let i = 0; i < 61; i++) {
        const sent = ((id - 1) / 2) * 61 * 16_384 + i * 16_384
        await until(() => room() - 4_194_304 + 4_000_000 > sent)
        connection.send(data(id, 16_384))
      }
      await until(() => connection.of(id, types.reset).length > 0)
      expect(connection.of(id, types.headers).length).toBe(1)
      expect(connection.of(id, types.reset)[0].payload.readUInt32BE(0)).toBe(0) // NO_ERROR
    }
    connection.send(frame(types.headers, endHeaders, 43, block(fields(path))), data(43, 5, endStream))
    await until(() => connection.of(43, types.headers).length > 0)
    expect(statusIn(connection.of(43, types.headers)[0])).toBe(204)
    connection.close()
  })

  test("a broken connection is told why, whatever it still sends", async () => {
    const connection = openFrames(plain.url, [frame(types.data, 0, 1, Buffer.from("data on no stream"))])
    connection.socket.pause()
    for (let i = 0; i < 50; i++) connection.send(data(1, 16_384))
    await new Promise((resolve) => setTimeout(resolve, 1000))
    connection.socket.resume()
    await connection.closed
    expect(connection.of(0, types.goaway)[0].payload.readUInt32BE(4)).toBe(1) // PROTOCOL_ERROR
    connection.close()
  })
})
