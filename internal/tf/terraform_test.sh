#!/usr/bin/env bash
# terraform_test.sh FOLDER — the demo provider in FOLDER, driven by the real CLI: one folder and one world per
# case, TAP rows, status 77 if there is no CLI. A sanitizer's report anywhere fails the last row.
set -uo pipefail

provider=$(cd "$1" && pwd)
cli=${AURORA_CLI:-terraform}
if ! command -v "$cli" >/dev/null; then
    echo "1..0 # SKIP no $cli on PATH"
    exit 77
fi

cli_name=$(CHECKPOINT_DISABLE=1 "$cli" version 2>/dev/null | grep -E '^(Terraform|OpenTofu) v') # "Terraform v1.11.4"
cli_version=${cli_name#* v}

since() { # VERSION-OF-TERRAFORM VERSION-OF-OPENTOFU: this CLI is at least that
    local least=$1
    [ "${cli_name%% *}" = Terraform ] || least=$2
    [ "$(printf '%s\n' "$least" "$cli_version" | sort -V | head -n 1)" = "$least" ]
}

for variable in $(compgen -e | grep -E '^(TF_|ASAN_OPTIONS|UBSAN_OPTIONS)' || true); do unset "$variable"; done
top=$(mktemp -d "${TMPDIR:-/tmp}/aurora-tf-XXXXXX")
running=''
close() {
    [ -z "$running" ] || kill -KILL -- "-$running" 2>/dev/null
    rm -rf "$top"
}
trap close EXIT
cat >"$top/cli.tfrc" <<END
provider_installation {
  dev_overrides {
    "example.com/test/demo" = "$provider"
  }
  direct {}
}
END
export TF_CLI_CONFIG_FILE=$top/cli.tfrc CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 TF_INPUT=0 NO_COLOR=1
export TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}log_path=$top/sanitizer"
export ASAN_OPTIONS=log_path=$top/sanitizer UBSAN_OPTIONS=log_path=$top/sanitizer:print_stacktrace=1

# ---- rows ----

rows=0 failed=0

row() { # STATUS NAME: 0 = passed
    rows=$((rows + 1))
    if [ "$1" = 0 ]; then
        echo "ok $rows - $2"
    else
        failed=$((failed + 1))
        echo "not ok $rows - $2"
        tail -n 40 "$top/out" | sed 's/^/# /'
    fi
}

# New folder and world; the configuration is the provider block and standard input.
begin() { # NAME
    here=$top/$1
    world=$here/world
    mkdir -p "$world"
    cat >"$here/provider.tf" <<END
terraform {
  required_providers {
    demo = {
      source = "example.com/test/demo"
    }
  }
}
provider "demo" {
  dir   = "$world"
  token = "token-123456"
}
END
    configure
}

configure() { cat >"$here/main.tf"; }

tf() { "$cli" -chdir="$here" "$@" -no-color >"$top/out" 2>&1; }

gives() { # STATUS NAME COMMAND…: the CLI ends with that status
    local wanted=$1 name=$2 status=0
    shift 2
    tf "$@" || status=$?
    [ "$status" = "$wanted" ]
    row $? "$name"
}

says() { # TEXT: the last output has it, whatever the line breaks
    tr -s ' \n│' ' ' <"$top/out" | grep -qF -- "$1"
    row $? "… and says: $1"
}

says_not() { # TEXT
    ! grep -qF -- "$1" "$top/out"
    row $? "… without: $1"
}

state_is() { # JQ-EXPRESSION: true of the state
    "$cli" -chdir="$here" show -json >"$top/out" 2>&1 && jq -e "$1" "$top/out" >/dev/null
    row $? "state: $1"
}

value() { printf '.values.root_module.resources[] | select(.address == "%s") | .values' "$1"; }

empty_plan() { gives 0 "the next plan is empty" plan -detailed-exitcode; }

# ---- cases ----

