# SPDX-License-Identifier: GPL-2.0
#
# run.sh - runs the emulated machine, watches it, and judges the outcome.
#
# Sourced by lab after the image is made. In the run's folder: console (all
# that the first serial port said), report (the second: marks, verdict, kernel
# log), bochs.log, bochs.out.

bochs_pid='' screen_pid='' stream_pid='' watch_pid='' saved_tty=''

cleanup()
{
	[ -z "$saved_tty" ] || stty "$saved_tty" </dev/tty
	saved_tty=
	for pid in $bochs_pid $screen_pid $watch_pid $stream_pid; do
		kill "$pid" 2>/dev/null
	done
	rm -f "$RUN/lab.iso" "$RUN/tty"
}

# run_bochs: Bochs holds a debugger that wants a terminal, so it gets one of its
# own; should this script be killed, Bochs goes too.
#
# --exact: Bochs 3.0 has two loops around its CPUs. The usual one forgets, if there
# are several, that RIP has changed when an exception was delivered: a VM exit before the
# next instruction then saves the RIP of the one that faulted (but RSP and RFLAGS of the
# handler), and the guest is lost. The debugger's loop does it right, as the only one
# of Bochs 2.7 does.
run_bochs()
{
	local command exact=()
	[ "$EXACT" = 0 ] || [ "${BOCHS_VERSION%%.*}" = 2 ] || exact=(-debugger)
	if [ -n "$BOCHS_RC" ]; then
		cp "$BOCHS_RC" "$RUN/bochs.rc"
	else
		printf 'c\n' >"$RUN/bochs.rc"
	fi
	command=$(quote "${BOCHS_RUN[@]}" "${exact[@]}" -q -f "$RUN/bochsrc" -rc "$RUN/bochs.rc")
	TERM=xterm setpriv --pdeathsig TERM \
		script -qefc "exec $command" "$RUN/bochs.out" </dev/null >/dev/null 2>&1 &
	bochs_pid=$!
}

# drain_screen: Bochs with its debugger gives the emulated screen a terminal of its
# own.  Nobody looks at it; but when its buffer is full, Bochs stops and waits for
# someone who does.
drain_screen()
{
	local screen=''
	while [ -z "$screen" ]; do
		kill -0 "$bochs_pid" 2>/dev/null || return
		sleep 0.1
		screen=$(sed -n 's/^Bochs connected to screen "\(.*\)".*/\1/p' "$RUN/bochs.out" 2>/dev/null)
	done
	exec socat -u "OPEN:$screen,raw,echo=0" OPEN:/dev/null
}

# While the kernel boots the console is silent; say that something happens.
progress()
{
	local start=$SECONDS
	while ! grep -q lab-init "$RUN/report" 2>/dev/null; do
		printf '\r\033[Klab: booting %s in Bochs %s, %d s ' "$1" "$BOCHS_VERSION" $((SECONDS - start)) >&2
		sleep 1
	done
	printf '\r\033[K' >&2
}

panicked()
{
	grep -aq 'Kernel panic' "$RUN/console"
}

# Its trace may be longer than the lines that are shown.
panic_reason()
{
	tr -d '\r' <"$RUN/console" | grep -aom1 'Kernel panic.*'
}

rebooted()
{
	grep -aq 'reboot: Restarting' "$RUN/console"
}

# starts: how often the machine has started. GRUB's mark shows it at once, but GRUB
# is mute when Linux left the port in use; then the mark of /init shows it.
starts()
{
	local boots inits
	boots=$(grep -ac lab-boot "$RUN/report")
	inits=$(grep -ac lab-init "$RUN/report")
	echo $((boots > inits ? boots : inits))
}

# watch: ends when the machine is beyond use: it panicked, started a second time,
# or is over its time. Bochs's own end is seen by the caller.
watch()
{
	local end=$((SECONDS + WALL))
	while [ $SECONDS -lt $end ]; do
		sleep 0.5
		[ "$(starts)" -lt 2 ] || return 0
		if [ "$EXPECT" != panic ] && panicked; then
			sleep 2	# for the rest of the message
			return 0
		fi
	done
	echo "lab-wall $WALL" >"$RUN/wall"
}

