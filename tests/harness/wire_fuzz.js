// Requests that are right, nearly right and broken, made from a seed, and sent to a running server as bytes: methods,
// targets, header fields, bodies, chunks, pipelines, and HTTP/2 frames. Used by tests/behaviour/wire_fuzz.test.js; run it
// by itself for as long as you like (docs/testing.md):
//   node tests/harness/wire_fuzz.js SECONDS [SEED]     with DS_BINARY for another build, such as one with sanitizers
import { connect } from "node:net"
import { gzipSync } from "node:zlib"
import { block, endHeaders, endStream, frame, preface, settings, types } from "./http2_frames.js"
import { metric } from "./other_client.js"
import { pick, pickSeed, randomOf } from "./random.js"
import { startServer } from "./server.js"
import { streams } from "./streams.js"

const methods = ["GET", "GET", "GET", "HEAD", "PUT", "PUT", "POST", "POST", "POST", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PRI", "get", "", "G\0T", "X".repeat(3000)]
const names = ["a", "b", "c/d", "e%2Ff", "%ff", "..", "a/../b", "%00", "", "/", "//", "\u00e9", "a b", "x".repeat(2500), `${"d/".repeat(200)}x`, "__registry__", "__ds/jwks.json", "__ds/subscriptions/s", "__ds/subscriptions/s/streams", "__ds/subscriptions/s/streams/a", "__ds/subscriptions/s/claim", "__ds/subscriptions/s/ack", "__ds/subscriptions/s/callback", "__ds/subscriptions/s/release", "__ds/nothing"]
const queries = ["", "", "", "?", "?offset=-1", "?offset=now", "?offset=-1&live=long-poll", "?offset=now&live=sse", "?offset=-1&live=sse", "?live=sse", "?offset=0000000000000001_0000000000000002", "?offset=0000000000000001_0000000000000003", "?offset=x", "?offset=-1&offset=-1", "?cursor=99999999999999999999", "?%zz", `?${"a=b&".repeat(500)}`]
const fields = [
  ["Content-Type", ["application/json", "text/plain", "application/octet-stream", "a/b; c=\"d\"", "nonsense", ""]],
  ["Stream-TTL", ["60", "0", "-1", "1e9", "99999999999999999999"]],
  ["Stream-Expires-At", ["2030-01-01T00:00:00Z", "never", "2030-13-01T00:00:00Z"]],
  ["Stream-Closed", ["true", "TRUE", "false", "1"]],
  ["Stream-Seq", ["1", "2", "", "z".repeat(2000)]],
  ["Stream-Forked-From", ["/v1/stream/a", "a", "http://x/v1/stream/a", "/v1/stream/__registry__"]],
  ["Stream-Fork-Offset", ["-1", "0000000000000001_0000000000000002", "x"]],
  ["Producer-Id", ["p", "", "q".repeat(2000)]],
  ["Producer-Epoch", ["0", "1", "9007199254740991", "9007199254740992", "-1"]],
  ["Producer-Seq", ["0", "1", "2", "x"]],
  ["If-Match", ["*", '"x"', "W/\"y\"", "x"]],
  ["If-None-Match", ["*", '"a", "b"', ","]],
  ["Accept-Encoding", ["gzip", "br;q=0.5, zstd", "*;q=0", "identity;q=0"]],
  ["Content-Encoding", ["gzip", "gzip, gzip", "br", "zstd", "identity", "none"]],
  ["Authorization", ["Bearer x", "Bearer a.b.c", "Basic eA==", `Bearer ${"y".repeat(10_000)}`]],
  ["Origin", ["https://app.example", "null"]],
  ["Expect", ["100-continue", "a-miracle"]],
  ["Connection", ["close", "keep-alive", "upgrade"]],
  ["traceparent", ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0-0-0"]],
  ["Last-Event-ID", ["0000000000000001_0000000000000002", "?"]],
  ["Range", ["bytes=0-"]],
  ["Cookie", ["a=b"]],
  ["X-Long", ["l".repeat(9_000), "l".repeat(40_000)]],
  ["Bad Name", ["x"]],
  ["X-Bad", ["a\rb", "a\0b", " folded\r\n line"]],
]
const jsons = ["[]", "{}", "[1,2]", '{"a":', "[".repeat(5000), `{"type":"pull-wake","wake_stream":"w","streams":["a"]}`, `{"type":"webhook","webhook":{"url":"http://127.0.0.1:1/"},"pattern":"**"}`, `{"worker":"w"}`, `{"wake_id":"x","generation":1,"acks":[{"stream":"a","offset":"-1"}]}`, `{"pattern":"${"**/a/".repeat(50)}"}`, `{"streams":[${'"a",'.repeat(2000)}"b"]}`, "\ufeff[]", '"\\ud800"', "1e999999"]

function body(random) {
  const kind = random()
  if (kind < 0.2) return Buffer.alloc(0)
  if (kind < 0.6) return Buffer.from(pick(random, jsons))
  if (kind < 0.7) return gzipSync(Buffer.alloc(Math.floor(random() * 100_000), "z"))
  if (kind < 0.95) return Buffer.from(Array.from({ length: Math.floor(random() * 300) }, () => Math.floor(random() * 256)))
  return Buffer.alloc(Math.floor(random() * 300_000), "b")
}

const target = (random) => (random() < 0.05 ? pick(random, ["*", "http://x/v1/stream/a", "x:1", "", "/v2/other"]) : `/v1/stream/${pick(random, names)}${pick(random, queries)}`)
const someFields = (random) => Array.from({ length: Math.floor(random() * 6) }, () => pick(random, fields)).map(([name, values]) => [name, pick(random, values)])

/** One piece of bytes with one of them changed, taken away or doubled. */
function damage(random, bytes) {
  const at = Math.floor(random() * bytes.length)
  const kind = random()
  if (kind < 0.4) return Buffer.concat([bytes.subarray(0, at), Buffer.from([Math.floor(random() * 256)]), bytes.subarray(at + 1)])
  if (kind < 0.7) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - 20), at), bytes.subarray(at)])
}

