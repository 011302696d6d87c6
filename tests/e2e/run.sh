#!/usr/bin/env bash
# The end-to-end test, or the files of it that are named, where the system allows it in a namespace without any network but the machine's own loop.
set -euo pipefail
cd "$(dirname "$0")/../.."
test="npx vitest run --root tests/e2e $*"
if unshare --user --map-root-user --net ip link set lo up 2>/dev/null; then
  exec unshare --user --map-root-user --net sh -c "ip link set lo up && exec $test"
elif unshare --net ip link set lo up 2>/dev/null; then
  exec unshare --net sh -c "ip link set lo up && exec $test"
fi
echo "NOTE: no network namespace can be made here (unshare and ip are needed): that nothing is asked of another host" \
  "is checked in the browser alone"
exec $test
