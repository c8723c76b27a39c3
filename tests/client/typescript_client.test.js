// The official TypeScript client against each set-up, as an application uses it.
import { DurableStream, IdempotentProducer, stream } from "@durable-streams/client"
import { MaterializedState, isChangeEvent } from "@durable-streams/state"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { setups } from "../harness/setups.js"
import { freshPath } from "../harness/streams.js"

describe.each(setups)("TypeScript client, %s", (_name, start) => {
  let server
  beforeAll(async () => {
    server = await start(["--sse-reconnect-interval", "1s", "--long-poll-timeout", "1s"], ["--registry"])
  })
  afterAll(() => server.stop())
  const url = () => server.url + freshPath("client")

  test("appends, reads back and resumes from a saved offset", async () => {
    const handle = await DurableStream.create({ url: url(), contentType: "application/json" })
    await handle.append(JSON.stringify({ n: 1 }))
    await handle.append(JSON.stringify({ n: 2 }))
    const first = await stream({ url: handle.url, offset: "-1", live: false })
    expect(await first.json()).toEqual([{ n: 1 }, { n: 2 }])
    const saved = first.offset
    await handle.append(JSON.stringify({ n: 3 }))
    const resumed = await stream({ url: handle.url, offset: saved, live: false })
    expect(await resumed.json()).toEqual([{ n: 3 }])
  })

  test("bytes come back as they went in", async () => {
    const handle = await DurableStream.create({ url: url(), contentType: "application/octet-stream" })
    const bytes = new Uint8Array(100_000).map((_, i) => (i * 31) & 255)
    await handle.append(bytes)
    const response = await stream({ url: handle.url, offset: "-1", live: false })
    expect(Buffer.compare(Buffer.from(await response.body()), Buffer.from(bytes))).toBe(0)
  })

  test.each(["long-poll", "sse"])("follows live by %s, past the server's reconnects", async (live) => {
    const handle = await DurableStream.create({ url: url(), contentType: "application/json" })
    const reader = await stream({ url: handle.url, offset: "-1", live })
    const seen = []
    const complete = new Promise((resolve) => {
      reader.subscribeJson((batch) => {
        seen.push(...batch.items)
        if (seen.length >= 30) resolve()
      })
    })
    for (let n = 0; n < 30; n++) {
      await handle.append(JSON.stringify({ n }))
      if (n % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 800))
    }
    await complete
    reader.cancel()
    expect(seen.map((item) => item.n)).toEqual(Array.from({ length: 30 }, (_, n) => n))
  })

  test("a live reader ends when the stream is closed", async () => {
    const handle = await DurableStream.create({ url: url(), contentType: "text/plain" })
    const reader = await stream({ url: handle.url, offset: "-1", live: "sse" })
    const text = (async () => {
      let all = ""
      for await (const chunk of reader.textStream()) all += chunk
      return all
    })()
    await handle.append("one ")
    await handle.append("two")
    await handle.close()
    expect(await text).toBe("one two")
  })

  test("an idempotent producer delivers each message once, in order", async () => {
    const handle = await DurableStream.create({ url: url(), contentType: "application/json" })
    const producer = new IdempotentProducer(handle, "producer-1", { autoClaim: true, lingerMs: 2, maxInFlight: 5 })
    for (let n = 0; n < 500; n++) producer.append(JSON.stringify({ n }))
    await producer.flush()
    const response = await stream({ url: handle.url, offset: "-1", live: false })
    const items = await response.json()
    expect(items.map((item) => item.n)).toEqual(Array.from({ length: 500 }, (_, n) => n))
    await producer.close()
    expect((await handle.head()).streamClosed).toBe(true)
  })

  test("a producer that lost answers repeats without duplicates", async () => {
    const handle = await DurableStream.create({ url: url(), contentType: "application/json" })
    let calls = 0
    // Every third answer is lost after the server has committed, and the request sent again. (The
    // producer leaves repeating to its fetch.)
    const lossy = async (input, init) => {
      if (init?.method === "POST" && ++calls % 3 === 0) await (await fetch(input, init)).arrayBuffer()
      return fetch(input, init)
    }
    const producer = new IdempotentProducer(handle, "lossy", { lingerMs: 1, maxInFlight: 3, maxBatchBytes: 64, fetch: lossy })
    for (let n = 0; n < 60; n++) producer.append(JSON.stringify({ n }))
    await producer.flush()
    expect(calls).toBeGreaterThan(5)
    const items = await (await stream({ url: handle.url, offset: "-1", live: false })).json()
    expect(items.map((item) => item.n)).toEqual(Array.from({ length: 60 }, (_, n) => n))
  })

  test("the newer epoch fences the older", async () => {
    const handle = await DurableStream.create({ url: url(), contentType: "application/json" })
    const older = new IdempotentProducer(handle, "p", { epoch: 0, lingerMs: 1 })
    older.append(JSON.stringify("older"))
    await older.flush()
    const newer = new IdempotentProducer(handle, "p", { epoch: 1, lingerMs: 1 })
    newer.append(JSON.stringify("newer"))
    await newer.flush()
    const errors = []
    const stale = new IdempotentProducer(handle, "p", { epoch: 0, lingerMs: 1, onError: (error) => errors.push(error) })
    stale.append(JSON.stringify("stale"))
    await stale.flush().catch((error) => errors.push(error))
    expect(errors.length).toBeGreaterThan(0)
    expect(errors[0].name).toBe("StaleEpochError")
    expect(await (await stream({ url: handle.url, offset: "-1", live: false })).json()).toEqual(["older", "newer"])
  })

  test("@durable-streams/state reads the registry", async () => {
    const kept = freshPath("registered")
    const dropped = freshPath("registered")
    await DurableStream.create({ url: server.url + kept, contentType: "text/plain" })
    const handle = await DurableStream.create({ url: server.url + dropped, contentType: "text/plain" })
    const state = new MaterializedState()
    const reader = await stream({ url: `${server.url}__registry__`, offset: "-1", live: "long-poll" })
    reader.subscribeJson((batch) => {
      for (const event of batch.items) {
        expect(isChangeEvent(event)).toBe(true)
        state.apply(event)
      }
    })
    await expect.poll(() => state.get("stream", dropped)).toMatchObject({ path: dropped, contentType: "text/plain" })
    await handle.delete()
    await expect.poll(() => state.get("stream", dropped)).toBeUndefined()
    expect(state.get("stream", kept)).toMatchObject({ path: kept })
    reader.cancel()
  })
})
