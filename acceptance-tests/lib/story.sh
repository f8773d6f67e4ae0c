# shellcheck shell=bash
# story.sh — rows of a story, in TAP, on top of stack.sh. A story sources this file, makes its rows with the
# functions below and ends with `story_end`; one that dies before prints no plan, which counts as failed.

# shellcheck source=acceptance-tests/lib/stack.sh
. "$(dirname "${BASH_SOURCE[0]}")/stack.sh"

STORY_ROWS=0 STORY_FAILED=0

row() { # pass|fail NAME
    STORY_ROWS=$((STORY_ROWS + 1))
    if [ "$1" = pass ]; then
        printf 'ok %d - %s\n' "$STORY_ROWS" "$2"
    else
        STORY_FAILED=$((STORY_FAILED + 1))
        printf 'not ok %d - %s\n' "$STORY_ROWS" "$2"
    fi
}

note() { sed 's/^/# /' | cut -c1-240; }

skip() { # NAME REASON
    STORY_ROWS=$((STORY_ROWS + 1))
    printf 'ok %d - %s # SKIP %s\n' "$STORY_ROWS" "$1" "$2"
}

ok() { # NAME COMMAND…: the command succeeds
    local name=$1 status=0
    shift
    "$@" >"$STACK/row.log" 2>&1 || status=$?
    if [ "$status" = 0 ]; then
        row pass "$name"
    else
        row fail "$name"
        { echo "status $status of: $*"; tail -n 25 "$STACK/row.log"; } | note
        return 1
    fi
}

is() { # NAME GOT WANTED
    if [ "$2" = "$3" ]; then
        row pass "$1"
    else
        row fail "$1"
        printf 'got:    %s\nwanted: %s\n' "$2" "$3" | note
        return 1
    fi
}

