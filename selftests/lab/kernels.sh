# SPDX-License-Identifier: GPL-2.0
#
# kernels.sh - finds, fetches and unpacks the kernels the lab boots, and the
# headers to build a module for each.
#
# Sourced after lib.sh. A kernel has a short name that people type (cloud,
# cloud-6.12, small, debug) and a folder kernel/KEY in the cache whose KEY holds
# its exact version. Nothing is ever installed on the machine.

# Where a series of Debian's kernel comes from on this machine.
series_suite()
{
	case "$1/$(host_codename)" in
	6.1/bookworm | 6.12/trixie) echo host ;;
	6.1/*) echo bookworm ;;
	6.12/*) echo bookworm-backports ;;
	esac
}

# The headers package of a series that is installed here, as "RELEASE VERSION".
installed_headers()
{
	dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' \
		"linux-headers-$1.*-cloud-amd64" 2>/dev/null |
	awk '$1 == "ii" { sub("linux-headers-", "", $2); print $2, $3 }' |
	sort -V | tail -n 1
}

# The newest kernel of a series that its suite offers, as "RELEASE VERSION".
offered_kernel()
{
	local suite="$1" release
	release=$(apt_of "$suite" apt-cache depends --important linux-headers-cloud-amd64 2>/dev/null |
		awk '$1 == "Depends:" { sub("linux-headers-", "", $2); print $2; exit }')
	case "$release" in
	"$2".*) echo "$release $(offered "$suite" "linux-image-$release")" ;;
	esac
}

# make_cloud SUITE RELEASE VERSION FOLDER: one packaged kernel, reduced to
# what the lab boots.
make_cloud()
{
	local tree="$4/tree" ko

	unpack "$1" "$tree" "linux-image-$2=$3" || return 1
	mkdir "$4/modules" || return 1
	mv "$tree/boot/vmlinuz-$2" "$4/vmlinuz" || return 1
	mv "$tree/boot/System.map-$2" "$4/System.map" 2>/dev/null
	cp "$tree/boot/config-$2" "$4/config" || return 1
	# KVM, and a RAM disk to swap to.
	find "$tree" \( -name 'kvm.ko*' -o -name 'kvm-intel.ko*' -o -name 'irqbypass.ko*' \
		-o -name 'brd.ko*' \) -exec cp {} "$4/modules/" \;
	for ko in "$4"/modules/*.ko.xz; do
		[ ! -e "$ko" ] || xz -d "$ko" || return 1
	done
	# What a guest needs to hear its power button.
	mkdir "$4/guest-modules" && (cd "$tree/lib/modules/$2" &&
		cp --parents kernel/drivers/acpi/button.ko* kernel/drivers/input/evdev.ko* "$4/guest-modules/")
	rm -rf "$tree"
	echo "$2" >"$4/release"
	[ -e "$4/modules/kvm-intel.ko" ]
}

# resolve_cloud SERIES: set KERNEL_KEY to the folder of Debian's cloud kernel,
# fetching it where needed. Exactly the version of the headers on this machine
# is preferred, so that a module built with them loads.
resolve_cloud()
{
	local series="$1" suite release version
	local pin="$LAB_CACHE/kernel/cloud-$1.pin"

	read -r release version < <(installed_headers "$series")
	if [ -z "$release" ] && [ -n "$(find "$pin" -mmin -10080 2>/dev/null)" ]; then
		read -r release version <"$pin"
	fi
	if [ -n "$release" ] && [ -d "$LAB_CACHE/kernel/packaged-$release-$version" ]; then
		KERNEL_KEY="packaged-$release-$version"
		return 0
	fi
	suite=$(series_suite "$series")
	if [ -n "$release" ] &&
	   cached "kernel/packaged-$release-$version" make_cloud "$suite" "$release" "$version"; then
		KERNEL_KEY="packaged-$release-$version"
		return 0
	fi
	read -r release version < <(offered_kernel "$suite" "$series")
	[ -n "$version" ] || die "no suite of Debian known here offers a cloud kernel $series; run 'apt-get update'"
	cached "kernel/packaged-$release-$version" make_cloud "$suite" "$release" "$version" ||
		die "cannot get Debian's kernel $release $version; check the network and run 'apt-get update'"
	echo "$release $version" >"$pin"
	KERNEL_KEY="packaged-$release-$version"
}

# kernel_folder NAME|PATH: set KERNEL_DIR to a folder with vmlinuz and modules/.
kernel_folder()
{
	case "$1" in
	cloud | cloud-6.1) resolve_cloud 6.1; KERNEL_DIR="$LAB_CACHE/kernel/$KERNEL_KEY" ;;
	cloud-6.12) resolve_cloud 6.12; KERNEL_DIR="$LAB_CACHE/kernel/$KERNEL_KEY" ;;
	small | debug)
		KERNEL_DIR="$LAB_CACHE/kernel/$1"
		[ -e "$KERNEL_DIR/vmlinuz" ] ||
			die "the $1 kernel is not built yet: 'make lab-kernel' builds it" ;;
	*)
		[ -e "$1" ] || die "no kernel named $1: choose cloud, cloud-6.12, small, debug, or the path of a bzImage"
		if [ -d "$1" ]; then
			KERNEL_DIR=$(realpath "$1")
		else
			KERNEL_DIR=$(mktemp -d)
			mkdir "$KERNEL_DIR/modules"
			cp "$1" "$KERNEL_DIR/vmlinuz" || die "cannot read the kernel $1"
		fi ;;
	esac
	[ -r "$KERNEL_DIR/vmlinuz" ] || die "no vmlinuz in $KERNEL_DIR"
}

# make_headers SUITE RELEASE VERSION FOLDER: headers which believe they
# are installed under /usr/src are pointed at where they are.
make_headers()
{
	local suite="$1" release="$2" version="$3" folder="$4" final common kbuild src link to
	local base="${release%-cloud-amd64}"

	final="$LAB_CACHE/headers/$release-$version"
	common="linux-headers-$base-common"
	kbuild=$(apt_of "$suite" apt-cache depends --important "linux-headers-$release=$version" |
		awk '$2 ~ /^linux-kbuild-/ { print $2; exit }')
	[ -n "$kbuild" ] || return 1
	unpack "$suite" "$folder" "linux-headers-$release=$version" \
		"$common=$version" "$kbuild=$version" || return 1
	src="$folder/usr/src/linux-headers-$release"
	grep -rlI --exclude-dir=include '/usr/\(src\|lib\)/linux-' \
		"$src" "$folder/usr/src/$common/Makefile" 2>/dev/null |
	while read -r link; do
		[ -L "$link" ] || sed -i "s,/usr/\(src\|lib\)/linux-,$final/usr/\1/linux-,g" "$link"
	done
	find "$folder/usr/src" -type l | while read -r link; do
		to=$(readlink "$link")
		case "$to" in /usr/*) ln -sfn "$final$to" "$link" ;; esac
	done
	[ -e "$src/Makefile" ]
}

# kernel_kdir NAME: print a folder for 'make -C KDIR M=... modules'.
kernel_kdir()
{
	local release version series=6.1
	case "$1" in
	cloud | cloud-6.1 | cloud-6.12)
		[ "$1" != cloud-6.12 ] || series=6.12
		resolve_cloud "$series"
		read -r release <"$LAB_CACHE/kernel/$KERNEL_KEY/release"
		version="${KERNEL_KEY#"packaged-$release-"}"
		if [ -e "/usr/src/linux-headers-$release/Makefile" ] &&
		   [ "$(dpkg-query -W -f '${Version}' "linux-headers-$release" 2>/dev/null)" = "$version" ]; then
			echo "/usr/src/linux-headers-$release"
			return 0
		fi
		cached "headers/$release-$version" make_headers \
			"$(series_suite "$series")" "$release" "$version" ||
			die "cannot get the headers of $release"
		echo "$LAB_CACHE/headers/$release-$version/usr/src/linux-headers-$release" ;;
	small | debug)
		kernel_folder "$1"
		readlink -f "$KERNEL_DIR/build" ;;
	*) die "no kernel named $1: choose cloud, cloud-6.12, small or debug" ;;
	esac
}
