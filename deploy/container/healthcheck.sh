#!/bin/sh
# Exits 0 while the server says that it is well. MEDIASERVER_HEALTH_URL names another place to ask.
set -eu
exec python3 -I -c '
import sys, urllib.request
try:
    with urllib.request.urlopen(sys.argv[1], timeout=3) as answer:
        healthy = answer.status == 200
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error}")
sys.exit(not healthy)
' "${MEDIASERVER_HEALTH_URL:-http://127.0.0.1:8080/healthz}"