function chunked(random, payload) {
  const parts = []
  for (let at = 0; at < payload.length; ) {
    const size = Math.min(payload.length - at, 1 + Math.floor(random() * 5000))
    const extension = random() < 0.1 ? pick(random, [";a", ';a="b\\""', ";a=\"\n\"", ` ; ${"e".repeat(3000)}`]) : ""
    parts.push(Buffer.from(`${size.toString(16)}${extension}\r\n`), payload.subarray(at, at + size), Buffer.from(random() < 0.03 ? "\n" : "\r\n"))
    at += size
  }
  parts.push(Buffer.from(`0\r\n${random() < 0.2 ? pick(random, ["X-T: 1\r\n", "Authorization: Bearer x\r\n", " folded\r\n", "Content-Length: 5\r\n", "no colon\r\n"]) : ""}\r\n`))
  return Buffer.concat(parts)
}

/** A request over HTTP/1.x, as bytes. */
function http1Request(random) {
  const payload = body(random)
  const all = someFields(random)
  let tail = payload
  const framing = random()
  if (framing < 0.55) {
    all.push(["Content-Length", String(payload.length)])
  } else if (framing < 0.85) {
    all.push(["Transfer-Encoding", "chunked"])
    tail = chunked(random, payload)
  } else if (framing < 0.95) {
    all.push(["Content-Length", pick(random, ["-1", "1e3", "99999999999999999999999", "0x10", "5, 5", "+3", "100000000"])])
    if (random() < 0.5) all.push(["Transfer-Encoding", pick(random, ["chunked", "gzip, chunked", "xchunked", "chunked, identity"])])
  }
  if (random() < 0.95) all.unshift(["Host", pick(random, ["x", "x:80", "a@b", "", "[::1]", "x".repeat(300)])])
  const end = random() < 0.97 ? "\r\n" : "\n"
  const head = `${pick(random, methods)} ${target(random)} HTTP/${pick(random, ["1.1", "1.1", "1.1", "1.1", "1.0", "2.0", "1.9", "x"])}${end}${all.map(([name, value]) => `${name}: ${value}${end}`).join("")}${end}`
  return Buffer.concat([Buffer.from(head, "latin1"), tail])
}

/** What a client of HTTP/1.x sends: some requests, one behind the other. */
function http1Bytes(random) {
  let bytes = Buffer.concat(Array.from({ length: 1 + Math.floor(random() * 5) }, () => http1Request(random)))
  while (random() < 0.3) bytes = damage(random, bytes)
  return bytes
}

function http2Frame(random, id) {
  const kind = random()
  if (kind < 0.5) {
    const list = someFields(random).map(([name, value]) => [random() < 0.95 ? name.toLowerCase() : name, value])
    if (random() < 0.3) list.push(["content-length", pick(random, ["0", "3", "100", "x", "99999999999"])])
    if (random() < 0.1) list.push(pick(random, [["connection", "close"], ["transfer-encoding", "chunked"], ["te", "gzip"], [":status", "200"], ["host", "y"]]))
    const pseudo = [[":method", pick(random, methods)], [":scheme", pick(random, ["http", "https", ""])], [":authority", "x"], [":path", target(random)]]
    if (random() < 0.1) pseudo.splice(Math.floor(random() * 4), 1)
    const bytes = block([...pseudo, ...list])
    if (random() < 0.1) return [frame(types.headers, random() < 0.5 ? endStream : 0, id, bytes.subarray(0, 20)), frame(types.continuation, endHeaders, random() < 0.9 ? id : id + 2, bytes.subarray(20))]
    return [frame(types.headers, endHeaders | (random() < 0.5 ? endStream : 0), id, random() < 0.95 ? bytes : damage(random, bytes))]
  }
  const payload = body(random).subarray(0, 16_384)
  if (kind < 0.85) return [frame(types.data, random() < 0.6 ? endStream : 0, id, payload)]
  if (kind < 0.9) return [frame(types.reset, 0, id, Buffer.from([0, 0, 0, 8]))]
  if (kind < 0.93) return [frame(types.windowUpdate, 0, pick(random, [0, id]), Buffer.from([pick(random, [0, 0x7f]), 255, 255, pick(random, [0, 255])]))]
  if (kind < 0.96) return [frame(types.settings, pick(random, [0, 1]), 0, Buffer.from([0, pick(random, [1, 3, 4, 5, 9]), 0, 0, pick(random, [0, 0x40]), 0].slice(0, pick(random, [0, 6, 5]))))]
  if (kind < 0.98) return [frame(types.ping, 0, 0, Buffer.alloc(pick(random, [8, 8, 7])))]
  return [frame(pick(random, [types.priority, types.goaway, 5, 10, 77, 255]), Math.floor(random() * 256), pick(random, [0, id]), payload.subarray(0, 40))]
}

