// Compression of large answers: whole, in turns with other requests, and never stuck.
import { connect } from "node:net"
import { gunzipSync } from "node:zlib"
import { afterAll, beforeAll, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { freshPath, streams } from "../harness/streams.js"
import { versions } from "../harness/versions.js"

let server, ds, origin, path, body
beforeAll(async () => {
  server = await startServer(["dev", "--threads", "1"])
  ds = streams(server.url)
  origin = new URL(server.url).origin
  // Words in no order: gzip takes some 10 ms for each MiB.
  let seed = 1
  const words = []
  while (words.length < 600_000) {
    seed = (seed * 1103515245 + 12345) % 2147483648
    words.push((seed % 50_000).toString(36))
  }
  body = words.join(" ").slice(0, 4 << 20)
  path = freshPath("large")
  expect((await ds.create(path, { type: "text/plain", body })).status).toBe(201)
})
afterAll(() => server?.stop())

const target = () => new URL(server.url).pathname + path
const ask = (method, encoding) => `${method} ${target()} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${encoding}\r\n\r\n`
const open = async () => {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject))
  return socket
}
const firstByte = (socket) => new Promise((resolve) => socket.once("data", () => resolve(performance.now())))

test.each(["gzip", "br", "zstd"])("while 4 MiB become %s, other requests are answered", async (coding) => {
  const ratios = []
  for (let round = 0; round < 5; ++round) {
    const [large, small] = [await open(), await open()]
    const begin = performance.now()
    large.write(ask("GET", coding))
    small.write(ask("HEAD", coding))
    const [slow, quick] = await Promise.all([firstByte(large), firstByte(small)])
    ratios.push((quick - begin) / (slow - begin))
    large.destroy()
    small.destroy()
  }
  // One that had to wait for the other would come when the other comes, or later.
  expect(Math.min(...ratios)).toBeLessThan(0.5)
})

test.each(versions)("many at once come whole over %s", async (_version, openClient) => {
  const client = openClient(origin)
  const answers = await Promise.all(Array.from({ length: 12 }, () => client.ask("GET", target(), { headers: { "accept-encoding": "gzip" } })))
  for (const answer of answers) {
    expect(answer.headers["content-encoding"]).toBe("gzip")
    expect(gunzipSync(answer.body).toString() === body).toBe(true)
  }
  client.close()
})

test("clients that go away leave no place taken", async () => {
  for (let round = 0; round < 3; ++round) {
    const sockets = await Promise.all(Array.from({ length: 10 }, open))
    for (const socket of sockets) socket.write(ask("GET", "gzip"))
    await new Promise((resolve) => setTimeout(resolve, 15))
    for (const socket of sockets) socket.destroy()
  }
  const answer = await ds.call("GET", path, { headers: { "accept-encoding": "gzip" } })
  expect(answer.headers.get("content-encoding")).toBe("gzip")
  expect(answer.text === body).toBe(true)
})
