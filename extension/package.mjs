// The VSIX: the bundles, and the server's wheel with the exact versions of what it needs. With --wheel it uses no network.
//   npm run package [-- --wheel FILE]      PYTHON names the Python that has `build` (default: that of make)
import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readdir, rm, stat } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createVSIX } from "@vscode/vsce";

const MOST_BUNDLE = 500_000;
const root = resolve("..");
const { wheel } = parseArgs({ options: { wheel: { type: "string" } } }).values;

for (const old of ["server", "dist/whence.vsix"]) await rm(old, { recursive: true, force: true }); // neither is packed again
await mkdir("server");
if (wheel) await copyFile(wheel, join("server", wheel.split("/").at(-1)));
else build();
for (const [from, to] of [["constraints.txt", "server/constraints.txt"], ["LICENSE", "LICENSE"]]) await copyFile(join(root, from), to);
await createVSIX({ packagePath: "dist/whence.vsix", dependencies: false, allowMissingRepository: true, rewriteRelativeLinks: false });
await measure();

function build() {
  const own = join(root, ".venv", "bin", "python");
  const python = process.env.PYTHON ?? (existsSync(own) ? own : "python3");
  execFileSync(python, ["-m", "build", "--wheel", "--outdir", resolve("server"), root], { stdio: ["ignore", "ignore", "inherit"] });
}

async function measure() {
  const bytes = async (path) => (await stat(path)).size;
  const bundle = (await bytes("dist/extension.js")) + (await bytes("dist/languageClient.js"));
  const server = (await readdir("server")).find((name) => name.endsWith(".whl"));
  const [vsix, carried] = [await bytes("dist/whence.vsix"), await bytes(join("server", server))];
  const size = (number) => `${(number / 1000).toFixed(0)} kB`;
  console.log(`dist/whence.vsix ${size(vsix)}: the wheel ${size(carried)}, all else ${size(vsix - carried)}; bundles ${size(bundle)}`);
  if (bundle > MOST_BUNDLE) throw new Error(`the extension's bundles are larger than ${size(MOST_BUNDLE)}`);
}
