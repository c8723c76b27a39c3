// A live read ends within seconds when what it came with is withdrawn; others go on.
import { createHash, generateKeyPairSync, sign } from "node:crypto"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { connect } from "node:http2"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { streams } from "../harness/streams.js"

const hash = (key) => createHash("sha256").update(key).digest("hex")
const all = [{ paths: ["**"], operations: ["*"] }]
const pair = generateKeyPairSync("ed25519")
const jwk = { ...pair.publicKey.export({ format: "jwk" }), kid: "k" }
const other = { ...generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" }), kid: "other" }
function jwt() {
  const encode = (json) => Buffer.from(JSON.stringify(json)).toString("base64url")
  const input = `${encode({ alg: "EdDSA", kid: "k" })}.${encode({ iss: "i", sub: "ada", exp: Math.floor(Date.now() / 1000) + 600 })}`
  return `${input}.${sign(null, Buffer.from(input), pair.privateKey).toString("base64url")}`
}

let folder
let cleanups
beforeEach(() => {
  folder = scratchFolder()
  cleanups = []
})
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
  folder.remove()
})

const admin = { name: "admin", sha256: hash("admin"), rules: all }
const reader = (rules = [{ paths: ["s"], operations: ["read"] }]) => ({ name: "reader", sha256: hash("reader"), rules })

/** What withdraws a credential: the first configuration, the token, and what happens. */
const ways = {
  "the key is removed": ({ configure }) => {
    configure({ keys: [admin, reader()] })
    return { token: "reader", withdraw: () => configure({ keys: [admin] }) }
  },
  "the rule is changed": ({ configure }) => {
    configure({ keys: [admin, reader()] })
    return { token: "reader", withdraw: () => configure({ keys: [admin, reader([{ paths: ["other"], operations: ["read"] }])] }) }
  },
  "the issuer's key is gone": async ({ configure }) => {
    let keys = [jwk]
    const issuer = createServer((_, response) => response.end(JSON.stringify({ keys }))).listen(0, "127.0.0.1")
    await once(issuer, "listening")
    cleanups.push(() => issuer.close())
    configure({ keys: [admin], jwt: [{ issuer: "i", jwks_url: `http://127.0.0.1:${issuer.address().port}/`, jwks_refresh_seconds: 1, rules: [{ paths: ["s"], operations: ["read"] }] }] })
    return {
      token: jwt(),
      withdraw: () => {
        keys = [other]
      },
    }
  },
}

/** A live read; resolves to its status and how long after `since()` it ended. */
const protocols = {
  "HTTP/1.1": async (url, mode, token) => {
    const response = await fetch(`${url}s?offset=now&live=${mode}`, { headers: { authorization: `Bearer ${token}` } })
    await response.text()
    return response.status
  },
  "HTTP/2": async (url, mode, token) => {
    const client = connect(new URL(url).origin)
    cleanups.push(() => client.destroy())
    const stream = client.request({ ":path": `${new URL(url).pathname}s?offset=now&live=${mode}`, authorization: `Bearer ${token}` })
    const [headers] = await once(stream, "response")
    stream.resume()
    await once(stream, "end")
    return headers[":status"]
  },
}

describe.each(Object.keys(ways))("when %s", (way) => {
  test.each(Object.entries(protocols))("live reads end over %s, and others go on", async (_, read) => {
    const file = join(folder.path, "auth.json")
    const { token, withdraw } = await ways[way]({ configure: (config) => writeFileSync(file, JSON.stringify(config)) })
    const server = await startServer(["dev", "--auth-config", file, "--long-poll-timeout", "60s"])
    cleanups.push(() => server.stop())
    const as = (who) => ({ headers: { authorization: `Bearer ${who}`, "content-type": "text/plain" } })
    const ds = streams(server.url)
    expect((await ds.call("PUT", "s", as("admin"))).status).toBe(201)
    await expect.poll(async () => (await ds.call("HEAD", "s", as(token))).status).toBe(200)
    const ended = {}
    const reading = ["sse", "long-poll"].map(async (mode) => {
      const status = await read(server.url, mode, token)
      ended[mode] = Date.now()
      return status
    })
    let others = 0
    const abort = new AbortController()
    const kept = fetch(`${server.url}s?offset=now&live=sse`, { ...as("admin"), signal: abort.signal }).then(async (response) => {
      for await (const chunk of response.body) others += chunk.length
    })
    kept.catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(ended).toEqual({})
    const begin = Date.now()
    withdraw()
    // A long-poll is told so; of an event stream the head was sent already.
    expect(await Promise.all(reading)).toEqual([200, 401])
    // An issuer's keys are fetched every five seconds at most.
    for (const at of Object.values(ended)) expect(at - begin).toBeLessThan(way.includes("issuer") ? 8_500 : 4_000)
    const before = others
    await ds.call("POST", "s", { ...as("admin"), body: "still there" })
    await expect.poll(() => others).toBeGreaterThan(before)
    abort.abort()
  })
})
