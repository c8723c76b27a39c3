// A live read ends within seconds when what it came with is withdrawn; others go on.
import { generateKeyPairSync, sign } from "node:crypto"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { connect } from "node:http2"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { basic, bearer, everything as all, keyHash as hash, signedQuery } from "../harness/auth.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { streams } from "../harness/streams.js"

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

const secrets = { first: "a-secret-of-the-tests-with-32-bytes-or-more", second: "another-secret-of-the-tests-with-32-bytes" }
const signing = (...ids) => ({ keys: ids.map((id) => ({ id, secret: secrets[id] })) })
/** A URL for reading, signed by one of these. */
const signedFor = (key, more) => ({ query: `&${signedQuery({ path: "s", key, secret: secrets[key], ...more })}` })

/** What withdraws a credential: the first configuration, what a reader shows, and what happens. */
const ways = {
  "the key is removed": ({ configure }) => {
    configure({ keys: [admin, reader()] })
    return { shows: { headers: bearer("reader") }, withdraw: () => configure({ keys: [admin] }) }
  },
  "the key is removed that came by Basic": ({ configure }) => {
    configure({ keys: [admin, reader()] })
    return { shows: { headers: basic("ada", "reader") }, withdraw: () => configure({ keys: [admin] }) }
  },
  "the secret that signed the URL is removed": ({ configure }) => {
    configure({ keys: [admin], url_signing: signing("second", "first") })
    return { shows: signedFor("first"), withdraw: () => configure({ keys: [admin], url_signing: signing("second") }) }
  },
  "the key that had the URL signed is removed": ({ configure }) => {
    configure({ keys: [admin, reader()], url_signing: signing("first") })
    return { shows: signedFor("first", { signer: `key:${hash("reader").slice(0, 16)}` }), withdraw: () => configure({ keys: [admin], url_signing: signing("first") }) }
  },
  "the URL has expired": ({ configure }) => {
    configure({ keys: [admin], url_signing: signing("first") })
    return { shows: signedFor("first", { expires: Math.floor(Date.now() / 1000) + 4 }), withdraw: () => {}, ends: [200, 204] }
  },
  "the rule is changed": ({ configure }) => {
    configure({ keys: [admin, reader()] })
    return { shows: { headers: bearer("reader") }, withdraw: () => configure({ keys: [admin, reader([{ paths: ["other"], operations: ["read"] }])] }) }
  },
  "the issuer's key is gone": async ({ configure }) => {
    let keys = [jwk]
    const issuer = createServer((_, response) => response.end(JSON.stringify({ keys }))).listen(0, "127.0.0.1")
    await once(issuer, "listening")
    cleanups.push(() => issuer.close())
    configure({ keys: [admin], jwt: [{ issuer: "i", jwks_url: `http://127.0.0.1:${issuer.address().port}/`, jwks_refresh_seconds: 1, rules: [{ paths: ["s"], operations: ["read"] }] }] })
    return {
      shows: { headers: bearer(jwt()) },
      withdraw: () => {
        keys = [other]
      },
    }
  },
}

/** A live read; resolves to its status and how long after `since()` it ended. */
const protocols = {
  "HTTP/1.1": async (url, mode, { headers = {}, query = "" }) => {
    const response = await fetch(`${url}s?offset=now&live=${mode}${query}`, { headers })
    await response.text()
    return response.status
  },
  "HTTP/2": async (url, mode, { headers: shown = {}, query = "" }) => {
    const client = connect(new URL(url).origin)
    cleanups.push(() => client.destroy())
    const stream = client.request({ ":path": `${new URL(url).pathname}s?offset=now&live=${mode}${query}`, ...shown })
    const [headers] = await once(stream, "response")
    stream.resume()
    await once(stream, "end")
    return headers[":status"]
  },
}

describe.each(Object.keys(ways))("when %s", (way) => {
  test.each(Object.entries(protocols))("live reads end over %s, and others go on", async (_, read) => {
    const file = join(folder.path, "auth.json")
    const { shows, withdraw, ends = [200, 401] } = await ways[way]({ configure: (config) => writeFileSync(file, JSON.stringify(config)) })
    const server = await startServer(["dev", "--auth-config", file, "--long-poll-timeout", "60s"])
    cleanups.push(() => server.stop())
    const as = (who) => ({ headers: { authorization: `Bearer ${who}`, "content-type": "text/plain" } })
    const ds = streams(server.url)
    expect((await ds.call("PUT", "s", as("admin"))).status).toBe(201)
    await expect.poll(async () => (await ds.call("HEAD", "s", { headers: shows.headers, query: `?${shows.query ?? ""}` })).status).toBe(200)
    const ended = {}
    const reading = ["sse", "long-poll"].map(async (mode) => {
      const status = await read(server.url, mode, shows)
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
    expect(await Promise.all(reading)).toEqual(ends)
    // An issuer's keys are fetched every five seconds at most.
    for (const at of Object.values(ended)) expect(at - begin).toBeLessThan(way.includes("issuer") ? 8_500 : 5_000)
    const before = others
    await ds.call("POST", "s", { ...as("admin"), body: "still there" })
    await expect.poll(() => others).toBeGreaterThan(before)
    abort.abort()
  })
})
