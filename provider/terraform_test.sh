#!/usr/bin/env bash
# terraform_test.sh FOLDER — the provider in FOLDER under the real CLI, as far as it needs no AWS: what its block
# refuses, what configure says, the function, the companion command. TAP rows; status 77 if there is no CLI.
set -uo pipefail

provider=$(cd "$1" && pwd)
cli=${AURORA_CLI:-terraform}
if ! command -v "$cli" >/dev/null; then
    echo "1..0 # SKIP no $cli on PATH"
    exit 77
fi

for variable in $(compgen -e | grep -E '^(TF_|AWS_|PG)' || true); do unset "$variable"; done
top=$(mktemp -d "${TMPDIR:-/tmp}/aurora-provider-XXXXXX")
trap 'rm -rf "$top"' EXIT
cat >"$top/cli.tfrc" <<END
provider_installation {
  dev_overrides {
    "example.com/test/aurora" = "$provider"
  }
  direct {}
}
END
export TF_CLI_CONFIG_FILE=$top/cli.tfrc CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 TF_INPUT=0 NO_COLOR=1 HOME=$top
export ASAN_OPTIONS=log_path=$top/sanitizer UBSAN_OPTIONS=log_path=$top/sanitizer:print_stacktrace=1
export AWS_EC2_METADATA_DISABLED=true

rows=0 failed=0

row() { # STATUS NAME: 0 = passed
    rows=$((rows + 1))
    if [ "$1" = 0 ]; then
        echo "ok $rows - $2"
    else
        failed=$((failed + 1))
        echo "not ok $rows - $2"
        sed 's/^/# /' "$top/out"
    fi
}

tf() { # COMMAND…: its status in $status, all it said in $top/out on one line per word
    status=0
    "$cli" -chdir="$top" "$@" -no-color >"$top/out" 2>&1 || status=$?
}

says() { tr -s ' \n│' ' ' <"$top/out" | grep -qF -- "$1"; }

# The provider block's body, and one data source so that the block is used.
configure() { # BODY
    cat >"$top/main.tf" <<END
terraform {
  required_providers {
    aurora = {
      source = "example.com/test/aurora"
    }
  }
}
provider "aurora" {
$1
}
data "aurora_cluster" "x" {
  cluster_identifier = "orders"
}
resource "terraform_data" "later" {
  input = "eu-west-1"
}
END
}

refused() { # COMMAND BODY TEXT
    configure "$2"
    tf "$1"
    [ "$status" = 1 ] && says "$3"
    row $? "$1 refuses {$(echo "$2" | tr -s ' \n' ' ')}: $3"
}

# ---- the block ----

configure 'region = "eu-west-1"'
tf validate
row "$status" "a plain block is valid"
refused validate 'regoin = "eu-west-1"' 'Unsupported argument'
refused validate 's3_use_path_style = true' 'Unsupported argument'
refused validate 'region = "eu-west"' 'AUR0012: not an AWS Region'
refused validate 'allowed_account_ids = ["1"]
forbidden_account_ids = ["2"]' 'AUR0011: allowed and forbidden accounts exclude each other'
refused validate 'access_key = "a"' 'AUR0011: access_key without secret_key'
refused validate 'secret_key = "a"' 'AUR0011: secret_key without access_key'
refused validate 'max_retries = 1.5' 'A whole number is required'
refused validate 'plan_checks = "some"' '"some" is not one of "full", "aws", "off"'
refused validate 'skip_metadata_api_check = "yes"' 'must be "true" or "false"'
refused validate 'retry_mode = "adaptive"' 'only "standard" is possible'
refused validate 'assume_role_with_web_identity {
web_identity_token = "a"
web_identity_token_file = "b"
}' 'AUR0011: two web identity tokens'
refused validate 'assume_role {
role_arn = "x"
}' '"x" is not the ARN of a role'
refused validate 'assume_role {
}' 'The argument "role_arn" is required'
refused validate 'endpoints {
rds = "nowhere"
}' 'must be a URL'
refused validate 'endpoints {
dms = "http://localhost:1"
databasemigration = "http://localhost:1"
}' 'AUR0011: several endpoints for one service'
refused validate 'postgresql {
password = "a"
aws_rds_iam_auth = true
}' 'AUR0014: several ways to log in'
refused validate 'postgresql {
aws_rds_iam_auth = true
sslmode = "disable"
}' 'AUR0014: IAM needs TLS'
refused validate 'postgresql {
sslmode = "prefer"
}' '"prefer" is not one of'
configure 'region = "nowhere"
skip_region_validation = true'
tf validate
row "$status" "skip_region_validation accepts any Region"

