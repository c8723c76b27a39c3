// Whatever bytes go into a stream of text come out of its server-sent events: for a strict reader over
// HTTP/1.1 and HTTP/2, the official client, and Chromium's EventSource, all at once.
import { stream } from "@durable-streams/client"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { inPage, startBrowser, startOrigin } from "../harness/browser.js"
import { readWithEventSource } from "../harness/event_source.js"
import { kindsOfText, pickSeed, randomBytes, randomOf } from "../harness/random.js"
import { setups } from "../harness/setups.js"
import { followToEnd } from "../harness/sse.js"
import { freshPath, streams } from "../harness/streams.js"

const kStreams = 4 // at once: a browser has six connections to an origin
const kPieces = 30

let browser, origin
beforeAll(async () => {
  ;[browser, origin] = await Promise.all([startBrowser(), startOrigin()])
})
afterAll(() => Promise.all([browser?.close(), origin?.stop()]))

/** What the official client makes of a stream, followed by server-sent events to its end. */
async function readWithClient(url) {
  const reader = await stream({ url, offset: "-1", live: "sse", sseResilience: { logWarnings: false } })
  const chunks = []
  reader.subscribeBytes((chunk) => chunks.push(Buffer.from(chunk.data)))
  await reader.closed
  return Buffer.concat(chunks)
}

describe.each(setups)("events of text, %s", (_name, start) => {
  let server, ds
  beforeAll(async () => {
    server = await start()
    ds = streams(server.url)
  })
  afterAll(() => server.stop())

  /** Writes random pieces to a stream, some before anybody reads it, and compares what its readers got. */
  async function check(random, pieces, type) {
    const path = freshPath("bytes")
    const sent = Array.from({ length: kPieces }, () => randomBytes(random, pieces))
    await ds.create(path, { type })
    const append = async (body) => {
      const answer = await ds.append(path, body, { type })
      expect(answer.status).toBe(204)
      return answer.offset
    }
    const before = Math.floor(random() * 3)
    for (const piece of sent.slice(0, before)) await append(piece)
    const url = server.url + path
    const readers = Promise.all([
      followToEnd(`${url}?offset=-1&live=sse`),
      followToEnd(`${url}?offset=-1&live=sse`, { transport: "HTTP/2" }),
      readWithClient(url),
      inPage(browser, origin.url, readWithEventSource, `${url}?offset=-1&live=sse`),
    ])
    // Everybody is there, or comes while it is written.
    await new Promise((resolve) => setTimeout(resolve, 200 * random()))
    const offsets = []
    for (const piece of sent.slice(before)) offsets.push(await append(piece))
    await ds.close(path)

    const all = Buffer.concat(sent)
    const [http1, http2, client, page] = await readers
    const got = { "HTTP/1.1": http1.bytes, "HTTP/2": http2.bytes, client, EventSource: Buffer.from(page.bytes) }
    for (const [name, bytes] of Object.entries(got)) expect(bytes.toString("latin1"), name).toBe(all.toString("latin1"))
    expect(page.closed).toBe(true)
    expect(page.ids.at(-1)).toBe(offsets.at(-1))
    return http1.responses
  }

  describe.each(Object.entries(kindsOfText))("%s", (kind, pieces) => {
    test("comes out byte for byte", async () => {
      const seed = pickSeed()
      const random = randomOf(seed)
      const responses = await Promise.all(Array.from({ length: kStreams }, () => check(random, pieces, "text/plain"))).catch((error) => {
        error.message += ` (DS_SEED=${seed})`
        throw error
      })
      // Text stays text where it can.
      if (kind === "text that lines carry") expect(responses.flat().every(({ base64 }) => !base64)).toBe(true)
      if (kind === "any bytes") expect(responses.flat().some(({ base64 }) => base64)).toBe(true)
    }, 60_000)
  })

  test("text in another charset comes out byte for byte, and is base64 from the first", async () => {
    const seed = pickSeed()
    const [first] = await check(randomOf(seed), kindsOfText["text that lines carry"], "text/plain; charset=iso-8859-1")
    expect(first.base64).toBe(true)
    expect(first.events[0]).toMatchObject({ type: "encoding", data: "base64" })
  }, 60_000)
})
