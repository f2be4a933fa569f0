#!/usr/bin/env bash
# Lists the live calls, has your phone rung into an agent's, whispers when you have answered, and leaves. With the demo, where the
# softphone, in a shell of its own, is the phone that answers:
#
#     .venv/bin/python -m bench phone
#     MEDIASERVER_TOKEN=demo-token examples/supervise.sh robert
set -euo pipefail
url=${MEDIASERVER_URL:-http://127.0.0.1:8080}
agent=${1:?name an agent}
: "${MEDIASERVER_TOKEN:?set it to your token}"

ask() { # METHOD PATH [BODY]; the token goes by a pipe, for everybody on a machine sees its command lines
    local told
    if ! told=$(curl --silent --show-error --fail-with-body --request "$1" "$url$2" \
            --header @<(echo "Authorization: Bearer $MEDIASERVER_TOKEN") --header "Content-Type: application/json" ${3:+--data "$3"}); then
        echo "$told" >&2 # what the server says of it: text and hint
        return 1
    fi
    echo "$told"
}

ask GET /v1/calls
joined=$(ask POST "/v1/agents/$agent/supervisors" '{"mode": "listen"}')
leg=$(sed -E 's/.*"leg":([0-9]+).*/\1/' <<<"$joined")
for _ in {1..60}; do # until your phone is answered
    supervisors=$(ask GET /v1/supervisors)
    if [[ $supervisors == *"\"leg\":$leg,\"role\":\"supervisor\",\"state\":\"answered\""* ]]; then break; fi
    if [[ $supervisors != *"\"leg\":$leg,"* ]]; then echo "your phone did not answer" >&2 && exit 1; fi
    sleep 1
done
ask PUT "/v1/supervisors/$leg/mode" '{"mode": "whisper"}'
sleep "${WHISPER_SECONDS:-5}"
ask DELETE "/v1/supervisors/$leg"