# ---- configure ----

refused plan 'region = "eu-west-1"
profile = "nobody"' 'the profile "nobody" does not exist in'
refused plan 'region = "eu-west-1"' 'no AWS credentials found in:'
refused plan 'access_key = "a"
secret_key = "b"' 'Region'
refused plan 'region = "eu-west-1"
access_key = "AKIDEXAMPLE"
secret_key = "the-secret-key"
max_retries = 0
endpoints {
sts = "http://127.0.0.1:1"
}' 'AUR0013: AWS does not confirm the credentials'
grep -q 'the-secret-key' "$top/out"
row $((! $?)) "… and keeps the secret key to itself"
refused plan 'region = terraform_data.later.output' 'AUR0017: the provider is not configured yet'
says "provider's argument region is known only after apply"
row $? "… and names the argument"
refused plan 'region = "eu-west-1"
insecure = true' 'AUR0016: certificates of AWS endpoints are not checked'

# ---- the function ----

cat >"$top/main.tf" <<END
terraform {
  required_providers {
    aurora = {
      source = "example.com/test/aurora"
    }
  }
}
output "family" {
  value = provider::aurora::version_family(var.version_text)
}
variable "version_text" {
  type = string
}
END
tf plan -var version_text=17.6
[ "$status" = 0 ] && says '"aurora-postgresql17"'
row $? "version_family gives a family"
tf plan -var version_text=9.6
[ "$status" = 1 ] && says 'Invalid value for "version" parameter'
row $? "version_family refuses what is no version, naming the argument"

# ---- started by a debugger ----

configure 'region = "eu-west"'
sed -i 's|example.com/test/aurora|registry.terraform.io/aurora-upgrade/aurora|' "$top/main.tf"
mkfifo "$top/attach"
AURORA_REATTACH=1 "$provider/terraform-provider-aurora" >"$top/attach" 2>"$top/debugged" &
debugged=$!
read -r -t 60 attach <"$top/attach"
TF_REATTACH_PROVIDERS=$attach tf validate
[ "$status" = 1 ] && says 'AUR0012: not an AWS Region'
row $? "AURORA_REATTACH: the line it prints is all that the CLI needs, without init"
kill -0 "$debugged"
row $? "… and the process outlives the CLI"
kill -INT "$debugged"
wait "$debugged"
row $? "… until it is interrupted"

# ---- the companion command ----

"$provider/terraform-provider-aurora" version --json >"$top/out" 2>&1 && python3 -m json.tool "$top/out" >/dev/null
row $? "version --json is JSON"
"$provider/terraform-provider-aurora" nonsense >"$top/out" 2>&1
[ $? = 1 ] && says 'usage:'
row $? "an unknown command gets the usage"
cp -r "$(dirname "$0")/../examples" "$top/examples"
"$provider/terraform-provider-aurora" docs "$top/docs" "$top/examples" >"$top/out" 2>&1 &&
    [ -s "$top/docs/data-sources/cluster.md" ]
row $? "docs writes the pages"

! ls "$top"/sanitizer* >/dev/null 2>&1
row $? "no sanitizer has a finding"
cat "$top"/sanitizer* 2>/dev/null | head -40
echo "1..$rows"
[ "$failed" = 0 ]
