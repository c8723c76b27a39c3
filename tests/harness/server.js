// Starts real servers for tests: the built binary, on ports that it picks, ended by process id.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
export const binary = process.env.DS_BINARY ?? join(root, "bazel-bin", "durable-streams")

/**
 * Starts `durable-streams` with these arguments (a role first) and waits until it says where it
 * serves. Without --listen among them it listens on a free loopback port. `program` may be another
 * build, for comparison; `prefix` a command that runs the program in its own place, such as `env` or a
 * shell that ends with exec.
 */
export async function startServer(args, { env = {}, timeoutMs = 20_000, program = binary, prefix = [] } = {}) {
  const listen = ["--listen", "--admin-listen"].flatMap((flag) => (args.includes(flag) ? [] : [flag, "127.0.0.1:0"]))
  const level = args.includes("--log-level") ? [] : ["--log-level", "warning"]
  const [command, ...rest] = [...prefix, program, ...args, ...listen, ...level]
  const child = spawn(command, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  })
  const exited = once(child, "exit").then(([code, signal]) => ({ code, signal }))
  let errors = ""
  child.stderr.on("data", (chunk) => {
    errors = (errors + chunk).slice(-10_000)
  })
  const lines = await new Promise((resolve, reject) => {
    const seen = []
    const timer = setTimeout(() => reject(new Error(`no server after ${timeoutMs} ms: ${errors}`)), timeoutMs)
    createInterface({ input: child.stdout }).on("line", (text) => {
      if (seen.push(text) < 2) return
      clearTimeout(timer)
      resolve(seen)
    })
    exited.then(({ code, signal }) => {
      clearTimeout(timer)
      reject(new Error(`the server ended (${code ?? signal}): ${errors}`))
    })
  })
  const where = /is serving (\S+)/.exec(lines[0])[1]
  const admin = /metrics and health: (\S+)\//.exec(lines[1])[1]
  const end = (signal) => async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    return exited
  }
  return {
    pid: child.pid,
    url: where, // http://…/v1/stream/, or HOST:PORT of gRPC in the role storage
    admin, // http://HOST:PORT of /metrics, /healthz and /readyz
    exited,
    errors: () => errors,
    stop: end("SIGTERM"),
    kill: end("SIGKILL"),
  }
}

/** Starts a storage and a gateway in front of it. Ending it ends the gateway first. */
export async function startSplit(dataDir, gatewayArgs = [], storageArgs = []) {
  const storage = await startServer(["storage", "--data-dir", dataDir, ...storageArgs])
  const gateway = await startServer(["gateway", "--storage", storage.url, ...gatewayArgs])
  return {
    ...gateway,
    storage,
    gateway,
    stop: async () => {
      await gateway.stop()
      return storage.stop()
    },
  }
}
