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
CLI_LOG=$out/cli.log
# shellcheck source=acceptance-tests/lib/cli.sh
. "$here/cli.sh"

# The newest Terraform whose licence and modules allow all three ways, and the OpenTofu that stands in for it.
terraform_version=1.11.4
tofu_version=1.12.6
oldest_cli=1.8

packages=(
    build-essential cmake ninja-build pkg-config
    libgrpc-dev protobuf-c-compiler libprotobuf-c-dev libmsgpack-dev libjansson-dev libexpat1-dev
    libcmocka-dev libmicrohttpd-dev libpq-dev libcurl4-openssl-dev libssl-dev
    clang clang-format clang-tidy libclang-rt-dev shellcheck
    postgresql-client python3 python3-boto3 jq openssl curl ca-certificates git procps tzdata debian-archive-keyring
)

say() { printf '%s\n' "$*" >&2; }
die() {
    say "set-up: $*"
    exit 1
}

# ---- Debian packages ----

missing_packages() {
    local have p
    # dpkg-query fails as soon as one of them is unknown, which is what this is about.
    have=$(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' "${packages[@]}" 2>/dev/null | awk '$2 == "ii" {print $1}') || true
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

cli_usable() {
    local version
    version=$(cli_version "$1") || return 1
    [ "$(printf '%s\n' "$oldest_cli" "$version" | sort -V | head -n 1)" = "$oldest_cli" ]
}

find_cli() {
    local candidate
    for candidate in "$(command -v terraform || true)" "$(command -v tofu || true)" \
        "$(cli_place terraform "$terraform_version")" "$(cli_place tofu "$tofu_version")"; do
        if [ -n "$candidate" ] && [ -x "$candidate" ] && cli_usable "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

release_cli() {
    local status=0
    cli_release "$@" || status=$?
    [ "$status" != 3 ] || die "a download that is not what was published; see above"
    return "$status"
}

install_cli() {
    find_cli && return
    : >"$CLI_LOG"
    release_cli terraform "$terraform_version" || release_cli tofu "$tofu_version" || cli_build tofu "$tofu_version" ||
        die "no Terraform or OpenTofu CLI from $oldest_cli on: not on PATH, its releases cannot be reached, and it could
not be built with Go (log: $CLI_LOG). Install one of them (https://developer.hashicorp.com/terraform/install,
https://opentofu.org/docs/intro/install/) and start again"
    find_cli || die "the CLI in $CLI_CACHE does not run"
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
