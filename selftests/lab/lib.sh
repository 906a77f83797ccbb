# SPDX-License-Identifier: GPL-2.0
#
# lib.sh - what the lab's scripts share: messages, the cache, and fetching
# Debian packages into it.
#
# Sourced by bash scripts, which set LAB_NAME (the name messages start with)
# first. Owns the layout of the cache:
#
#   apt/SUITE/      a private package index of a Debian suite
#   bochs/VERSION/  an unpacked Bochs of another suite
#   kernel/NAME/    vmlinuz, modules/, release: one bootable kernel
#   headers/NAME/   unpacked kernel headers, usable as KDIR
#   source/NAME/    an unpacked kernel source package
#   build/NAME/     kernels of our own, built
#   image/          parts of initramfs images, by the hash of their inputs
#   logs/           one folder a run; the newest 20 are kept
#
# Whatever is put in the cache is first completed beside its place and then
# renamed into it, so a killed script leaves nothing half done under a name that
# is believed. Each product is made under its own lock, so that any number
# of scripts may run at once.

LAB_CACHE="${OSPITE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ospite}"

say()
{
	printf '%s: %s\n' "${LAB_NAME:-lab}" "$*" >&2
}

# A failure of the lab itself, as opposed to one of the program inside.
die()
{
	say "$*"
	exit 125
}

# locked NAME COMMAND...: run COMMAND while holding the lock of one product.
locked()
{
	local name="${1//\//-}" fd status
	shift
	mkdir -p "$LAB_CACHE/locks" || die "cannot write to $LAB_CACHE; set OSPITE_CACHE to a folder that can be written"
	exec {fd}>"$LAB_CACHE/locks/$name"
	if ! flock -n "$fd"; then
		say "waiting for another run that is making $name"
		flock "$fd"
	fi
	"$@"
	status=$?
	exec {fd}>&-
	return $status
}

# cached PATH COMMAND...: make PATH (relative to the cache) unless it exists.
# COMMAND gets one more argument, an empty folder that becomes PATH.
cached()
{
	[ -e "$LAB_CACHE/$1" ] && return 0
	locked "$1" cached_locked "$@"
}

cached_locked()
{
	local path="$1" part="$LAB_CACHE/$1.part"
	shift
	[ -e "$LAB_CACHE/$path" ] && return 0
	rm -rf "$part" && mkdir -p "$part" || return 1
	if ! "$@" "$part"; then
		rm -rf "$part"
		return 1
	fi
	mv -T "$part" "$LAB_CACHE/$path"
}

# hash FILE...: one name for the contents of all these files.
hash()
{
	sha256sum -- "$@" | cut -d' ' -f1 | sha256sum | cut -c1-16
}

host_codename()
{
	( . /etc/os-release; printf '%s\n' "${VERSION_CODENAME:-}" )
}

# The mirror this machine's own apt uses for Debian's main archive, so that
# nothing here names one.
debian_mirror()
{
	apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' \
		'Created-By: Packages' 2>/dev/null |
	awk '$1 == "Debian" && $2 !~ /-(security|updates|backports)/ { print $3; exit }'
}

# suite_options SUITE: the apt options, one a line, that look at SUITE alone.
suite_options()
{
	local dir="$LAB_CACHE/apt/$1"
	printf '%s\n' -o "Dir::Etc::sourcelist=$dir/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null \
		-o "Dir::State::lists=$dir/lists" \
		-o Dir::State::status=/dev/null \
		-o "Dir::Cache=$dir/cache" \
		-o APT::Sandbox::User=root \
		-o APT::Architecture=amd64 -o APT::Architectures=amd64
}

# Make the private index of a suite, and renew it once a day.
suite_index()
{
	local suite="$1" dir="$LAB_CACHE/apt/$1" mirror opts
	local keys=/usr/share/keyrings/debian-archive-keyring.gpg

	[ -n "$(find "$dir/fresh" -mmin -1440 2>/dev/null)" ] && return 0
	mirror=$(debian_mirror)
	if [ -z "$mirror" ]; then
		say "apt knows no mirror of Debian; this needs Debian 12 or 13 and a run of 'apt-get update'"
		return 1
	fi
	say "reading Debian's package index of $suite"
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	echo "deb [arch=amd64 signed-by=$keys] $mirror $suite main" >"$dir/sources.list"
	mapfile -t opts < <(suite_options "$suite")
	if ! apt-get "${opts[@]}" -q update >"$dir/log" 2>&1; then
		say "cannot read the index of $suite: $(grep -E '^[EW]:' "$dir/log" | head -n 1)"
		[ -e "$dir/fresh" ]	# an old index is better than none
		return
	fi
	touch "$dir/fresh"
}

# apt_of SUITE TOOL ARGS...: apt-get or apt-cache on SUITE, where "host" means
# the machine's own lists.
apt_of()
{
	local suite="$1" tool="$2" opts=(-o APT::Sandbox::User=root)
	shift 2
	if [ "$suite" != host ]; then
		locked "apt-$suite" suite_index "$suite" || return 1
		mapfile -t opts < <(suite_options "$suite")
	fi
	"$tool" "${opts[@]}" "$@"
}

# unpack SUITE FOLDER PACKAGE[=VERSION]...: download the packages and unpack them in FOLDER.
unpack()
{
	local suite="$1" folder="$2" tmp deb status=0
	shift 2
	tmp=$(mktemp -d "$LAB_CACHE/deb.XXXXXX") || return 1
	say "fetching $*"
	if (cd "$tmp" && apt_of "$suite" apt-get -q download "$@") >"$tmp/log" 2>&1; then
		for deb in "$tmp"/*.deb; do
			dpkg -x "$deb" "$folder" || status=1
		done
	else
		say "cannot fetch $*: $(grep '^E:' "$tmp/log" | head -n 1)"
		status=1
	fi
	rm -rf "$tmp"
	return $status
}

# The version of a package that a suite offers, or nothing.
offered()
{
	apt_of "$1" apt-cache policy "$2" 2>/dev/null |
		awk '$1 == "Candidate:" && $2 != "(none)" { print $2; exit }'
}