/** What a client of HTTP/2 sends. */
function http2Bytes(random) {
  const frames = []
  let id = 1
  for (let i = 0; i < 2 + Math.floor(random() * 20); i++) {
    frames.push(...http2Frame(random, id))
    if (random() < 0.4) id += 2
  }
  let bytes = Buffer.concat([random() < 0.98 ? preface : damage(random, preface), settings, ...frames])
  while (random() < 0.1) bytes = damage(random, bytes)
  return bytes
}

/** Sends it, cut at random places, and waits for an answer for a moment. */
function sendBytes(random, port, bytes) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true })
    let received = 0
    const finish = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(received)
    }
    const timer = setTimeout(finish, 20 + random() * 150)
    socket.on("data", (chunk) => (received += chunk.length))
    socket.on("close", finish).on("end", () => random() < 0.7 && finish()).on("error", finish)
    const cut = random() < 0.5 ? bytes.length : Math.floor(random() * bytes.length)
    socket.write(bytes.subarray(0, cut))
    if (cut < bytes.length) setTimeout(() => socket.writable && socket.write(bytes.subarray(cut)), random() * 10)
    if (random() < 0.2) setTimeout(() => socket.writable && socket.end(), random() * 20)
    if (random() < 0.05) setTimeout(() => socket.resetAndDestroy(), random() * 20)
  })
}

/**
 * Sends requests of this seed to the server at `url` for so long, some at a time; `connections` at most. Resolves to
 * how many connections were made and how many of them were answered.
 */
export async function fuzz(url, { seed, seconds, connections = Infinity, atOnce = 16 }) {
  const port = Number(new URL(url).port)
  const end = Date.now() + seconds * 1000
  let count = 0
  let answered = 0
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (Date.now() < end && count < connections) {
        // Each connection has a generator of its own, so that one can be made again alone.
        const random = randomOf(seed + count++)
        const bytes = random() < 0.6 ? http1Bytes(random) : http2Bytes(random)
        if ((await sendBytes(random, port, bytes)) > 0) answered++
      }
    }),
  )
  return { connections: count, answered }
}

/** Whether the server still does what it is there for. */
export async function works(url) {
  const ds = streams(url)
  const path = `alive-${Date.now()}`
  const statuses = [(await ds.create(path)).status, (await ds.append(path, "alive")).status]
  const { text } = await ds.read(path)
  return statuses.join() === "201,204" && text === "alive"
}

/** How often the loops stood still for 100 ms and more, and for how long together. */
export const stalls = async (server) => ({ count: await metric(server, /durable_streams_loop_stalls_total\{.*\}/), seconds: await metric(server, /durable_streams_loop_stalled_seconds_total\{.*\}/) })

/** The lines about stalls in a server's log of which the thread itself worked for so long, not only waited for a CPU. */
export const stallsOfWork = (log, milliseconds = 100) => [...log.matchAll(/^.*an event loop stood still.*cpu_ms=(\d+).*$/gm)].filter(([, cpu]) => Number(cpu) >= milliseconds).map(([line]) => line)

if (process.argv[1]?.endsWith("wire_fuzz.js")) {
  const seconds = Number(process.argv[2] ?? 60)
  const seed = Number(process.argv[3] ?? pickSeed())
  console.log(`seed ${seed}, ${seconds} s`)
  const server = await startServer(["dev", "--idle-timeout", "2s", "--header-timeout", "2s", "--body-timeout", "2s"])
  const sent = await fuzz(server.url, { seed, seconds })
  const alive = await works(server.url)
  const stood = await stalls(server)
  const lines = stallsOfWork(server.errors(), Number(process.env.DS_STALL_MS ?? 100))
  const { code, signal } = await server.stop()
  console.log(`${sent.connections} connections, ${sent.answered} answered; loops stood still ${stood.count} times, ${stood.seconds.toFixed(2)} s, of which for work: ${lines.length}; ended ${signal ?? code}`)
  const log = server.errors()
  const broken = !alive || code !== 0 || /Sanitizer|runtime error/.test(log) || lines.length > 0
  if (broken) console.log([...lines, log].join("\n"))
  process.exit(broken ? 1 : 0)
}
