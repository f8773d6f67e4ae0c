#!/usr/bin/env bash
# setup.sh — everything the build, the sandbox and the tests need, installed once; a second call only looks.
#
#   acceptance-tests/lib/setup.sh           installs what is missing, prints one line
#   acceptance-tests/lib/setup.sh --cli     the same, for the Terraform or OpenTofu CLI alone
#
# Debian packages come from the mirrors this machine is set up with; the PostgreSQL majors from
# acceptance-tests/sandbox/fetch-majors; the Terraform CLI from PATH, else from the cache, else from the
# official release (checksum pinned below), else built from OpenTofu's Go module. What was chosen is written to
# build/setup/env.sh, which lib/env.sh reads. Needs root or sudo only when a package is missing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/build/setup
cache=${AURORA_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/aurora}

# The newest Terraform whose licence and modules allow all three ways, and the OpenTofu that stands in for it.
terraform_version=1.11.4
tofu_version=1.12.6
oldest_cli=1.8
terraform_releases=${AURORA_TERRAFORM_RELEASES:-https://releases.hashicorp.com/terraform}
tofu_releases=${AURORA_TOFU_RELEASES:-https://github.com/opentofu/opentofu/releases/download}

packages=(
    build-essential cmake ninja-build pkg-config
    libgrpc-dev protobuf-c-compiler libprotobuf-c-dev libmsgpack-dev libjansson-dev libexpat1-dev
    libcmocka-dev libmicrohttpd-dev libpq-dev libcurl4-openssl-dev libssl-dev
    clang-format clang-tidy shellcheck
    postgresql-client python3 jq openssl curl ca-certificates git procps tzdata debian-archive-keyring
)

say() { printf '%s\n' "$*" >&2; }
die() {
    say "set-up: $*"
    exit 1
}

# ---- Debian packages ----

missing_packages() {
    local have p
    have=$(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' "${packages[@]}" 2>/dev/null | awk '$2 == "ii" {print $1}')
    for p in "${packages[@]}"; do
        grep -qx -- "$p" <<<"$have" || printf '%s\n' "$p"
    done
    command -v aws >/dev/null || printf 'awscli\n'
}

apt_install() {
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || die "these packages are missing and need root: run 'sudo apt-get install $*' and start again"
        sudo=(sudo)
    fi
    local apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=600)
    # Without an update first: on most machines the lists are there and this is all that is needed.
    "${apt[@]}" install --no-install-recommends "$@" >"$out/apt.log" 2>&1 && return
    "${apt[@]}" update >>"$out/apt.log" 2>&1 || true
    "${apt[@]}" install --no-install-recommends "$@" >>"$out/apt.log" 2>&1 && return
    tail -n 20 "$out/apt.log" >&2
    die "apt-get could not install: $* (log: $out/apt.log)"
}

install_packages() {
    command -v dpkg-query >/dev/null ||
        die "this is not a Debian system; install the equivalents of: ${packages[*]} awscli"
    local missing
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -gt 0 ] || return 0
    say "set-up: installing ${missing[*]}"
    apt_install "${missing[@]}"
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -eq 0 ] || die "still missing after installation: ${missing[*]}"
}

# ---- Terraform or OpenTofu ----

cli_version() { # prints "1.11.4", or fails
    local text
    text=$(CHECKPOINT_DISABLE=1 "$1" version 2>/dev/null) || return 1
    [[ ${text%%$'\n'*} =~ ^(Terraform|OpenTofu)\ v([0-9]+\.[0-9]+\.[0-9]+) ]] || return 1
    printf '%s\n' "${BASH_REMATCH[2]}"
}

cli_usable() {
    local version
    version=$(cli_version "$1") || return 1
    [ "$(printf '%s\n' "$oldest_cli" "$version" | sort -V | head -n 1)" = "$oldest_cli" ]
}

checksum() { # of the official release archives, as their publishers' SHA256SUMS files give them
    case $1 in
    terraform_1.11.4_linux_amd64.zip) echo 1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc ;;
    terraform_1.11.4_linux_arm64.zip) echo a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633 ;;
    tofu_1.12.6_linux_amd64.zip) echo 5dc43da4f750f33873dc25e94587128709e819e544b7be9016b255316153c3a8 ;;
    tofu_1.12.6_linux_arm64.zip) echo e573979ba68a17fe7b881752051a694a7efcd970e39521f6a25775197861ed4d ;;
    *) return 1 ;;
    esac
}

