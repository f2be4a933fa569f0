#!/usr/bin/env bash
# Builds the supervisor's page into control_api/static, with Node 20.19 or newer. "--if-possible": where Node is missing, says so and goes on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../console"
exec 9<.
flock 9 # one build at a time: each begins by throwing away what the last one fetched
static=../control_api/static
stamp=$static/.made-from

optional=
[ "${1-}" != --if-possible ] || optional=yes

without() {
    if [ -f "$static/index.html" ] && [ "$optional" ]; then
        printf 'console: %s; the page stays as it was built before\n' "$*" >&2
    else
        printf 'console: %s; the server runs without its page (everything else works)\n' "$*" >&2
    fi
    [ "$optional" ] || exit 1
    exit 0
}

wanted() {
    { cat package.json package-lock.json index.html vite.config.ts tsconfig.json && find src public -type f -print0 | sort -z | xargs -0 cat; } | cksum
}

if [ -f "$static/index.html" ] && [ -d node_modules ] && [ "$(wanted)" = "$(cat "$stamp" 2>/dev/null)" ]; then
    exit 0
fi
command -v npm >/dev/null && command -v node >/dev/null || without "npm is not installed (Node 20.19 or newer is needed)"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    without "Node $(node --version) is too old (20.19 or newer is needed)"

echo "console: building the supervisor's page (the first time takes half a minute)"
if ! { npm ci --no-audit --no-fund --loglevel=error && npm run --silent build -- --logLevel warn; }; then
    without "it could not be built"
fi
wanted >"$stamp"
echo "console: done"
