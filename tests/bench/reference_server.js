// The reference Node server, for comparison: node reference_server.js [DATA_DIR]; in memory without.
// Prints its URL, and stops at SIGTERM.
import { DurableStreamTestServer } from "@durable-streams/server"

const [dataDir] = process.argv.slice(2)
const server = new DurableStreamTestServer({ port: 0, host: "127.0.0.1", ...(dataDir ? { dataDir } : {}) })
console.log(`reference is serving ${await server.start()}/v1/stream/`)
process.on("SIGTERM", async () => {
  await server.stop()
  process.exit(0)
})
