import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["src/**/*.test.ts"], alias: { vscode: new URL("src/vscode.fake.ts", import.meta.url).pathname } },
});