like() { # NAME TEXT REGEX (extended; matches across words of any spacing)
    local text=${2//$'\n'/ }
    if grep -Eqi -- "$3" <<<"$text"; then
        row pass "$1"
    else
        row fail "$1"
        printf 'no match for: %s\nin: %s\n' "$3" "$2" | head -n 20 | note
        return 1
    fi
}

same_text() { # NAME GOLDEN-FILE GOT-FILE; AURORA_GOLDEN=write takes what was got as the truth
    if [ "${AURORA_GOLDEN:-}" = write ]; then
        mkdir -p "$(dirname "$2")"
        cp "$3" "$2"
    fi
    if cmp -s "$2" "$3"; then
        row pass "$1"
    else
        row fail "$1"
        diff -u "$2" "$3" 2>&1 | head -n 60 | note
    fi
}

# A story of many cases may run in lanes side by side (AURORA_LANE=K/N, set by the runner for one that says "# lanes"). A case
# falls to a lane by its name, so that lanes need not find the same number of them; or by its number, where a list is fixed.
my_turn() { # CASE
    local lane=${AURORA_LANE:-1/1} sum=$1
    [[ $sum =~ ^[0-9]+$ ]] || sum=$(($(cksum <<<"$1" | cut -d ' ' -f 1) >> 8)) # its lowest bits are alike for texts that are
    [ $((sum % ${lane#*/})) = $((${lane%/*} - 1)) ]
}

story_end() {
    printf '1..%d\n' "$STORY_ROWS"
    [ "$STORY_FAILED" = 0 ]
    exit
}

# ---- Terraform, judged ----

# What Terraform said, unwrapped: severity, summary and detail of every diagnostic.
diagnostics() { # JSON-LOG
    jq -rR 'fromjson? | select(.type == "diagnostic") | .diagnostic |
        "\(.severity): \(.summary): \(.detail // "") [\(.snippet.code // "" | gsub("^\\s+"; ""))]"' "$1"
}

tf_json() { # FOLDER plan|apply|destroy [ARGUMENT…]: log in $STACK/tf.json, its diagnostics in $SAID
    local status=0 folder=$1 verb=$2
    shift 2
    local options=(-json -input=false)
    [ "$verb" = plan ] || options+=(-auto-approve)
    terraform_in "$folder" "$verb" "${options[@]}" "$@" >"$STACK/tf.json" 2>"$STACK/tf.err" || status=$?
    SAID=$(diagnostics "$STACK/tf.json"; cat "$STACK/tf.err")
    return "$status"
}

# A refusal is one row: it fails, it is no crash, and it says every one of the things a user needs.
refuses() { # NAME FOLDER plan|apply|destroy REGEX…
    local status=0
    tf_json "$2" "$3" || status=$?
    refused "$1" "$status" "${@:4}"
}

refused() { # NAME STATUS REGEX…: the same for what tf_json did with further arguments
    local name=$1 status=$2 regex missing=''
    shift 2
    if [ "$status" = 0 ]; then
        row fail "$name"
        echo "it was accepted" | note
        return 0
    fi
    for regex in "$@" '!(plugin did not respond|panic|crash|AddressSanitizer|runtime error)'; do
        if [ "${regex:0:1}" = '!' ]; then
            ! grep -Eqi -- "${regex:1}" <<<"${SAID//$'\n'/ }" || missing+=" unwanted: ${regex:1}"
        else
            grep -Eqi -- "$regex" <<<"${SAID//$'\n'/ }" || missing+=" missing: $regex"
        fi
    done
    if [ -z "$missing" ]; then
        row pass "$name"
    else
        row fail "$name"
        printf '%s\n%s\n' "$missing" "$SAID" | note
    fi
}

warns() { # NAME FOLDER REGEX…: the plan succeeds and says all of it in a warning
    local name=$1 folder=$2 regex missing=''
    shift 2
    tf_json "$folder" plan || missing=' the plan failed'
    for regex in '^warning:' "$@"; do
        grep -Eqi -- "$regex" <<<"$SAID" || missing+=" missing: $regex"
    done
    if [ -z "$missing" ]; then
        row pass "$name"
    else
        row fail "$name"
        printf '%s\n%s\n' "$missing" "$SAID" | note
    fi
}

applies() { # NAME FOLDER [ARGUMENT…]
    local name=$1 folder=$2
    shift 2
    if tf_json "$folder" apply "$@"; then
        row pass "$name"
    else
        row fail "$name"
        printf '%s\n' "$SAID" | note
        return 1
    fi
}

plan_is() { # NAME FOLDER empty|changes|error [ARGUMENT…]
    local verdict
    verdict=$(plan_verdict "$2" "${@:4}")
    if [ "$verdict" = "$3" ]; then
        row pass "$1"
    else
        row fail "$1"
        { echo "the plan is: $verdict"; grep -v '^$' "$STACK/plan.log" | tail -n 40; } | note
        return 1
    fi
}

# A folder with the providers every story uses; the story writes its resources below it.
project() { # NAME: makes and initialises $STACK/NAME with provider.tf; prints the folder
    local folder=$STACK/$1
    mkdir -p "$folder"
    cat >"$folder/provider.tf" <<HCL
terraform {
  required_providers {
    aurora = { source = "aurora-upgrade/aurora" }
  }
}

provider "aurora" {
  postgresql {
    username    = "$MASTER"
    sslrootcert = "${PGSSLROOTCERT:-}"
  }
}
HCL
    terraform_in "$folder" init -input=false >"$STACK/init.log" 2>&1 || {
        tail -n 20 "$STACK/init.log" >&2
        return 1
    }
    printf '%s\n' "$folder"
}

attribute() { # FOLDER ADDRESS NAME: out of the state
    terraform_in "$1" show -json | jq -r --arg address "$2" --arg name "$3" \
        '.values.root_module.resources[]? | select(.address == $address) | .values[$name]'
}

upgrade_hcl() { # CLUSTER TARGET STAGE [FURTHER-LINES]: one resource named "it" (of type $UPGRADE), to stdout
    printf 'resource "%s" "it" {\n  cluster_identifier    = "%s"\n  target_engine_version = "%s"\n  stage = "%s"\n%s\n}\n' \
        "${UPGRADE:-aurora_blue_green_upgrade}" "$1" "$2" "$3" "${4:-}"
}

fault() { # OPERATION KIND [--code C] [--message M] [--status N] [--count N]
    sandbox fault --operation "$1" --kind "$2" "${@:3}" >/dev/null
}