run_machine()
{
	local version progress_pid=''

	COM1_MODE=file COM1_DEV="$RUN/console"
	: >"$RUN/console"
	: >"$RUN/report"
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	version=$(cat "$KERNEL_DIR/release" 2>/dev/null || echo "$KERNEL")
	if [ "$INTERACTIVE" = 1 ]; then
		COM1_MODE=term COM1_DEV="$RUN/tty"
		saved_tty=$(stty -g </dev/tty) || die "-i needs a terminal"
		say "booting $version in Bochs $BOCHS_VERSION; Ctrl-] leaves the lab"
		socat "STDIN,raw,echo=0,escape=0x1d!!STDOUT" \
			"PTY,link=$RUN/tty,raw,echo=0,wait-slave" </dev/tty |
			tee "$RUN/console" &
		stream_pid=$!
		while [ ! -e "$RUN/tty" ]; do sleep 0.05; done
	elif [ "$QUIET" = 0 ] && [ -t 2 ]; then
		progress "$version" &
		progress_pid=$!
	elif [ "$QUIET" = 0 ]; then
		say "booting $version in Bochs $BOCHS_VERSION ($CPUS CPU, $CPU)"
	fi
	write_bochsrc "$RUN/bochsrc"
	started=$SECONDS
	run_bochs
	drain_screen </dev/null >/dev/null 2>&1 &
	screen_pid=$!
	watch &
	watch_pid=$!
	if [ "$INTERACTIVE" = 0 ]; then
		tail -n +1 -s 0.2 -f --pid=$bochs_pid "$RUN/console" 2>/dev/null |
			sed -u '0,/^lab-begin/d; s/\r*$//
				/\[ *[0-9.]*\] reboot: Power down$/ { s///; /^$/d }' &
		stream_pid=$!
		wait -n "$bochs_pid" "$watch_pid"
	else
		wait -n "$bochs_pid" "$watch_pid" "$stream_pid"
	fi
	kill "$bochs_pid" "$screen_pid" "$watch_pid" $progress_pid 2>/dev/null
	wait "$bochs_pid" 2>/dev/null
	[ "$INTERACTIVE" = 0 ] || kill "$stream_pid" 2>/dev/null
	wait "$stream_pid" 2>/dev/null
	[ -z "$progress_pid" ] || printf '\r\033[K' >&2
	cleanup 2>/dev/null
	bochs_pid='' screen_pid='' watch_pid='' stream_pid=''
}

last_lines()
{
	say "the last lines of the console:"
	tail -n 40 "$RUN/console" | tr -d '\r' | sed 's/^/  | /' >&2
}

kernel_log()
{
	tr -d '\r' <"$RUN/report" | sed -n '/^lab-dmesg-begin/,/^lab-dmesg-end/p' | sed '1d;$d'
}

# Everything since the program began, as that is what it has to answer for.
show_splats()
{
	say "what the kernel inside said:"
	kernel_log | sed '1,/lab-mark/d' | head -n 120 | sed 's/^/  | /' >&2
}

fail()
{
	say "$2"
	last_lines
	say "all logs of this run: $RUN"
	exit "$1"
}

judge()
{
	local status splats marks

	read -r _ status splats < <(tr -d '\r' <"$RUN/report" | grep -ao 'lab-verdict .*' | tail -n 1)
	marks=$(starts)
	case "$EXPECT" in
	reset)
		[ "$marks" -lt 2 ] || ! rebooted || panicked || exit 0
		fail 126 "the machine was to reset itself, and did not" ;;
	panic)
		[ "$marks" -lt 2 ] || ! panicked || exit 0
		fail 126 "the machine was to panic and reset itself, and did not" ;;
	esac
	if [ -z "$status" ]; then
		if panicked; then
			fail 126 "the kernel inside panicked: $(panic_reason)"
		elif rebooted; then
			fail 126 "the machine inside was rebooted"
		elif [ "$marks" -ge 2 ]; then
			fail 126 "triple fault: the machine inside reset itself without a word"
		elif [ -e "$RUN/wall" ]; then
			fail 124 "no end within $WALL s of this machine's time (--wall)"
		elif [ "$INTERACTIVE" = 1 ]; then
			say "left the lab"
			exit 0
		elif ! grep -aq lab-init "$RUN/report"; then
			fail 125 "the inner kernel did not reach /init; Bochs said: $(grep -a '>>PANIC<<' "$RUN/bochs.log" "$RUN/bochs.out" | head -n 1)"
		fi
		fail 126 "the machine inside ended without a verdict"
	fi
	if grep -aq 'lab-limit ' "$RUN/report"; then
		show_splats
		fail 124 "no end within $LIMIT emulated seconds (--limit)"
	fi
	if [ "${splats:-0}" -gt 0 ]; then
		say "kernel complained ($(tr -d '\r' <"$RUN/report" | sed -n 's/^lab-taint \(.*\) \(.*\)/taint at boot \1, now \2/p'))"
		show_splats
		say "all logs of this run: $RUN"
		[ "$status" -ne 0 ] || status=126
	elif [ "$QUIET" = 0 ]; then
		say "exit status $status after $((SECONDS - started)) s; logs in $RUN"
	fi
	exit "$status"
}
