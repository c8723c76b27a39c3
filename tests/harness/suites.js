// Runs the test suites one after the other and sums them up. A suite is a name and a function that
// resolves to how many of its tests passed and failed.
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { makeAuthority } from "./certificates.js"
import { runFuzz } from "./fuzz.js"
import { freePort, startProxy } from "./proxy.js"
import { startServer, startSplit } from "./server.js"

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const tests = join(root, "tests")
const scratch = mkdtempSync(join(tmpdir(), "ds-tests-"))

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options })
  return result.status === 0
}

/** One test that is a command: it passes when the command succeeds. */
function command(program, ...args) {
  return run(program, args) ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

function trackedFiles(...patterns) {
  const result = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...patterns], { cwd: root })
  return result.stdout.toString().split("\0").filter(Boolean)
}

function* filesBelow(folder, name) {
  for (const entry of readdirSync(folder)) {
    const path = join(folder, entry)
    if (statSync(path).isDirectory()) yield* filesBelow(path, name)
    else if (entry === name) yield path
  }
}

/** Bazel's tests, counted by their cases. */
function unit() {
  const ok = run("bazel", ["test", "//..."])
  let passed = 0
  let failed = 0
  const logs = spawnSync("bazel", ["info", "bazel-testlogs"], { cwd: root }).stdout.toString().trim()
  for (const file of filesBelow(logs, "test.xml")) {
    const summary = /<testsuites tests="(\d+)" failures="(\d+)"[^>]*errors="(\d+)"/.exec(readFileSync(file, "utf8"))
    if (!summary) continue
    const broken = Number(summary[2]) + Number(summary[3])
    passed += Number(summary[1]) - broken
    failed += broken
  }
  return { passed, failed: ok ? failed : Math.max(failed, 1) }
}

/** Files for Vitest, counted by their tests. */
function vitest(files, environment = {}) {
  const report = join(scratch, `vitest-${files.replaceAll("/", "-")}.json`)
  rmSync(report, { force: true })
  const ok = run("npx", ["vitest", "run", files, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`], {
    cwd: tests,
    env: { ...process.env, ...environment },
  })
  try {
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, "utf8"))
    return { passed: numPassedTests, failed: ok ? 0 : Math.max(numFailedTests, 1), skipped: numPendingTests }
  } catch {
    return { passed: 0, failed: 1 }
  }
}

async function conformance(start) {
  const server = await start()
  try {
    return vitest("conformance", { CONFORMANCE_URL: new URL(server.url).origin })
  } finally {
    await server.stop()
  }
}

/** The suite's client speaks HTTP/1.1; haproxy passes it on over TLS as HTTP/2. */
async function startBehindHttp2(args) {
  const port = await freePort()
  const files = makeAuthority(scratch).issue("server")
  const server = await startServer(["dev", "--tls-cert", files.certificate, "--tls-key", files.key, "--public-url", `http://127.0.0.1:${port}`, ...args])
  const { host } = new URL(server.url)
  const proxy = await startProxy(scratch, [`${host} ssl verify none alpn h2`], { port })
  return {
    url: proxy.url,
    stop: async () => {
      await proxy.stop()
      await server.stop()
    },
  }
}

const quick = ["--long-poll-timeout", "500ms"]
// The suite's webhooks go to a receiver on this machine, which only `dev` allows by itself.
const local = ["--webhook-allow-http-localhost"]
const data = (name) => join(scratch, name)

const suites = {
  "clang-format": () => command("clang-format", "--dry-run", "-Werror", ...trackedFiles("*.h", "*.cc")),
  buildifier: () => command("tests/node_modules/.bin/buildifier", "-mode=check", "-lint=off", ...trackedFiles("WORKSPACE", "*.bazel", "*.BUILD", "*.bzl")),
  unit,
  build: () => command("bazel", "build", "--config=opt", "//:durable-streams"),
  "buf-lint": () => command("sh", "-c", "cd proto && ../tests/node_modules/.bin/buf lint"),
  "conformance-dev": () => conformance(() => startServer(["dev", ...quick])),
  "conformance-serve": () => conformance(() => startServer(["serve", "--data-dir", data("conformance"), ...quick, ...local])),
  "conformance-gateway": () => conformance(() => startSplit(data("conformance-split"), quick, local)),
  "conformance-http2": () => conformance(() => startBehindHttp2([...quick, ...local])),
  client: () => vitest("client"),
  behaviour: () => vitest("behaviour"),
  crash: () => vitest("crash"),
  deploy: () => vitest("deploy"),
  docs: () => vitest("docs"),
  fuzz: () => runFuzz(),
  // Last: it leaves another build of the program behind.
  package: () => vitest("package"),
}

const wanted = process.argv.slice(2)
for (const name of wanted) {
  if (!(name in suites)) {
    console.error(`no suite ${name}; there are: ${Object.keys(suites).join(", ")}`)
    process.exit(2)
  }
}
const results = []
for (const [name, suite] of Object.entries(suites)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  console.log(`\n=== ${name}`)
  const begin = Date.now()
  let result
  try {
    result = await suite()
  } catch (error) {
    console.error(error)
    result = { passed: 0, failed: 1 }
  }
  results.push({ name, ...result, seconds: Math.round((Date.now() - begin) / 1000) })
}
rmSync(scratch, { recursive: true, force: true })

console.log()
for (const { name, passed, failed, skipped = 0, seconds } of results) {
  console.log(`${failed ? "FAILED" : "ok    "} ${name}: ${passed} of ${passed + failed}${skipped ? `, ${skipped} skipped` : ""} (${seconds} s)`)
}
const sum = (key) => results.reduce((total, result) => total + (result[key] ?? 0), 0)
console.log(`${sum("passed")} passed, ${sum("failed")} failed`)
process.exit(sum("failed") === 0 ? 0 : 1)
