# shellcheck shell=bash
# cli.sh — a Terraform, OpenTofu or Terragrunt CLI by name and version, for set-up and for stories that need a certain
# one. Sourced. `cli_get terraform 1.8.5` prints the program, found in this order: PATH, cache, official release where its
# checksum stands below, the CLI's own Go module. What goes wrong on the way is written to $CLI_LOG.

CLI_CACHE=${AURORA_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/aurora}/bin
CLI_LOG=${CLI_LOG:-/dev/null}
CLI_TERRAFORM_RELEASES=${AURORA_TERRAFORM_RELEASES:-https://releases.hashicorp.com/terraform}
CLI_TOFU_RELEASES=${AURORA_TOFU_RELEASES:-https://github.com/opentofu/opentofu/releases/download}

cli_version() { # PROGRAM: prints "1.11.4", or "1.13.0-beta1", or fails
    local text
    text=$(CHECKPOINT_DISABLE=1 "$1" version 2>/dev/null) || return 1
    # OpenTofu tells on standard output, too, what it dislikes about its configuration.
    [[ $text =~ (^|$'\n')(Terraform|OpenTofu|terragrunt\ version)\ v([0-9]+\.[0-9]+\.[0-9]+(-[a-z0-9.]+)?)($|$'\n') ]] || return 1
    printf '%s\n' "${BASH_REMATCH[3]}"
}

cli_checksum() { # of the official release archives, as their publishers' SHA256SUMS files give them
    case $1 in
    terraform_1.11.4_linux_amd64.zip) echo 1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc ;;
    terraform_1.11.4_linux_arm64.zip) echo a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633 ;;
    tofu_1.12.6_linux_amd64.zip) echo 5dc43da4f750f33873dc25e94587128709e819e544b7be9016b255316153c3a8 ;;
    tofu_1.12.6_linux_arm64.zip) echo e573979ba68a17fe7b881752051a694a7efcd970e39521f6a25775197861ed4d ;;
    *) return 1 ;;
    esac
}

cli_architecture() {
    case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) return 1 ;;
    esac
}

# Where a CLI of exactly this version is kept; the program bears its usual name, which others go by.
cli_place() { printf '%s/%s-%s/%s\n' "$CLI_CACHE" "$1" "$2" "$1"; }

cli_find() { # NAME VERSION: on PATH or in the cache
    local candidate
    for candidate in "$(command -v "$1" || true)" "$(cli_place "$1" "$2")"; do
        if [ -n "$candidate" ] && [ -x "$candidate" ] && [ "$(cli_version "$candidate")" = "$2" ]; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

cli_keep() { # FILE NAME VERSION: moved into its place at once, whoever else may be doing the same
    local place
    place=$(cli_place "$2" "$3")
    mkdir -p "$(dirname "$place")"
    chmod 755 "$1"
    mv -f "$1" "$place"
}

cli_release_url() { # NAME VERSION FILE
    case $1 in
    terraform) printf '%s/%s/%s\n' "$CLI_TERRAFORM_RELEASES" "$2" "$3" ;;
    tofu) printf '%s/v%s/%s\n' "$CLI_TOFU_RELEASES" "$2" "$3" ;;
    esac
}

# 1: not to be had; 3: what came is not what was published.
cli_release() { # NAME VERSION
    local name=$1 version=$2 arch file want dir url status=1
    arch=$(cli_architecture) || return 1
    file=${name}_${version}_linux_$arch.zip
    want=$(cli_checksum "$file") || return 1
    url=$(cli_release_url "$name" "$version" "$file")
    mkdir -p "$CLI_CACHE"
    dir=$(mktemp -d "$CLI_CACHE/fetch.XXXXXX") || return 1
    if curl -fsSL --retry 2 --connect-timeout 10 -o "$dir/$file" "$url" 2>>"$CLI_LOG"; then
        if ! (cd "$dir" && printf '%s  %s\n' "$want" "$file" | sha256sum -c --status -); then
            echo "$url does not have the published checksum $want; not used" | tee -a "$CLI_LOG" >&2
            status=3
        elif python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract(sys.argv[2], sys.argv[3])' \
            "$dir/$file" "$name" "$dir" 2>>"$CLI_LOG" && cli_keep "$dir/$name" "$name" "$version"; then
            status=0
        fi
    fi
    rm -rf "$dir"
    return "$status"
}

# Terraform's own module names others of its repository that no proxy serves (since 1.9: all backends for remote state but
# http and inmem). Nothing but the list of backends needs them: the copy is the same program without those.
cli_without_absent_modules() { # COPY
    local module folder name list=internal/backend/init/init.go
    (
        cd "$1" && chmod -R u+w . || exit 1
        while read -r module folder; do
            [ ! -d "$folder" ] || continue
            go mod edit -dropreplace "$module" -droprequire "$module" || exit 1
            name=$(sed -nE "s#^[[:space:]]*(\\w+) \"$module\"\$#\\1#p" "$list")
            [ -z "$name" ] || sed -i -e "\\#\"$module\"#d" -e "/[^A-Za-z]$name\\.New(/d" "$list" || exit 1
        done < <(sed -nE 's#^replace (\S+) => \./(\S+)$#\1 \2#p' go.mod)
    )
}

# The module is built in its own folder, with its own go.sum: as an argument of `go install` it would be refused for its
# replacements. 1: the build failed; 2: no Go, or no module to build from.
cli_build() { # NAME VERSION
    local name=$1 version=$2 module package mark fetched dir program copy='' flags=(-trimpath) status=1
    case $name in
    terraform) module=github.com/hashicorp/terraform package=. mark=$module/version.dev=no ;;
    tofu) module=github.com/opentofu/opentofu package=./cmd/tofu mark=$module/version.dev=no ;;
    terragrunt) module=github.com/gruntwork-io/terragrunt package=. mark=github.com/gruntwork-io/go-commons/version.Version=v$version ;;
    *) return 2 ;;
    esac
    command -v go >/dev/null || return 2
    fetched=$(go mod download -json "$module@v$version" 2>>"$CLI_LOG") || true
    dir=$(jq -r '.Dir // empty' <<<"$fetched")
    if [ -z "$dir" ]; then
        jq -r '.Error // "go did not fetch the module"' <<<"$fetched" >>"$CLI_LOG"
        return 2
    fi
    echo "building $name $version from its Go module (about two minutes)" >&2
    mkdir -p "$CLI_CACHE"
    program=$(mktemp "$CLI_CACHE/build.XXXXXX") || return 1
    if [ "$name" = terraform ]; then
        copy=$(mktemp -d "$CLI_CACHE/source.XXXXXX") && cp -R "$dir/." "$copy" && cli_without_absent_modules "$copy" 2>>"$CLI_LOG"
        dir=$copy flags+=(-mod=mod)
    fi
    if (cd "$dir" && nice -n 10 go build "${flags[@]}" -ldflags "-s -w -X $mark" -o "$program" "$package") \
        >>"$CLI_LOG" 2>&1 && cli_keep "$program" "$name" "$version"; then
        status=0
    fi
    rm -rf "$program" ${copy:+"$copy"}
    return "$status"
}

# Prints the program. 1: it could not be made; 2: neither a release nor Go and the module can be had here; 3: a release
# that is not the published one.
cli_get() { # terraform|tofu VERSION
    local status=0
    cli_find "$1" "$2" && return 0
    cli_release "$1" "$2" || status=$?
    if [ "$status" = 1 ]; then
        status=0
        cli_build "$1" "$2" || status=$?
    fi
    [ "$status" = 0 ] || return "$status"
    cli_find "$1" "$2"
}
