// A Python that makes environments and installs in no time, for tests: a shell script, run as a process of its own.
import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** pip notes what it is asked for in `pip.log` of its environment, and its process in `pip.pid` beside the script. */
const SCRIPT = `#!/bin/sh
here=$(dirname "$0")
case "$*" in
  *sys.executable*) echo "$0"; echo 3.12.1 ;;
  *"-m venv"*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && echo "$here" > "$4/bin/made-by" ;;
  *"pip install"*)
    by=$(cat "$here/made-by")
    echo $$ > "$by/pip.pid"
    sleep "$(cat "$by/slow" 2> /dev/null || echo 0.3)"
    case "$*" in *"[model]"*) if [ -e "$by/no-compiler" ]; then echo "error: no C++ compiler"; exit 1; fi ;; esac
    echo "$*" >> "$here/../pip.log" ;;
  *--version*) [ -e "$here/../pip.log" ] ;;
esac
`;

/** In a folder of its own, where a file `no-compiler` lets models fail, and `slow` says how long pip takes. */
export async function aPython(): Promise<{ folder: string; path: string; version: string; from: string }> {
  const folder = await mkdtemp(join(tmpdir(), "whence-python-"));
  const path = join(folder, "python3");
  await writeFile(path, SCRIPT);
  await chmod(path, 0o755);
  return { folder, path, version: "3.12.1", from: "PATH" };
}
