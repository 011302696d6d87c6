import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["*.test.ts"], fileParallelism: false, bail: 1, hookTimeout: 300_000, testTimeout: 180_000 },
});
