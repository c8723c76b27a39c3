// Plain HTTP calls for tests: what goes over the wire, with nothing of a client library in between.
import { connect } from "node:net"

let counter = 0
/** A path that no other test uses. */
export const freshPath = (prefix = "s") => `${prefix}-${process.pid}-${++counter}`

/** Calls on the streams below `root`, a server's URL. Bodies of answers are Buffers in `body`. */
export function streams(root) {
  async function call(method, path, { headers = {}, body, query = "", signal } = {}) {
    const response = await fetch(root + path + query, { method, headers, body, signal, duplex: body?.getReader ? "half" : undefined })
    const bytes = Buffer.from(await response.arrayBuffer())
    return { status: response.status, headers: response.headers, body: bytes, text: bytes.toString(), offset: response.headers.get("stream-next-offset") }
  }
  const typed = (type, headers = {}) => ({ "content-type": type, ...headers })
  return {
    call,
    create: (path, { type = "application/octet-stream", headers, body } = {}) => call("PUT", path, { headers: typed(type, headers), body }),
    append: (path, body, { type = "application/octet-stream", headers } = {}) => call("POST", path, { headers: typed(type, headers), body }),
    produce: (path, id, epoch, seq, body, headers = {}) =>
      call("POST", path, { headers: typed("application/octet-stream", { "producer-id": id, "producer-epoch": String(epoch), "producer-seq": String(seq), ...headers }), body }),
    close: (path) => call("POST", path, { headers: { "stream-closed": "true" } }),
    read: (path, offset, query = "") => call("GET", path, { query: `?offset=${offset ?? "-1"}${query}` }),
    head: (path) => call("HEAD", path),
    remove: (path) => call("DELETE", path),
    fork: (path, source, headers = {}) => call("PUT", path, { headers: { "stream-forked-from": source, ...headers } }),
    /** Everything from the beginning, following the chunks. */
    all: async (path) => {
      const chunks = []
      let offset = "-1"
      while (true) {
        const response = await call("GET", path, { query: `?offset=${offset}` })
        if (response.status !== 200) throw new Error(`reading ${path}: ${response.status} ${response.text}`)
        chunks.push(response.body)
        offset = response.offset
        if (response.headers.get("stream-up-to-date")) return Buffer.concat(chunks)
      }
    },
  }
}

/**
 * Sends bytes over a socket as they are and resolves to all that comes back until the server closes,
 * or until `done(text)` says that enough came.
 */
export function raw(root, bytes, { done = () => false, timeoutMs = 10_000, half = false } = {}) {
  const { hostname, port } = new URL(root)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let text = ""
    const timer = setTimeout(() => socket.destroy(new Error(`no end after ${timeoutMs} ms; so far: ${text.slice(0, 500)}`)), timeoutMs)
    const finish = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(text)
    }
    socket.on("connect", () => (half ? socket.end(bytes) : socket.write(bytes)))
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1")
      if (done(text)) finish()
    })
    socket.on("close", finish)
    socket.on("error", (error) => (error.code === "ECONNRESET" || error.code === "EPIPE" ? finish() : (clearTimeout(timer), reject(error))))
  })
}

/** The status code that a raw answer begins with. */
export const statusOf = (text) => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1])

/** Reads server-sent events; `events` grows as they come, `ended` resolves when the server ends. */
export async function sse(url) {
  const controller = new AbortController()
  const response = await fetch(url, { signal: controller.signal })
  const events = []
  const waiters = []
  const ended = (async () => {
    let buffer = ""
    const decoder = new TextDecoder()
    try {
      for await (const chunk of response.body) {
        buffer += decoder.decode(chunk, { stream: true })
        for (let end; (end = buffer.indexOf("\n\n")) >= 0; buffer = buffer.slice(end + 2)) {
          const event = { type: "message", data: [] }
          for (const line of buffer.slice(0, end).split("\n")) {
            if (line.startsWith("event:")) event.type = line.slice(6).trim()
            if (line.startsWith("data:")) event.data.push(line.slice(5).replace(/^ /, ""))
          }
          event.data = event.data.join("\n")
          events.push(event)
        }
        for (const check of waiters.splice(0)) check()
      }
    } catch (error) {
      if (error.name !== "AbortError") throw error
    }
  })()
  return {
    response,
    events,
    ended,
    controls: () => events.filter((event) => event.type === "control").map((event) => JSON.parse(event.data)),
    data: () => events.filter((event) => event.type === "data").map((event) => event.data),
    /** Waits until `condition()` holds, looking after every piece that comes. */
    until: async (condition, timeoutMs = 10_000) => {
      const deadline = Date.now() + timeoutMs
      while (!condition()) {
        if (Date.now() > deadline) throw new Error(`not in ${timeoutMs} ms; events: ${JSON.stringify(events).slice(0, 1000)}`)
        await Promise.race([new Promise((resolve) => waiters.push(resolve)), new Promise((resolve) => setTimeout(resolve, 50))])
      }
    },
    close: () => controller.abort(),
  }
}

/** Waits until `condition` (which may be asynchronous) holds. */
export async function until(condition, timeoutMs = 10_000) {
  const end = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
