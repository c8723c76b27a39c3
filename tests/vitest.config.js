import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["{conformance,client,behaviour,crash,deploy,docs,package}/*.test.js"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