life() {
    begin life <<'END'
resource "demo_thing" "a" {
  name      = "one"
  ratio     = 0.1
  labels    = { "a.b" = "c" }
  words     = ["a", "b"]
  flags     = ["z", "y"]
  size      = { width = 2 }
  secret_wo = "very-secret"
  login {
    host        = "h"
    password_wo = "also-secret"
    tls {
      mode = "x"
    }
  }
  hook {
    at = "before"
  }
  hook {
    at  = "after"
    sql = "select 1"
  }
}
data "demo_lookup" "a" {
  name = demo_thing.a.name
}
output "found" {
  value = data.demo_lookup.a.count_of
}
END
    gives 0 "the schema loads" providers schema -json
    local secret=11 later=3
    if ! since 1.11 1.11; then # it would store them
        gives 1 "write-only values are refused" validate
        says 'AUR0803: write-only attributes not supported by this CLI'
        says 'secret_wo must never be stored'
        says 'login.password_wo must never be stored'
        sed -i '/_wo /d' "$here/main.tf"
        secret=0 later=0
    fi
    gives 0 "validate" validate
    gives 2 "plan of a create" plan -detailed-exitcode
    says '+ revision = (known after apply)'
    says '+ mode = "slow"'
    [ "$secret" = 0 ] || says '+ secret_wo = (write-only attribute)'
    gives 0 "create" apply -auto-approve
    says 'found = 3'
    state_is "$(value demo_thing.a) | .revision == 1 and .secret_length == $secret and .hook[1].number == 1 and .size.area == 100"
    ! grep -rqE 'very-secret|also-secret' "$here"/*.tfstate
    row $? "no write-only value is in the state"
    empty_plan

    sed -i 's/ratio     = 0.1/ratio     = 0.2/; s/"very-secret"/"new"\n  secret_wo_version = 2/' "$here/main.tf"
    gives 2 "plan of an update" plan -detailed-exitcode
    says '0 to add, 1 to change, 0 to destroy'
    says_not '~ id '
    gives 0 "update" apply -auto-approve
    state_is "$(value demo_thing.a) | .revision == 2 and .secret_length == $later and .id == \"id-one\""
    empty_plan

    echo '{"name":"one","count_of":7,"hook":[]}' >"$world/one.json"
    gives 2 "drift is planned back" plan -detailed-exitcode
    says '~ count_of = 7 -> 3'
    rm "$world/one.json"
    gives 2 "a thing that is gone is planned again" plan -detailed-exitcode
    says '1 to add, 0 to change, 0 to destroy'
    gives 0 "and made again" apply -auto-approve

    sed -i 's/= "one"/= "two"/' "$here/main.tf"
    gives 2 "another name replaces" plan -detailed-exitcode
    says '# forces replacement'
    gives 0 "replace" apply -auto-approve
    [ ! -e "$world/one.json" ] && [ -e "$world/two.json" ]
    row $? "the old one is gone, the new one there"
    gives 0 "destroy" destroy -auto-approve
    [ -z "$(ls "$world")" ]
    row $? "nothing is left"
}

numbers() {
    begin numbers <<'END'
resource "demo_thing" "n" {
  for_each = {
    tenth  = 0.1
    large  = 9223372036854775808
    huge   = 1e30
    exact  = 1 - 0.99
    half   = 0.5
    minus  = -42
  }
  name  = each.key
  ratio = each.value
}
END
    gives 0 "numbers of every kind" apply -auto-approve
    empty_plan
    gives 0 "and away" destroy -auto-approve
}

unknowns() {
    begin unknowns <<'END'
resource "terraform_data" "late" {
  input = "late"
}
resource "demo_thing" "u" {
  name      = terraform_data.late.output
  secret_wo = terraform_data.late.output
  labels    = { x = terraform_data.late.output }
  login {
    host = terraform_data.late.output
  }
  dynamic "hook" {
    for_each = toset([terraform_data.late.output])
    content {
      at  = "before"
      sql = hook.value
    }
  }
}
END
    since 1.11 1.11 || sed -i '/_wo /d' "$here/main.tf"
    gives 0 "configuration that is known at apply only" apply -auto-approve
    state_is "$(value demo_thing.u) | .name == \"late\" and .hook[0].sql == \"late\""
    empty_plan

    begin unconfigured <<END
resource "terraform_data" "dir" {
  input = "$top/unconfigured/world"
}
resource "demo_thing" "u" {
  name = "late"
}
END
    sed -i 's/dir   = .*/dir = terraform_data.dir.output/' "$here/provider.tf"
    gives 0 "a provider that is configured at apply only" apply -auto-approve
    [ -e "$here/world/late.json" ]
    row $? "the thing is there"
    empty_plan
}

