# SPDX-License-Identifier: GPL-2.0
#
# image.sh - builds what the lab's inner machine boots: a CD with GRUB, the
# kernel, and an initramfs of two parts.
#
# Sourced after lib.sh. The big part (busybox, /init, KVM's modules) depends on
# the kernel only and is cached by the hash of its inputs; the small one holds
# the job. The kernel joins archives that follow each other.

# One cpio archive of a folder: owned by root, the same bytes for the same contents.
pack()
{
	(cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio --quiet -0 -o -H newc -R 0:0 --reproducible)
}

# make_base KERNELFOLDER FOLDER
make_base()
{
	local root="$2/root" dir applet

	for dir in bin sbin usr/bin usr/sbin dev proc sys run tmp root lab etc lib/modules; do
		mkdir -p "$root/$dir"
	done
	for applet in $("$BUSYBOX" --list); do
		ln -s busybox "$root/bin/$applet"
	done
	rm -f "$root/bin/busybox"
	cp "$BUSYBOX" "$root/bin/busybox" || return 1
	ln -s busybox "$root/bin/bash" # for scripts that use sh's subset of it
	cp "$LAB_DIR/init" "$root/init"
	cp "$LAB_DIR/lab-load" "$LAB_DIR/lab-tests" "$LAB_DIR/as-kvm" "$root/bin/"
	cp "$1"/modules/*.ko "$root/lib/modules/" 2>/dev/null
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nkvm:x:104:\nnogroup:x:65534:\n' >"$root/etc/group"
	pack "$root" >"$2/base.cpio" || return 1
	rm -rf "$root"
}

# base_image KERNELFOLDER: set BASE_IMAGE.
base_image()
{
	local key
	key=$(hash "$BUSYBOX" "$LAB_DIR"/{init,lab-load,lab-tests,as-kvm,image.sh} "$1"/modules/*)
	cached "image/base-$key" make_base "$1" || die "cannot make the base image"
	BASE_IMAGE="$LAB_CACHE/image/base-$key/base.cpio"
}

# add_file ROOT HOSTFILE INNERPATH: a file, or a folder with all in it.
add_file()
{
	local to="$1/${3#/}"
	[ -e "$2" ] || die "no such file: $2"
	mkdir -p "$(dirname "$to")"
	if [ -d "$2" ]; then
		mkdir -p "$to" && cp -aL "$2/." "$to/" || die "cannot read $2"
	else
		cp -L "$2" "$to" || die "cannot read $2"
	fi
}

# is_dynamic FILE: an ELF program that needs a loader the image lacks.
is_dynamic()
{
	readelf -l "$1" 2>/dev/null | grep -q 'program interpreter'
}

# add_libraries ROOT PROGRAM: the loader and libraries of a dynamic program,
# under the names it looks for them.
add_libraries()
{
	local lib
	ldd "$2" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' |
	while read -r lib; do
		add_file "$1" "$lib" "$lib"
	done
}

quote()
{
	local word
	for word; do
		printf "'%s' " "${word//\'/\'\\\'\'}"
	done
}

# make_iso KERNEL ARGUMENTS BASE JOB ISO
make_iso()
{
	local dir="$RUN/cd"
	mkdir -p "$dir/boot/grub"
	ln -f "$1" "$dir/vmlinuz" 2>/dev/null || cp "$1" "$dir/vmlinuz"
	ln -f "$3" "$dir/base" 2>/dev/null || cp "$3" "$dir/base"
	ln -f "$4" "$dir/job" 2>/dev/null || cp "$4" "$dir/job"
	# Every start leaves a mark on the second port: a second mark is a reset.
	cat >"$dir/boot/grub/grub.cfg" <<-END
	serial --unit=1 --speed=115200
	terminal_output serial
	echo lab-boot
	terminal_output console
	linux /vmlinuz $2
	initrd /base /job
	boot
	END
	grub-mkrescue -o "$5" "$dir" >"$RUN/grub.log" 2>&1 ||
		die "grub-mkrescue failed, see $RUN/grub.log"
	rm -rf "$dir"
}
