import { defineConfig } from "vitest/config";
import { PATIENCE } from "./workbench";

export default defineConfig({
  test: { include: ["*.test.ts"], fileParallelism: false, bail: 1, hookTimeout: 5 * PATIENCE, testTimeout: 3 * PATIENCE },
});
