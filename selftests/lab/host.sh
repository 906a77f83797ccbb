# SPDX-License-Identifier: GPL-2.0
#
# host.sh - LAB=host: run the program on this machine itself, which has VT-x.
#
# Sourced by lab. Loads only the modules it was told to and unloads them after;
# asks before it does anything, as a bug in a module can take the machine down.

host_cleanup()
{
	local module
	for module in "${host_loaded[@]}"; do
		"${host_sudo[@]}" rmmod "$module"
	done
	rm -rf "$RUN"
}

ask_host()
{
	local answer

	grep -qw vmx /proc/cpuinfo ||
		die "this machine has no VT-x (or its firmware turned it off); without LAB=host the tests run on an emulated one"
	[ "${LAB_YES:-}" != 1 ] || return 0
	[ -t 0 ] || die "LAB=host asks before it loads a module; without a terminal say LAB_YES=1"
	read -r -p "lab: load ${LOADS[*]:-no module} into this machine's own kernel and run ${PROGRAM[0]}, as root? [y/N] " answer
	case "$answer" in
	y | Y | yes) ;;
	*) die "not done" ;;
	esac
}

# The files, under one folder; a program that wants /lab gets LAB_HOME instead.
stage_host()
{
	local item

	make_run_folder
	mkdir "$RUN/lab"
	for item in "${FILES[@]}" "${LIBS[@]}"; do
		add_file "$RUN/lab" "${item%%:/*}" "$(basename "${item%%:/*}")"
	done
	for item in lab-load lab-tests as-kvm; do
		cp "$LAB_DIR/$item" "$RUN/lab/"
	done
	for item in "${MODULES[@]}"; do
		cp "$item" "$RUN/lab/"
	done
	if [[ ${PROGRAM[0]} == */* && -f ${PROGRAM[0]} ]]; then
		cp "${PROGRAM[0]}" "$RUN/lab/"
		PROGRAM[0]="./$(basename "${PROGRAM[0]}")"
	fi
}

run_on_host()
{
	local words module taint status splats

	ask_host
	host_sudo=() host_loaded=()
	[ "$(id -u)" = 0 ] || host_sudo=(sudo)
	stage_host
	trap host_cleanup EXIT
	for module in "${LOADS[@]}"; do
		if [ "$module" = kvm ]; then
			[ -e /dev/kvm ] || "${host_sudo[@]}" modprobe kvm_intel || die "cannot load KVM"
			continue
		fi
		# A name, and parameters.
		read -ra words <<<"$module"
		"${host_sudo[@]}" env LAB_MODULES="$RUN/lab" sh "$RUN/lab/lab-load" "${words[@]}" ||
			die "cannot load $module"
		host_loaded+=("${words[0]}")
	done
	taint=$(cat /proc/sys/kernel/tainted)
	echo "lab-mark $$" | "${host_sudo[@]}" tee /dev/kmsg >/dev/null
	cd "$RUN/lab" || exit 125
	set -- "${host_sudo[@]}" env LAB_HOME="$RUN/lab" LAB_MODULES="$RUN/lab" PATH="$RUN/lab:$PATH"
	if [ "$INTERACTIVE" = 1 ]; then
		"$@" "${PROGRAM[@]}"
	else
		"$@" timeout -s KILL "$LIMIT" "${PROGRAM[@]}" </dev/null
	fi
	status=$?
	splats=$("${host_sudo[@]}" dmesg | sed "1,/lab-mark $$/d" | grep -cE 'WARNING: |BUG: |Oops|general protection|Call Trace:')
	if [ "$splats" -gt 0 ] || [ "$(cat /proc/sys/kernel/tainted)" != "$taint" ]; then
		say "kernel complained; see dmesg after 'lab-mark $$'"
		[ $status -ne 0 ] || status=126
	fi
	exit $status
}
