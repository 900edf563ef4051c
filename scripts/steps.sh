# shellcheck shell=bash
# Sourced by the other scripts: steps with their times, and ends that say what happened.
#
#   step "Building"        ends the step before, and begins this one
#   silent_step "…"        the same for a step that says itself what it does
#   note "text"            a line within a step
#   quietly LOG COMMAND…   a command whose output is of interest only when it fails
#   die "text"             ends the script: what is wrong, and what to do
#   summary                ends the last step, and tells how long each took
#
# A command that fails ends the script (set -e), and the last line names the step in which it was.

export LC_ALL=C.UTF-8

step_names=()
step_times=()
step_name=
step_start=0
step_shown=false
script_start=$(date +%s%N)

if [[ -t 1 && -z ${CI:-} && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
    bold='' red='' green='' plain=''
fi

# So many milliseconds since a point in time.
since() { echo $((($(date +%s%N) - $1) / 1000000)); }

# 83456 as "1 min 23 s", 2345 as "2.3 s".
duration() {
    if (($1 >= 60000)); then
        printf '%d min %02d s' $(($1 / 60000)) $(($1 / 1000 % 60))
    else
        printf '%d.%d s' $(($1 / 1000)) $(($1 / 100 % 10))
    fi
}

finish_step() {
    [[ -n $step_name ]] || return 0
    local took
    took=$(since "$step_start")
    step_names+=("$step_name")
    step_times+=("$took")
    if $step_shown; then printf '%s✓ %s%s (%s)\n' "$green" "$step_name" "$plain" "$(duration "$took")"; fi
    step_name=
}

silent_step() {
    finish_step
    step_name=$1
    step_start=$(date +%s%N)
    step_shown=false
}

step() {
    silent_step "$1"
    step_shown=true
    printf '\n%s▶ %s%s\n' "$bold" "$step_name" "$plain"
}

note() { printf '  %s\n' "$*"; }

die() {
    printf '%s%s: %s%s\n' "$red" "${0##*/}" "$1" "$plain" >&2
    exit "${2:-1}"
}

summary() {
    finish_step
    local index
    printf '\n%sWhat took how long%s\n' "$bold" "$plain"
    for index in "${!step_names[@]}"; do
        printf '  %-44s %12s\n' "${step_names[index]}" "$(duration "${step_times[index]}")"
    done
    printf '  %-44s %12s\n' "all" "$(duration "$(since "$script_start")")"
}

report_failure() {
    local status=$?
    if ((status != 0)) && [[ -n $step_name ]] && $step_shown; then
        printf '%s✗ %s failed after %s (exit code %d)%s\n' \
            "$red" "$step_name" "$(duration "$(since "$step_start")")" "$status" "$plain" >&2
    fi
}
trap report_failure EXIT

# quietly LOG COMMAND…: on a terminal the command shows itself; elsewhere its output goes to a file, and its errors are shown.
quietly() {
    local log=$1
    shift
    if [[ -t 1 && -z ${CI:-} ]]; then
        "$@"
    else
        "$@" >"$log" 2>&1 || {
            local status=$?
            grep -nE 'error:|warning:' "$log" | head -n 40 >&2 || true
            tail -n 10 "$log" >&2
            note "all of it is in $log" >&2
            return "$status"
        }
    fi
}

# The comment at the head of the script is its help.
help() { sed -n '2,$ { /^#/!q; s/^# \{0,1\}//p; }' "$0"; }
