// Builds and runs the fuzz targets, one per core at a time: `runFuzz` for the suite, and what tests/fuzz calls.
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { availableParallelism, homedir, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { parseArgs } from "node:util"

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
// clang is another toolchain: in an output base of its own neither build throws the other's away.
const bazel = ["--output_base", join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "durable-streams-fuzz")]

function output(...args) {
  const result = spawnSync("bazel", [...bazel, ...args], { cwd: root, stdio: ["ignore", "pipe", "inherit"] })
  if (result.status !== 0) throw new Error(`bazel ${args[0]} failed`)
  return result.stdout.toString().trim()
}

/** Runs one built target. Resolves to whether nothing broke. */
async function runTarget({ program, corpus, name, seconds, keep }) {
  const found = mkdtempSync(join(tmpdir(), "ds-fuzz-"))
  const broken = join(corpus, "..", "broken")
  mkdirSync(corpus, { recursive: true })
  mkdirSync(broken, { recursive: true })
  const fuzz = async (...args) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
    let text = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text = (text + chunk).slice(-20_000)))
    const [code] = await once(child, "close")
    return { ok: code === 0, text }
  }
  const limits = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=65536"]
  const run = await fuzz(`-max_total_time=${seconds}`, "-print_final_stats=1", `-artifact_prefix=${broken}/${name}-`, ...limits, found, corpus)
  const executed = /stat::number_of_executed_units: (\d+)/.exec(run.text)?.[1]
  if (run.ok) {
    console.log(`ok     ${name}: ${executed} inputs in ${seconds} s`)
    if (keep) await fuzz("-merge=1", corpus, found)
  } else {
    console.log(`FAILED ${name}\n${run.text}`)
  }
  rmSync(found, { recursive: true, force: true })
  spawnSync("rmdir", ["--ignore-fail-on-non-empty", broken])
  return run.ok && Number(executed) > 0
}

/** Fuzzes the named targets, or all, for `seconds` each; counts which of them held. */
export async function runFuzz({ seconds = 30, keep = false, names = [] } = {}) {
  // Not all of //...: that would follow the links which the other output base has left in the root.
  const labels = output("query", 'attr(tags, "\\bfuzz\\b", //base/... + //gateway/... + //storage/...)')
    .split("\n")
    .filter((label) => label && (names.length === 0 || names.includes(label.split(":")[1])))
  for (const name of names) {
    if (!labels.some((label) => label.endsWith(`:${name}`))) throw new Error(`no fuzz target ${name}`)
  }
  output("build", "--config=fuzz", ...labels)
  const bin = output("info", "--config=fuzz", "bazel-bin")
  const waiting = labels.map((label) => {
    const [folder, name] = label.slice(2).split(":")
    return { name, program: join(bin, folder, name), corpus: join(root, folder, "corpus", name), seconds, keep }
  })
  let passed = 0
  const total = waiting.length
  const work = async () => {
    for (let target; (target = waiting.shift()); ) if (await runTarget(target)) passed++
  }
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, work))
  } finally {
    spawnSync("bazel", [...bazel, "shutdown"], { cwd: root })
  }
  return { passed, failed: total - passed }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values, positionals } = parseArgs({
    options: { seconds: { type: "string", default: "30" }, keep: { type: "boolean", default: false } },
    allowPositionals: true,
  })
  const seconds = Number(values.seconds)
  if (!Number.isInteger(seconds) || seconds < 1) {
    console.error(`--seconds ${values.seconds}: a whole number of seconds, 1 or more, is needed`)
    process.exit(2)
  }
  const { passed, failed } = await runFuzz({ seconds, keep: values.keep, names: positionals }).catch((error) => {
    console.error(error.message)
    process.exit(2)
  })
  console.log(`${passed} passed, ${failed} failed`)
  process.exit(failed === 0 ? 0 : 1)
}
