// What is loaded on activation, the language client it loads when a server is started, and the pages of both views.
import { cp, mkdir, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { build } from "esbuild";

const common = { bundle: true, minify: true, charset: "utf8", legalComments: "none", logLevel: "warning" };
const host = { ...common, platform: "node", format: "cjs", target: "node22", outdir: "dist" };

await rm("dist", { recursive: true, force: true });
await build({
  ...host,
  entryPoints: ["src/extension.ts"],
  external: ["vscode", "./languageClient.js"],
});
await build({
  ...host,
  entryPoints: ["src/languageClient.ts"],
  external: ["vscode"],
  plugins: [
    {
      name: "not-needed",
      setup: (built) => {
        built.onResolve({ filter: /^semver\// }, () => ({ path: resolve("src/editorVersion.cts") }));
        built.onResolve({ filter: /^minimatch$/ }, () => ({ path: resolve("src/patterns.cts") }));
      },
    },
  ],
});
await build({
  ...common,
  entryPoints: { panel: "src/webview/main.ts", training: "src/webview/trainingMain.ts" },
  platform: "browser",
  format: "iife",
  target: "chrome120",
  outdir: "dist/webview",
});
await mkdir("dist/webview", { recursive: true });
for (const name of ["style.css", "training.css"]) await cp(`src/webview/${name}`, `dist/webview/${name}`);
const codicons = new URL("./dist/", import.meta.resolve("@vscode/codicons/dist/codicon.css").replace(/dist\/codicon\.css$/, ""));
for (const name of ["codicon.css", "codicon.ttf"]) await cp(new URL(name, codicons), `dist/webview/${name}`);
