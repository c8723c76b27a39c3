// Server-sent events: what stands in the responses, and how a reader resumes, by each transport.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { setups } from "../harness/setups.js"
import { openEvents, transportNames } from "../harness/sse.js"
import { freshPath, streams } from "../harness/streams.js"

const type = "text/plain"

describe.each(setups)("server-sent events, %s", (_name, start) => {
  let server, ds
  beforeAll(async () => {
    server = await start()
    ds = streams(server.url)
  })
  afterAll(() => server.stop())
  const urlOf = (path, query = "offset=-1") => `${server.url}${path}?live=sse&${query}`

  describe.each(transportNames)("%s", (transport) => {
    const open = (url, headers) => openEvents(url, { transport, headers })

    test("each event with data has where it ends as its id, and the first control event of an empty stream too", async () => {
      const path = freshPath("ids")
      const { offset: begin } = await ds.create(path, { type })
      const events = await open(urlOf(path))
      await events.until(() => events.controls().length === 1)
      expect(events.parser.lastEventId).toBe(begin)
      for (const token of ["one", " two", "\nthree\n"]) {
        const { offset } = await ds.append(path, token, { type })
        await events.until(() => events.events.at(-1).type === "control" && events.controls().at(-1).streamNextOffset === offset)
        expect(events.data().at(-1)).toMatchObject({ data: token, id: offset })
        expect(events.parser.lastEventId).toBe(offset)
      }
      expect(events.parser.retry).toBeGreaterThanOrEqual(500)
      expect(events.parser.retry).toBeLessThanOrEqual(1500)
      events.close()
    })

    test("Last-Event-ID wins over the offset of the URL", async () => {
      const path = freshPath("resume")
      const { offset } = await ds.create(path, { type, body: "old" })
      await ds.append(path, "new", { type })
      for (const from of ["offset=-1", "offset=now", `offset=${offset}`]) {
        const events = await open(urlOf(path, from), { "last-event-id": offset })
        await events.until(() => events.data().length === 1)
        expect(events.bytes().toString()).toBe("new")
        events.close()
      }
      const empty = await open(urlOf(path), { "last-event-id": "" })
      await empty.until(() => empty.data().length === 1)
      expect(empty.bytes().toString()).toBe("oldnew")
      empty.close()
    })

    test("a malformed Last-Event-ID is refused, and that of a former stream is gone", async () => {
      const path = freshPath("refused")
      const { offset } = await ds.create(path, { type, body: "x" })
      for (const id of ["-1", "now", "7", `${offset}0`]) {
        expect((await open(urlOf(path), { "last-event-id": id })).status, id).toBe(400)
      }
      await ds.remove(path)
      await ds.create(path, { type, body: "y" })
      expect((await open(urlOf(path), { "last-event-id": offset })).status).toBe(410)
    })

    test("an EventSource that has read all of a closed stream gets 204, nobody else does", async () => {
      const path = freshPath("over")
      const { offset: begin } = await ds.create(path, { type })
      const { offset: end } = await ds.append(path, "all", { type })
      await ds.close(path)
      const over = await open(urlOf(path), { "last-event-id": end })
      expect(over.status).toBe(204)
      expect(over.headers).toMatchObject({ "stream-next-offset": end, "stream-up-to-date": "true", "stream-closed": "true", "cache-control": "no-store" })

      const unread = await open(urlOf(path), { "last-event-id": begin })
      await unread.ended
      expect(unread.bytes().toString()).toBe("all")
      expect(unread.controls().at(-1).streamClosed).toBe(true)
      for (const from of [`offset=${end}`, "offset=now"]) {
        const other = await open(urlOf(path, from))
        await other.ended
        expect(other.status).toBe(200)
        expect(other.controls()).toEqual([{ streamNextOffset: end, upToDate: true, streamClosed: true }])
      }
    })

    test("from the end of a closed stream the headers say so, from elsewhere they do not", async () => {
      const path = freshPath("closed")
      await ds.create(path, { type, body: "x" })
      const { offset } = await ds.close(path)
      const says = { "stream-next-offset": offset, "stream-up-to-date": "true", "stream-closed": "true" }
      for (const from of ["offset=now", `offset=${offset}`]) {
        const events = await open(urlOf(path, from))
        await events.ended
        expect(events.headers).toMatchObject(says)
      }
      const events = await open(urlOf(path))
      await events.ended
      for (const name of Object.keys(says)) expect(events.headers[name]).toBeUndefined()
    })

    test("text that lines do not carry is base64, and the response says so twice", async () => {
      for (const body of ["a\rb", "a\r\nb", Buffer.from([0x63, 0xc3])]) {
        const path = freshPath("base64")
        await ds.create(path, { type, body })
        const events = await open(urlOf(path))
        await events.until(() => events.data().length === 1)
        expect(events.headers["stream-sse-data-encoding"]).toBe("base64")
        expect(events.events[0]).toMatchObject({ type: "encoding", data: "base64" })
        expect(events.bytes()).toEqual(Buffer.from(body))
        events.close()
      }
    })

    test("a response of lines ends before what they do not carry, and those after it are base64", async () => {
      const path = freshPath("turn")
      await ds.create(path, { type, body: "text" })
      const first = await open(urlOf(path))
      await first.until(() => first.data().length === 1)
      expect(first.base64).toBe(false)
      const { offset } = await ds.append(path, " more", { type })
      await ds.append(path, "caf\xc3", { type }) // as Latin-1 in UTF-8: fits
      await ds.append(path, Buffer.from("caf\xc3", "latin1"), { type })
      expect(await first.ended).toBe(true)
      expect(first.bytes().toString()).toBe("text morecafÃ")
      const next = first.controls().at(-1).streamNextOffset
      expect(next > offset).toBe(true)

      const second = await open(urlOf(path, `offset=${next}`))
      await second.until(() => second.data().length === 1)
      expect(second.base64).toBe(true)
      expect(second.bytes().toString("latin1")).toBe("caf\xc3")
      await ds.append(path, "again text", { type })
      await second.until(() => second.data().length === 2)
      // Who comes while it is followed need not go through that again.
      const third = await open(urlOf(path, "offset=now"))
      expect(third.base64).toBe(true)
      second.close()
      third.close()
    })

    test("the client may say how it wants text", async () => {
      const path = freshPath("encoding")
      await ds.create(path, { type, body: "a\r\nb\rc" })
      const text = await open(urlOf(path, "offset=-1&encoding=text"))
      await text.until(() => text.data().length === 1)
      expect(text.base64).toBe(false)
      expect(text.data()[0].data).toBe("a\nb\nc")
      await ds.append(path, "d\r", { type })
      await text.until(() => text.data().length === 2)
      text.close()

      const plain = freshPath("encoding")
      await ds.create(plain, { type, body: "a" })
      const base64 = await open(urlOf(plain, "offset=-1&encoding=base64"))
      await base64.until(() => base64.data().length === 1)
      expect(base64.base64).toBe(true)
      expect(base64.data()[0].data).toBe("YQ==")
      base64.close()
      expect((await open(urlOf(plain, "offset=-1&encoding=gzip"))).status).toBe(400)
    })

    test("a bare request for everything gets CRLF as line ends, and no other change", async () => {
      const path = freshPath("bare")
      await ds.create(path, { type, body: "a\r\nb\r\n" })
      const bare = await open(urlOf(path), { accept: "*/*" })
      await bare.until(() => bare.data().length === 1)
      expect(bare.base64).toBe(false)
      expect(bare.data()[0].data).toBe("a\nb\n")
      await ds.append(path, "lone \r", { type })
      expect(await bare.ended).toBe(true)
      expect(bare.data().length).toBe(1)
    })

    test("JSON comes out as the values that went in", async () => {
      const path = freshPath("json")
      const json = "application/json"
      const messages = ['{"a":\r\n 1,\r"b" :\n  [2 ,\t3 ]}', '"\u2028\u2029 \\ud800 \\r\\n"', "12345678901234567890123456789", '"\u0085"']
      await ds.create(path, { type: json, body: messages[0] })
      const events = await open(urlOf(path))
      for (const message of messages.slice(1)) await ds.append(path, message, { type: json })
      await events.until(() => events.data().flatMap(({ data }) => JSON.parse(data)).length === messages.length)
      expect(events.data().flatMap(({ data }) => JSON.parse(data))).toEqual(messages.map((message) => JSON.parse(message)))
      // The digits are the client's.
      expect(events.data().map(({ data }) => data).join("")).toContain(messages[2])
      expect(events.base64).toBe(false)
      events.close()
    })
  })

  test("a page of another origin may send Last-Event-ID with fetch", async () => {
    const preflight = await fetch(server.url + freshPath(), { method: "OPTIONS", headers: { origin: "https://a.example", "access-control-request-method": "GET", "access-control-request-headers": "last-event-id" } })
    expect(preflight.headers.get("access-control-allow-headers").toLowerCase()).toContain("last-event-id")
  })
})