architecture() {
    case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) return 1 ;;
    esac
}

release_cli() { # NAME VERSION BASE-URL: puts cache/bin/NAME there, or fails
    local name=$1 version=$2 base=$3 arch file want dir
    arch=$(architecture) || return 1
    file=${name}_${version}_linux_$arch.zip
    want=$(checksum "$file") || return 1
    dir=$(mktemp -d "$cache/fetch.XXXXXX")
    if curl -fsSL --retry 2 --connect-timeout 10 -o "$dir/$file" "$base/$file" 2>>"$out/cli.log"; then
        if ! (cd "$dir" && printf '%s  %s\n' "$want" "$file" | sha256sum -c --status -); then
            rm -rf "$dir"
            die "$base/$file does not have the published checksum $want; not used"
        fi
        python3 - "$dir/$file" "$name" "$dir" <<'PYTHON'
import sys, zipfile
zipfile.ZipFile(sys.argv[1]).extract(sys.argv[2], sys.argv[3])
PYTHON
        chmod 755 "$dir/$name"
        mv "$dir/$name" "$cache/bin/$name"
    fi
    rm -rf "$dir"
    [ -x "$cache/bin/$name" ]
}

module_cli() { # the module is served whole, so it is built in its own folder with its own go.sum
    local module=github.com/opentofu/opentofu dir
    command -v go >/dev/null || return 1
    say "set-up: building OpenTofu $tofu_version from its Go module (about two minutes)"
    dir=$(go mod download -json "$module@v$tofu_version" 2>>"$out/cli.log" | jq -r '.Dir // empty') || return 1
    [ -n "$dir" ] || return 1
    (cd "$dir" && go build -trimpath -ldflags "-s -w -X $module/version.dev=no" -o "$cache/bin/tofu.new" ./cmd/tofu) \
        >>"$out/cli.log" 2>&1 || return 1
    mv "$cache/bin/tofu.new" "$cache/bin/tofu"
}

find_cli() {
    local candidate
    for candidate in "$(command -v terraform || true)" "$(command -v tofu || true)" "$cache/bin/terraform" "$cache/bin/tofu"; do
        if [ -n "$candidate" ] && [ -x "$candidate" ] && cli_usable "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

install_cli() {
    find_cli && return
    mkdir -p "$cache/bin"
    : >"$out/cli.log"
    release_cli terraform "$terraform_version" "$terraform_releases/$terraform_version" ||
        release_cli tofu "$tofu_version" "$tofu_releases/v$tofu_version" ||
        module_cli ||
        die "no Terraform or OpenTofu CLI from $oldest_cli on: not on PATH, its releases cannot be reached, and it could
not be built with Go (log: $out/cli.log). Install one of them (https://developer.hashicorp.com/terraform/install,
https://opentofu.org/docs/intro/install/) and start again"
    find_cli || die "the CLI in $cache/bin does not run"
}

# ---- PostgreSQL majors ----

install_majors() { # fetch-majors looks for itself whether there is anything to do
    local fetch=$root/acceptance-tests/sandbox/fetch-majors
    "$fetch" 13 15 17 18 >"$out/majors.log" 2>&1 || {
        tail -n 20 "$out/majors.log" >&2
        die "could not provide PostgreSQL 13, 15, 17 and 18 (log: $out/majors.log)"
    }
}

main() {
    local only=${1:-} cli started=$EPOCHREALTIME
    mkdir -p "$out"
    if [ "$only" != --cli ]; then
        install_packages
        install_majors
    fi
    cli=$(install_cli)
    printf 'export AURORA_CLI=%q\n' "$cli" >"$out/env.sh.new"
    mv "$out/env.sh.new" "$out/env.sh"
    printf 'set-up: done in %s s, CLI %s (%s)\n' \
        "$(awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.1f", b - a}')" "$cli" "$(cli_version "$cli")"
}

main "$@"
