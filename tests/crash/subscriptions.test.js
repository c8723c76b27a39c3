// SIGKILL while subscriptions are woken, acked and retried. The workers outlive the server, do their
// work badly on purpose, and keep book of what they were offered and what they acked.
import { expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { streams } from "../harness/streams.js"
import { eventually, subscriptions, webhookReceiver } from "../harness/webhooks.js"

const KILLS = 30
const SUBSCRIPTIONS = 20 // half of them webhooks
const STREAMS_EACH = 3
const json = "application/json"
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const chance = (p) => Math.random() < p

/** The book of one subscription. */
class Book {
  constructor(id) {
    this.id = id
    this.appended = new Map() // path -> numbers that were acknowledged
    this.offered = new Map() // path -> numbers that a worker read
    this.acked = new Map() // path -> the last offset whose ack was acknowledged
    this.generation = 0
    this.wakes = new Map() // wake id -> generation
    this.faults = []
  }

  /** Takes a wake or a claim to the book. */
  take({ wake_id, generation, streams }) {
    const known = this.wakes.get(wake_id)
    if (known === undefined) {
      if (generation <= this.generation) this.faults.push(`${this.id}: generation ${generation} after ${this.generation}`)
      this.wakes.set(wake_id, generation)
    } else if (known !== generation) {
      this.faults.push(`${this.id}: one wake with generations ${known} and ${generation}`)
    }
    this.generation = Math.max(this.generation, generation)
    for (const { path, acked_offset } of streams) {
      const acked = this.acked.get(path)
      if (acked !== undefined && acked_offset < acked) this.faults.push(`${this.id}: ${path} offered from ${acked_offset}, acked up to ${acked}`)
    }
  }
}

test("kills lose no ack and no wake, and generations only rise", async () => {
  const folder = scratchFolder()
  const options = ["serve", "--data-dir", folder.path, "--webhook-allow-http-localhost"]
  let server = await startServer(options)
  const { host } = new URL(server.url)
  const root = server.url
  const ds = streams(root)
  const subs = subscriptions(root)
  const books = new Map()
  let wellBehaved = false
  let appending = true
  let working = true
  const count = { appends: 0, acks: 0, webhooks: 0, claims: 0 }

  /** Reads what a wake offers; undefined when the server is away. */
  async function read(book, work) {
    const acks = []
    for (const { path, acked_offset } of work) {
      const response = await ds.call("GET", path, { query: `?offset=${acked_offset}` })
      if (response.status !== 200) return undefined
      const numbers = book.offered.get(path) ?? new Set()
      book.offered.set(path, numbers)
      for (const { n } of JSON.parse(response.text)) numbers.add(n)
      acks.push({ stream: path, offset: response.offset })
    }
    return acks
  }
  function noteAcks(book, acks) {
    count.acks += acks.length
    for (const { stream, offset } of acks) if (offset > (book.acked.get(stream) ?? "")) book.acked.set(stream, offset)
  }

  const receiver = await webhookReceiver(async (body, response) => {
    const book = books.get(body.subscription_id)
    count.webhooks++
    book.take(body)
    try {
      if (!wellBehaved && chance(0.15)) return response.writeHead(500).end()
      if (!wellBehaved && chance(0.1)) return response.destroy()
      const acks = await read(book, body.streams)
      if (acks === undefined) return response.writeHead(503).end()
      if (chance(0.5)) return response.end('{"done":true}')
      response.end("{}")
      const answer = await fetch(body.callback_url, {
        method: "POST",
        headers: { "content-type": json, authorization: `Bearer ${body.callback_token}` },
        body: JSON.stringify({ wake_id: body.wake_id, generation: body.generation, acks, done: wellBehaved || chance(0.8) }),
      })
      if (answer.status === 200) noteAcks(book, acks)
    } catch {
      response.destroy() // the server is away
    }
  })

  async function work(book) {
    while (working) {
      await sleep(20)
      try {
        const claim = await subs.claim(book.id, "worker")
        if (claim.status !== 200) continue
        count.claims++
        book.take(claim.json)
        if (!wellBehaved && chance(0.1)) continue // dies; the lease ends
        if (!wellBehaved && chance(0.1)) {
          await subs.release(book.id, claim.json)
          continue
        }
        const acks = await read(book, claim.json.streams)
        if (acks === undefined) continue
        const done = wellBehaved || chance(0.8)
        if ((await subs.ack(book.id, claim.json, { acks, done })).status === 200) noteAcks(book, acks)
      } catch {
        // The server is away.
      }
    }
  }

  let next = 0
  async function append() {
    while (appending) {
      const book = [...books.values()][Math.floor(Math.random() * books.size)]
      const path = `${book.id}/${Math.floor(Math.random() * STREAMS_EACH)}`
      const n = next++
      try {
        const answer = await ds.append(path, JSON.stringify({ n }), { type: json })
        if (answer.status === 404) await ds.create(path, { type: json })
        if (answer.status !== 204) continue
        count.appends++
        const numbers = book.appended.get(path) ?? new Set()
        book.appended.set(path, numbers.add(n))
      } catch {
        await sleep(10)
      }
    }
  }

  for (let i = 0; i < SUBSCRIPTIONS; i++) {
    const id = `k${i}`
    books.set(id, new Book(id))
    const config = { pattern: `${id}/*`, lease_ttl_ms: 1000 }
    if (i % 2 === 0) Object.assign(config, { type: "webhook", webhook: { url: receiver.url } })
    else Object.assign(config, { type: "pull-wake", wake_stream: `wake/${id}` })
    if (i % 2 === 1) await ds.create(`wake/${id}`, { type: json })
    expect((await subs.put(id, config)).status).toBe(201)
  }
  const key = JSON.stringify(await subs.keys())
  const workers = [...books.values()].filter((_, i) => i % 2 === 1).map(work)
  const writers = [append(), append(), append()]
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(200 + Math.random() * 500)
    await server.kill()
    server = await startServer([...options, "--listen", host])
  }
  appending = false
  await Promise.all(writers)
  wellBehaved = true

  // Everything is offered and acked in the end, without anything new to cause it.
  await eventually(async () => {
    for (const book of books.values()) {
      const { json: subscription } = await subs.get(book.id)
      for (const path of book.appended.keys()) {
        const link = subscription.streams.find((stream) => stream.path === path)
        if (link?.acked_offset !== (await ds.head(path)).offset) return false
      }
    }
    return true
  }, 120_000)
  working = false
  await Promise.all(workers)

  const missed = []
  for (const book of books.values()) {
    for (const [path, numbers] of book.appended) {
      for (const n of numbers) if (!book.offered.get(path)?.has(n)) missed.push(`${path}: ${n}`)
    }
  }
  expect(JSON.stringify(await subs.keys())).toBe(key)
  await server.stop()
  await receiver.stop()
  folder.remove()
  console.log(`${KILLS} kills, ${SUBSCRIPTIONS} subscriptions: ${count.appends} appends acknowledged, ${missed.length} never offered; ${count.acks} acks acknowledged; ${count.webhooks} webhooks, ${count.claims} claims; ${[...books.values()].flatMap((book) => book.faults).length} faults`)
  expect([...books.values()].flatMap((book) => book.faults)).toEqual([])
  expect(missed).toEqual([])
  expect(count.appends).toBeGreaterThan(1000)
  expect(count.acks).toBeGreaterThan(500)
}, 240_000)
