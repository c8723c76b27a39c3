// Server-sent events as a strict client reads them, over HTTP/1.1 or HTTP/2, with nothing of a client library.
import { once } from "node:events"
import http from "node:http"
import http2 from "node:http2"

/** Parses an event stream by section 9.2.6 of the HTML standard, in whatever pieces it comes. */
export class EventParser {
  #decoder = new TextDecoder()
  #rest = ""
  #event = { type: "", data: "" }
  #id = ""
  lastEventId = ""
  retry = undefined
  comments = 0

  /** Takes the next bytes; returns the events that they complete. */
  feed(bytes) {
    // A CR at the end may be the first half of a CRLF.
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true })
    const held = text.endsWith("\r") ? 1 : 0
    const lines = text.slice(0, text.length - held).split(/\r\n|\r|\n/)
    this.#rest = lines.pop() + text.slice(text.length - held)
    return lines.map((line) => this.#line(line)).filter(Boolean)
  }

  #line(line) {
    if (line === "") return this.#dispatch()
    const colon = line.indexOf(":")
    if (colon === 0) {
      this.comments++
      return undefined
    }
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "")
    if (name === "event") this.#event.type = value
    if (name === "data") this.#event.data += `${value}\n`
    if (name === "id" && !value.includes("\0")) this.#id = value
    if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value)
    return undefined
  }

  #dispatch() {
    const { type, data } = this.#event
    this.#event = { type: "", data: "" }
    this.lastEventId = this.#id
    if (data === "") return undefined
    return { type: type || "message", data: data.slice(0, -1), id: this.#id }
  }
}

const transports = {
  /** HTTP/1.1, a connection for each request. */
  "HTTP/1.1": async (url, headers) => {
    const request = http.get(url, { headers, agent: false })
    const [response] = await once(request, "response")
    return { status: response.statusCode, headers: response.headers, body: response, close: () => request.destroy() }
  },
  /** HTTP/2 in clear. */
  "HTTP/2": async (url, headers) => {
    const { origin, pathname, search } = new URL(url)
    const session = http2.connect(origin)
    const stream = session.request({ ":path": pathname + search, ...headers })
    stream.end()
    stream.once("close", () => session.close())
    const [answer] = await once(stream, "response")
    return { status: answer[":status"], headers: answer, body: stream, close: () => session.destroy() }
  },
}
export const transportNames = Object.keys(transports)

/**
 * Opens one response of events. `events` grows as they come (each with the bytes that it stands for, as
 * `bytes`), `ended` resolves when the response does. Any other answer has `status` and `headers` only.
 */
export async function openEvents(url, { transport = "HTTP/1.1", headers = {} } = {}) {
  const { status, headers: answered, body, close } = await transports[transport](url, { accept: "text/event-stream", ...headers })
  const parser = new EventParser()
  const events = []
  const base64 = answered["stream-sse-data-encoding"] === "base64"
  let check = () => {}
  const ended = (async () => {
    try {
      for await (const chunk of body) {
        for (const event of parser.feed(chunk)) {
          events.push({ ...event, at: Date.now(), bytes: Buffer.from(event.data, base64 ? "base64" : "utf8") })
        }
        check()
      }
      return true
    } catch {
      return false // cut off
    }
  })()
  const ofType = (type) => events.filter((event) => event.type === type)
  return {
    status,
    headers: answered,
    base64,
    parser,
    events,
    ended,
    close,
    data: () => ofType("data"),
    controls: () => ofType("control").map((event) => JSON.parse(event.data)),
    bytes: () => Buffer.concat(ofType("data").map((event) => event.bytes)),
    /** Waits until `condition()` holds, looking after every piece that comes. */
    until: async (condition, timeoutMs = 10_000) => {
      const deadline = Date.now() + timeoutMs
      while (!condition()) {
        if (Date.now() > deadline) throw new Error(`not in ${timeoutMs} ms; events: ${JSON.stringify(events).slice(0, 1000)}`)
        await Promise.race([new Promise((resolve) => (check = resolve)), new Promise((resolve) => setTimeout(resolve, 50))])
      }
    },
  }
}

/**
 * Follows a stream to its end as a client does that keeps what `streamNextOffset` says: opens the next
 * response when one ends. Resolves to all bytes and to the responses that there were.
 */
export async function followToEnd(url, options = {}) {
  const responses = []
  const begin = new URL(url)
  while (true) {
    const response = await openEvents(begin, options)
    if (response.status !== 200) throw new Error(`${begin}: ${response.status}`)
    responses.push(response)
    if (!(await response.ended)) throw new Error("a response was cut off")
    const last = response.controls().at(-1)
    if (last?.streamClosed) break
    if (last) begin.searchParams.set("offset", last.streamNextOffset)
    if (responses.length > 1000) throw new Error("no end")
  }
  return { bytes: Buffer.concat(responses.map((response) => response.bytes())), responses }
}
