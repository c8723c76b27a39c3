// What another client sees while something goes on: it appends, one request after the other, from a thread of its own
// so that what this process does beside it does not count.
import { Agent, request } from "node:http"
import { readFileSync } from "node:fs"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import { fileURLToPath } from "node:url"

// More than what counts as small, and little enough that what is stored of it does not show.
const uploadBytes = 80 << 10

/** Sends a body in these parts and resolves to the status. */
function send(agent, url, parts, headers) {
  return new Promise((resolve) => {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    const call = request(url, { method: "POST", agent, headers: { "content-type": "application/octet-stream", "content-length": length, ...headers } }, (answer) => {
      answer.resume()
      answer.on("end", () => resolve(answer.statusCode))
    })
    call.on("error", (error) => resolve(error.code))
    call.write(parts[0])
    const rest = () => call.end(parts[1])
    parts.length > 1 ? setTimeout(rest, 5) : call.end()
  })
}

/** Appends until it is told to stop; every tenth time a body that comes in two parts. */
async function appendUntilStopped({ url, headers }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const times = []
  const failures = []
  let stopped = false
  parentPort.once("message", () => (stopped = true))
  for (let i = 0; !stopped; i++) {
    const parts = i % 10 === 9 ? [Buffer.alloc(uploadBytes / 2), Buffer.alloc(uploadBytes / 2)] : [Buffer.alloc(100)]
    const begin = performance.now()
    const status = await send(agent, url, parts, headers)
    times.push(performance.now() - begin - (parts.length > 1 ? 5 : 0))
    if (status !== 204) failures.push(status)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  agent.destroy()
  parentPort.postMessage({ times, failures })
}

const percentile = (times, share) => times.sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))]

/** What a client that appends to the stream at `url` sees while `work` goes on. */
export async function seenDuring(url, work, headers = {}) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { url, headers } })
  const answer = new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject))
  try {
    await work()
  } finally {
    worker.postMessage("stop")
  }
  const { times, failures } = await answer
  await worker.terminate()
  return { count: times.length, failures, p50: percentile(times, 0.5), p99: percentile(times, 0.99), longest: percentile(times, 1) }
}

const megabytes = (pid, field) => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024
/** Resident memory of a process now, and the most that it had, in MiB. */
export const residentMib = (pid) => megabytes(pid, "VmRSS")
export const peakMib = (pid) => megabytes(pid, "VmHWM")

/** The sum of a metric's samples whose line matches. */
export async function metric(server, pattern) {
  const text = await (await fetch(`${server.admin}/metrics`)).text()
  return [...text.matchAll(new RegExp(`^${pattern.source} (\\S+)$`, "gm"))].reduce((sum, match) => sum + Number(match[1]), 0)
}

if (!isMainThread && workerData?.url !== undefined) await appendUntilStopped(workerData)