functions() {
    begin functions <<'END'
output "greetings" {
  value = provider::demo::greet("bob", 2)
}
output "echo" {
  value = provider::demo::echo({ a = [1, "x", null] })
}
END
    gives 0 "functions" apply -auto-approve
    says '"hello bob", "hello bob",'
    configure <<'END'
output "greetings" {
  value = provider::demo::greet("", 2)
}
END
    gives 1 "a bad first argument" plan
    says 'Invalid value for "who" parameter: AUR0901: nobody to greet'
    sed -i 's/"", 2/"bob", 1.5/' "$here/main.tf"
    gives 1 "a bad second argument" plan
    says 'Invalid value for "times" parameter: AUR0802'
    sed -i 's/"bob", 1.5/"nobody", 1/' "$here/main.tf"
    gives 1 "a failure of no argument" plan
    says 'Call to function "provider::demo::greet" failed: AUR0901: greeting failed'
}

ephemerals() {
    since 1.11 1.11 || return 0
    begin ephemerals <<END
ephemeral "demo_token" "t" {
  name = "bob"
}
resource "demo_thing" "e" {
  name       = "e"
  secret_wo  = ephemeral.demo_token.t.token
  depends_on = [terraform_data.long]
}
# Holds the apply, and with it the token, until the token was renewed.
resource "terraform_data" "long" {
  provisioner "local-exec" {
    interpreter = ["timeout", "60", "bash", "-c"]
    command     = "until [ -e '$top/ephemerals/world/renewed.token' ]; do sleep 0.1; done"
  }
}
END
    gives 0 "a secret from an ephemeral resource" apply -auto-approve
    state_is "$(value demo_thing.e) | .secret_length == 13 and .secret_wo == null"
    [ "$(cat "$world/closed.token")" = "opened for bob" ]
    row $? "it is closed with what open returned"
    [ "$(cat "$world/renewed.token")" = "opened for bob" ]
    row $? "and was renewed from the same"
    ! grep -q secret-of-bob "$here"/*.tfstate
    row $? "it is not in the state"
    empty_plan
}

imports() {
    begin imports <<'END'
resource "demo_thing" "i" {
  name = "there"
}
END
    gives 0 "something to import" apply -auto-approve
    gives 0 "forget it" state rm demo_thing.i
    gives 0 "import" import demo_thing.i there
    empty_plan
    gives 0 "forget it again" state rm demo_thing.i
    configure <<'END'
import {
  to = demo_thing.i
  id = "there"
}
END
    gives 0 "an import block, with its configuration generated" plan -generate-config-out=generated.tf
    gives 0 "import" apply -auto-approve
    empty_plan
    cat >>"$here/main.tf" <<'END'
resource "demo_thing" "j" {
  name = "nowhere"
}
END
    gives 1 "something that is not there" import demo_thing.j nowhere
    says 'Cannot import non-existent remote object'
}

stored_states() {
    begin stored_states <<'END'
resource "demo_thing" "s" {
  name = "old"
}
END
    gives 0 "a state of today" apply -auto-approve
    local old='.resources[0].instances[0] |= (.schema_version = 1 | .attributes = {title: "old", count_of: "3", id: "id-old"})'
    jq "$old | .serial += 1" "$here/terraform.tfstate" >"$here/older" && mv "$here/older" "$here/terraform.tfstate"
    gives 0 "a state of version 1 is upgraded" plan -detailed-exitcode
    jq '.resources[0].instances[0] |= (.schema_version = 0 | .attributes = {}) | .serial += 1' \
        "$here/terraform.tfstate" >"$here/older" && mv "$here/older" "$here/terraform.tfstate"
    gives 1 "one that is too old is refused" plan
    says 'AUR0106: too old'

    begin moved <<'END'
resource "terraform_data" "m" {
  input = 1
}
END
    gives 0 "another type" apply -auto-approve
    configure <<'END'
resource "demo_thing" "m" {
  name = "m"
}
moved {
  from = terraform_data.m
  to   = demo_thing.m
}
END
    gives 1 "a move between types is refused" plan
    says 'AUR0807: move between resource types not supported'
    says 'A terraform_data of provider terraform.io/builtin/terraform cannot become a demo_thing'
}

failures() {
    begin failures <<'END'
resource "demo_thing" "f" {
  name      = "f"
  behaviour = "fail_create"
  hook {
    at = "before"
  }
}
END
    gives 1 "a create that fails" apply -auto-approve
    says 'AUR0909: create thing f'
    says 'The answer was: out of space ?? *** (request 7)'
    says 'Production: f was not made'
    says 'Next: make room'
    says 'in resource "demo_thing" "f": 5: at = "before"'
    gives 0 "leaves no state" state list
    [ ! -s "$top/out" ]
    row $? "none at all"

    sed -i 's/fail_create/partial_create/' "$here/main.tf"
    gives 1 "a create that fails half way" apply -auto-approve
    gives 2 "is kept, tainted" plan -detailed-exitcode
    says 'is tainted, so must be replaced'
    sed -i 's/partial_create/normal/' "$here/main.tf"
    gives 0 "is replaced" apply -auto-approve

    sed -i 's/normal/fail_update/' "$here/main.tf"
    gives 1 "an update that fails" apply -auto-approve
    state_is "$(value demo_thing.f) | .behaviour == \"normal\""
    sed -i 's/fail_update/bug_type/' "$here/main.tf"
    gives 1 "a result of a wrong type" apply -auto-approve
    says 'AUR0890: provider bug: a result does not fit the schema'
    gives 1 "a delete that returns a state" destroy -auto-approve
    says 'AUR0890: provider bug: state after a delete'
    sed -i 's/bug_type/refuse_destroy/' "$here/main.tf"
    gives 0 "a thing that stays" apply -auto-approve
    gives 1 "its destroy is refused at plan" plan -destroy
    says 'AUR0103: this thing stays'

    sed -i 's/refuse_destroy/never_heard_of/' "$here/main.tf"
    gives 1 "a value that is not allowed" validate
    says 'AUR0802: value not allowed'
    says '"never_heard_of" is not one of "normal", "fail_create"'
}

huge() {
    begin huge <<'END'
resource "demo_thing" "h" {
  name      = "h"
  behaviour = "huge"
}
END
    gives 0 "a state of 5 MiB" apply -auto-approve
    empty_plan
    gives 0 "and away" destroy -auto-approve
}

interrupt() {
    local start=$SECONDS status=0
    begin interrupt <<'END'
resource "demo_thing" "i" {
  name      = "i"
  behaviour = "hang_create"
}
resource "demo_thing" "done" {
  name = "done"
}
END
    set -m # a process group of its own, as a terminal would give it
    "$cli" -chdir="$here" apply -auto-approve -no-color >"$top/out" 2>&1 &
    running=$!
    set +m
    until [ -e "$world/i.started" ] && [ -e "$world/done.json" ]; do
        if ! kill -0 "$running" 2>/dev/null || [ $((SECONDS - start)) -ge 60 ]; then break; fi
        sleep 0.05
    done
    kill -INT -- "-$running"
    wait "$running" || status=$?
    running=''
    [ "$status" = 1 ] && [ $((SECONDS - start)) -lt 30 ]
    row $? "Ctrl-C during a create ends it, status $status"
    says 'AUR-PAUSED AUR0908: interrupted before anything was made'
    gives 0 "only what was finished is in the state" state list
    [ "$(cat "$top/out")" = demo_thing.done ]
    row $? "demo_thing.done"
}

for case in life numbers unknowns functions ephemerals imports stored_states failures huge interrupt; do
    "$case"
done
reports=$(find "$top" -maxdepth 1 -name 'sanitizer*')
[ -z "$reports" ] || cat "$top"/sanitizer* >"$top/out"
[ -z "$reports" ]
row $? "no sanitizer has anything to report"
echo "1..$rows"
[ "$failed" = 0 ]
