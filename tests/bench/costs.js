// What authentication, limits, TLS and HTTP/2 cost an append: the server's CPU time, in turns, with one
// load generator (h2load) for all. A second build, such as one of an earlier commit, can stand beside.
//   node tests/bench/costs.js [ROUNDS] [ROLE] [BINARY]     5 and dev by default
import { spawnSync } from "node:child_process"
import { createHash, generateKeyPairSync, sign } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeAuthority } from "../harness/certificates.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { cpuSeconds } from "./systems.js"

const rounds = Number(process.argv[2] ?? 5)
const role = process.argv[3] ?? "dev"
const other = process.argv[4]
const requests = 200_000
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]

const folder = scratchFolder()
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"
const files = makeAuthority(folder.path).issue("server")
const rules = [{ paths: ["bench/**"], operations: ["*"] }]
const auth = join(folder.path, "auth.json")
const { publicKey, privateKey } = generateKeyPairSync("ed25519")
writeFileSync(join(folder.path, "key.pem"), publicKey.export({ format: "pem", type: "spki" }))
writeFileSync(auth, JSON.stringify({ keys: [{ name: "bench", sha256: createHash("sha256").update("bench-key").digest("hex"), rules }], jwt: [{ issuer: "i", key_file: "key.pem", rules }] }))
const encode = (json) => Buffer.from(JSON.stringify(json)).toString("base64url")
const input = `${encode({ alg: "EdDSA" })}.${encode({ iss: "i", sub: "bench", exp: 4102444800 })}`
const jwt = `${input}.${sign(null, Buffer.from(input), privateKey).toString("base64url")}`
const body = join(folder.path, "body")
writeFileSync(body, "x".repeat(100))

const h1 = ["--h1", "-c", "64", "-m", "1"]
const tls = ["--tls-cert", files.certificate, "--tls-key", files.key]
const variants = {
  "HTTP/1.1": { load: h1 },
  ...(other ? { "HTTP/1.1, the other build": { load: h1, binary: other } } : {}),
  "with an API key": { load: h1, args: ["--auth-config", auth], token: "bench-key" },
  "with a JWT": { load: h1, args: ["--auth-config", auth], token: jwt },
  "with an API key and limits": { load: h1, args: ["--auth-config", auth, "--limit-requests", "1000000", "--limit-bytes", "1GiB"], token: "bench-key" },
  "HTTP/1.1, TLS": { load: h1, args: tls },
  "HTTP/2, 64 connections": { load: ["-c", "64", "-m", "1"] },
  "HTTP/2, 2 connections of 32": { load: ["-c", "2", "-m", "32"] },
  "HTTP/2, TLS, 2 connections of 32": { load: ["-c", "2", "-m", "32"], args: tls },
}

let counter = 0
async function measure({ load, args = [], token, binary }) {
  const all = role === "dev" ? ["dev", ...args] : [role, "--data-dir", join(folder.path, `data-${++counter}`), ...args]
  const server = await startServer(all, { program: binary })
  try {
    const headers = { "content-type": "text/plain", ...(token ? { authorization: `Bearer ${token}` } : {}) }
    const url = `${server.url}bench/s`
    const created = await fetch(url, { method: "PUT", headers })
    if (created.status !== 201) throw new Error(`creating: ${created.status}`)
    const lines = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`])
    const run = (count) => {
      const result = spawnSync("h2load", [...load, "-n", String(count), "-d", body, ...lines, url])
      const good = Number(/(\d+) 2xx/.exec(String(result.stdout))?.[1])
      if (good !== count) throw new Error(`h2load: ${result.stdout}${result.stderr}`)
      return Number(/([\d.]+) req\/s/.exec(String(result.stdout))[1])
    }
    run(requests / 10)
    const before = cpuSeconds(server)
    const rate = run(requests)
    return { cpu: ((cpuSeconds(server) - before) / requests) * 1e6, rate }
  } finally {
    await server.stop()
  }
}

const results = Object.fromEntries(Object.keys(variants).map((name) => [name, []]))
for (let round = 0; round < rounds; round++) {
  for (const [name, variant] of Object.entries(variants)) results[name].push(await measure(variant))
}
folder.remove()
const base = median(results["HTTP/1.1"].map(({ cpu }) => cpu))
console.table(
  Object.entries(results).map(([name, runs]) => {
    const cpu = median(runs.map((run) => run.cpu))
    return { [`${role}, one stream, 100 B`]: name, "CPU us": +cpu.toFixed(2), times: +(cpu / base).toFixed(3), "appends/s": Math.round(median(runs.map(({ rate }) => rate))) }
  }),
)
