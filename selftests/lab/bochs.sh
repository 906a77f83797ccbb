# SPDX-License-Identifier: GPL-2.0
#
# bochs.sh - finds or fetches Bochs, and takes one of the machine's slots for it.
#
# Sourced after lib.sh. Sets BOCHS_VERSION, BOCHS_RUN (the command, an array)
# and BOCHS_SHARE (the folder of its BIOS).

# make_bochs FOLDER: Debian trixie's Bochs 3.0 with the libraries it was linked
# with. Those it opens at run time for its other displays are the machine's own.
make_bochs()
{
	unpack trixie "$1" bochs bochs-term bochsbios libc6 libstdc++6 \
		libgcc-s1 libreadline8t64 libtinfo6 libncurses6 libltdl7 &&
	[ -x "$1/usr/bin/bochs-bin" ]
}

packaged_bochs_version()
{
	dpkg-query -W -f '${Version}' bochs 2>/dev/null | sed 's/[+-].*//'
}

use_packaged_bochs()
{
	BOCHS_VERSION=$(packaged_bochs_version)
	[ -n "$BOCHS_VERSION" ] || die "Bochs is not installed: apt-get install bochs bochs-term"
	BOCHS_RUN=(bochs-bin)
	BOCHS_SHARE=/usr/share/bochs
}

use_fetched_bochs()
{
	local root="$LAB_CACHE/bochs/3.0" lib
	cached bochs/3.0 make_bochs || return 1
	lib="$root/usr/lib/x86_64-linux-gnu"
	BOCHS_VERSION=3.0
	BOCHS_RUN=(env "LTDL_LIBRARY_PATH=$lib/bochs/plugins"
		"$root/usr/lib64/ld-linux-x86-64.so.2"
		--library-path "$lib:/usr/lib/x86_64-linux-gnu"
		"$root/usr/bin/bochs-bin")
	[ -e "$root/usr/lib64/ld-linux-x86-64.so.2" ] ||
		BOCHS_RUN[2]="$lib/ld-linux-x86-64.so.2"
	BOCHS_SHARE="$root/usr/share/bochs"
}

# choose_bochs [2.7|3.0]: the wanted one, or the fastest there is.
choose_bochs()
{
	case "$1" in
	'')
		case "$(packaged_bochs_version)" in
		3.0*) use_packaged_bochs ;;
		*) use_fetched_bochs || use_packaged_bochs ;;
		esac ;;
	3.0)
		case "$(packaged_bochs_version)" in
		3.0*) use_packaged_bochs ;;
		*) use_fetched_bochs || die "Bochs 3.0 cannot be had; choose 2.7" ;;
		esac ;;
	*)
		use_packaged_bochs
		case "$BOCHS_VERSION" in
		"$1"*) ;;
		*) die "no Bochs $1 on this machine, only $BOCHS_VERSION" ;;
		esac ;;
	esac
}

# Two emulated machines at a time are what a small computer bears. The lock is
# inherited by Bochs, so a slot is free again only when Bochs itself is gone.
take_slot()
{
	local dir="${LAB_LOCK_DIR:-/run/lock}" n="${LAB_SLOTS:-2}" i fd fds=() queue
	[ -w "$dir" ] || dir=/tmp
	umask 000	# other users share the slots
	exec {queue}>"$dir/ospite-lab.queue" || die "cannot open $dir/ospite-lab.queue"
	for ((i = 0; i < n; i++)); do
		exec {fd}>"$dir/ospite-lab.$i" || die "cannot open $dir/ospite-lab.$i"
		fds+=("$fd")
	done
	umask 022
	# Whoever came first goes first: the queue is held until a slot is had.
	fd=
	flock -n "$queue" && for fd in "${fds[@]}"; do
		flock -n "$fd" && break
		fd=
	done
	if [ -z "$fd" ]; then
		say "waiting: $n emulated machines are running already"
		flock "$queue"
	fi
	while [ -z "$fd" ]; do
		for fd in "${fds[@]}"; do
			flock -w 1 "$fd" && break
			fd=
		done
	done
	for i in "${fds[@]}"; do
		[ "$i" = "$fd" ] || exec {i}>&-
	done
	exec {queue}>&-
}

# write_bochsrc FILE: the machine, from the variables of the lab's options.
write_bochsrc()
{
	local msrs=''

	[ "$IGNORE_MSRS" = 1 ] || msrs=", msrs=\"$LAB_DIR/silicon-msrs\""
	cat >"$1" <<-END
	plugin_ctrl: unmapped=1, biosdev=1, extfpuirq=1, iodebug=1, serial=1
	config_interface: textconfig
	display_library: term
	romimage: file=$BOCHS_SHARE/BIOS-bochs-latest
	vgaromimage: file=$BOCHS_VGABIOS
	cpu: model=$CPU, count=$CPUS, ips=200000000, reset_on_triple_fault=1, ignore_bad_msrs=$IGNORE_MSRS$msrs
	memory: guest=$MEM, host=$((MEM < 2048 ? MEM : 2048))
	clock: sync=none, time0=1000000000
	ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
	ata0-master: type=cdrom, path=$RUN/lab.iso, status=inserted
	boot: cdrom
	com1: enabled=1, mode=$COM1_MODE, dev=$COM1_DEV
	com2: enabled=1, mode=file, dev=$RUN/report
	log: $RUN/bochs.log
	panic: action=fatal
	error: $ERRORS
	info: action=ignore
	debug: action=ignore
	END
	[ ${#BOCHS_LINES[@]} -eq 0 ] || printf '%s\n' "${BOCHS_LINES[@]}" >>"$1"
}
