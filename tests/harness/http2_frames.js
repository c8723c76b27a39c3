// HTTP/2 by hand: frames as they stand on the wire (RFC 9113 section 4.1), for what no client library sends.
import { connect } from "node:net"

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

export const types = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8, continuation: 9 }
export const endStream = 1
export const endHeaders = 4
export const ack = 1

export function frame(type, flags, stream, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export const settings = frame(types.settings, 0, 0)

/** A header block: literals that are not indexed and not compressed (RFC 7541 section 6.2.2). */
export function block(fields) {
  const text = (value) => {
    const bytes = Buffer.from(value, "latin1")
    if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
    const size = [127]
    let rest = bytes.length - 127
    for (; rest >= 128; rest >>= 7) size.push((rest & 127) | 128)
    return Buffer.concat([Buffer.from([...size, rest]), bytes])
  }
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]))
}

/** The pseudo-header fields of a request. */
export const request = (method, path, { scheme = "http", authority = "x" } = {}) => [
  [":method", method],
  [":scheme", scheme],
  ...(authority === null ? [] : [[":authority", authority]]),
  [":path", path],
]

/** The frames in what was received, as type, flags, stream and payload. */
export function framesOf(bytes) {
  const frames = []
  for (let at = 0; at + 9 <= bytes.length; ) {
    const size = bytes.readUIntBE(at, 3)
    frames.push({ type: bytes[at + 3], flags: bytes[at + 4], stream: bytes.readUInt32BE(at + 5), payload: bytes.subarray(at + 9, at + 9 + size) })
    at += 9 + size
  }
  return frames
}

/** The status of an answer, of those that HPACK's static table has (RFC 7541 appendix A). */
export const statusIn = (headers) => ({ 0x88: 200, 0x89: 204, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500 })[headers.payload[0]]

/** A connection that has sent the preface, its settings and `frames`. */
export function openFrames(url, frames = []) {
  const { port, hostname } = new URL(url)
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
  let received = Buffer.alloc(0)
  socket.on("data", (chunk) => (received = Buffer.concat([received, chunk])))
  socket.on("error", () => {})
  const closed = new Promise((resolve) => {
    socket.once("close", resolve)
    socket.once("end", resolve)
  })
  socket.write(Buffer.concat([preface, settings, ...frames]))
  return {
    socket,
    closed,
    send: (...more) => socket.write(Buffer.concat(more)),
    frames: () => framesOf(received),
    of: (stream, type) => framesOf(received).filter((one) => one.stream === stream && one.type === type),
    close: () => socket.destroy(),
  }
}
