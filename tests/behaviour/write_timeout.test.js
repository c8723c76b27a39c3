// A reader that stops reading is ended after --write-timeout; one that only reads slowly is not.
import { once } from "node:events"
import { connect } from "node:net"
import { connect as connectTls } from "node:tls"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { makeAuthority } from "../harness/certificates.js"
import { block, endHeaders, endStream, frame, openFrames, request, types } from "../harness/http2_frames.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, streams, until } from "../harness/streams.js"

let folder, authority, plain, tls, root
const timeoutMs = 2000
beforeAll(async () => {
  folder = scratchFolder()
  authority = makeAuthority(folder.path)
  const files = authority.issue("server")
  const common = ["--write-timeout", `${timeoutMs}ms`]
  plain = await startServer(["dev", ...common])
  tls = await startServer(["dev", ...common, "--tls-cert", files.certificate, "--tls-key", files.key])
  root = new URL(plain.url).pathname
})
afterAll(async () => {
  await Promise.all([plain.stop(), tls.stop()])
  folder.remove()
})

const ways = {
  "in clear": { server: () => plain, open: (port) => connect({ port, host: "127.0.0.1" }) },
  "over TLS": { server: () => tls, open: (port) => connectTls({ port, host: "localhost", ca: authority.pem(), ALPNProtocols: ["http/1.1"] }) },
}

async function readers(server) {
  const metrics = await (await fetch(`${server.admin}/metrics`)).text()
  return Number(metrics.split("\n").find((line) => line.startsWith('durable_streams_live_readers{mode="sse"} '))?.split(" ")[1])
}

/** What writes to the stream on the server, over a connection of its own. */
async function writer(server, path) {
  const options = server === tls ? { ca: authority.pem(), servername: "localhost" } : {}
  const { request: ask } = await import(server === tls ? "node:https" : "node:http")
  const call = (method, body) =>
    new Promise((resolve, reject) => {
      const sent = ask(`${server.url.replace("127.0.0.1", "localhost")}${path}`, { method, headers: { "content-type": "text/plain" }, family: 4, ...options }, (answer) => answer.resume().on("end", () => resolve(answer.statusCode)))
      sent.on("error", reject)
      sent.end(body)
    })
  expect(await call("PUT")).toBe(201)
  return { append: (size) => call("POST", Buffer.alloc(size, "x")) }
}

describe.each(Object.entries(ways))("%s", (_name, { server, open }) => {
  const get = (path, query) => `GET ${root}${path}${query} HTTP/1.1\r\nHost: x\r\n\r\n`
  async function reader(path, query) {
    const socket = open(Number(new URL(server().url).port))
    socket.on("error", () => {})
    await once(socket, socket.encrypted === undefined ? "connect" : "secureConnect")
    socket.write(get(path, query))
    return socket
  }

  test("a live reader that stops is ended, however the data comes", async () => {
    const path = freshPath("stuck")
    const { append } = await writer(server(), path)
    const socket = await reader(path, "?offset=-1&live=sse")
    await until(async () => (await readers(server())) === 1)
    socket.pause()
    // Live, in pieces, until no buffer takes more.
    let writing = true
    const written = (async () => {
      for (let i = 0; writing && i < 200; i++) {
        await append(200_000)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })()
    await until(async () => (await readers(server())) === 0, 15_000)
    writing = false
    await written
    socket.destroy()
  }, 30_000)

  test("a reader of what there is that stops is ended", async () => {
    const path = freshPath("stuck")
    const { append } = await writer(server(), path)
    for (let i = 0; i < 10; i++) await append(4_000_000)
    const socket = await reader(path, "?offset=-1&live=sse")
    socket.pause()
    await until(async () => (await readers(server())) === 1)
    const begin = Date.now()
    await until(async () => (await readers(server())) === 0, 15_000)
    expect(Date.now() - begin).toBeGreaterThan(timeoutMs - 600)
    socket.destroy()
  }, 30_000)

  test("a slow reader gets everything", async () => {
    const path = freshPath("slow")
    const { append } = await writer(server(), path)
    for (let i = 0; i < 4; i++) await append(4_000_000)
    const socket = await reader(path, "?offset=-1&live=sse")
    let size = 0
    let ended = false
    socket.on("close", () => (ended = true))
    socket.on("data", (chunk) => {
      size += chunk.length
      // Some 1.5 MB a second, in bursts with pauses of half the timeout.
      if (Math.floor(size / 1_500_000) > Math.floor((size - chunk.length) / 1_500_000)) {
        socket.pause()
        setTimeout(() => socket.resume(), timeoutMs / 2)
      }
    })
    await until(() => ended || size > 16_000_000, 25_000)
    expect(ended).toBe(false)
    socket.destroy()
  }, 40_000)
})

describe("over HTTP/2", () => {
  const get = (id, path) => frame(types.headers, endHeaders | endStream, id, block(request("GET", root + path)))

  test("a stream whose window stays shut is ended, the connection and its others are not", async () => {
    const path = freshPath("stuck")
    const ds = streams(plain.url)
    await ds.create(path, { type: "text/plain", body: Buffer.alloc(1 << 20, "x") })
    const connection = openFrames(plain.url, [get(1, `${path}?offset=-1&live=sse`)])
    await until(async () => (await readers(plain)) === 1)
    // The connection's window is opened again, the stream's is not.
    connection.send(frame(types.windowUpdate, 0, 0, Buffer.from([0, 16, 0, 0])))
    await until(async () => (await readers(plain)) === 0, 10_000)
    await until(() => connection.of(1, types.reset).length > 0)
    expect(connection.of(1, types.reset)[0].payload.readUInt32BE(0)).toBe(8) // CANCEL
    connection.send(get(3, `${path}?offset=now`))
    await until(() => connection.of(3, types.headers).length > 0)
    connection.close()
  }, 30_000)

  test("a window that is opened now and then keeps its stream", async () => {
    const path = freshPath("slow")
    await streams(plain.url).create(path, { type: "text/plain", body: Buffer.alloc(1 << 20, "x") })
    const connection = openFrames(plain.url, [get(1, path)])
    for (let i = 0; i < 6; i++) {
      await new Promise((resolve) => setTimeout(resolve, timeoutMs / 2))
      for (const id of [0, 1]) connection.send(frame(types.windowUpdate, 0, id, Buffer.from([0, 0, 16, 0])))
    }
    expect(connection.of(1, types.reset)).toEqual([])
    connection.close()
  }, 30_000)

  test("a client that does not read its socket is ended", async () => {
    const path = freshPath("stuck")
    await streams(plain.url).create(path, { type: "text/plain", body: Buffer.alloc(8 << 20, "x") })
    const connection = openFrames(plain.url)
    connection.socket.pause()
    const wide = Buffer.from([0x3f, 0, 0, 0])
    connection.send(frame(types.settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), wide])), frame(types.windowUpdate, 0, 0, wide))
    for (let id = 1; id < 41; id += 2) connection.send(get(id, path))
    const open = async () => {
      const metrics = await (await fetch(`${plain.admin}/metrics`)).text()
      return Number(/^durable_streams_http2_connections (\d+)/m.exec(metrics)?.[1])
    }
    await until(async () => (await open()) === 1)
    await until(async () => (await open()) === 0, 20_000)
    connection.close()
  }, 40_000)
})
