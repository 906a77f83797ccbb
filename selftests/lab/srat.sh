# SPDX-License-Identifier: GPL-2.0
#
# srat.sh - gives the lab's inner machine NUMA nodes: writes the ACPI table that
# says so (SRAT, ACPI 6.4, 5.2.16).
#
# Sourced by lab. The machine's BIOS has no such table; Linux takes it from the
# initramfs (CONFIG_ACPI_TABLE_UPGRADE). All CPUs are in node 0, and each node
# but the first has an eighth of the memory, from its end.

# little NUMBER BYTES: as hexadecimal digits.
little()
{
	local i n="$1"
	for ((i = 0; i < $2; i++)); do
		printf '%02x' $((n & 255))
		n=$((n >> 8))
	done
}

# srat_memory NODE MIB MIB: memory affinity, from the first to the second.
srat_memory()
{
	little 1 1; little 40 1; little "$1" 4; little 0 2
	little $(($2 << 20)) 8; little $((($3 - $2) << 20)) 8
	little 0 4; little 1 4; little 0 8
}

# srat_entries NODES MIB CPUS
srat_entries()
{
	local i share=$(($2 / 8))
	for ((i = 0; i < $3; i++)); do
		little 0 1; little 16 1; little 0 1; little "$i" 1; little 1 4; little 0 8
	done
	srat_memory 0 0 $(($2 - share * ($1 - 1)))
	for ((i = 1; i < $1; i++)); do
		srat_memory "$i" $(($2 - share * ($1 - i))) $(($2 - share * ($1 - i - 1)))
	done
}

# make_srat NODES MIB CPUS FILE
make_srat()
{
	local rest head i sum=0 all
	rest=$(printf 'OSPITE' | od -An -tx1; printf 'OSPITLAB' | od -An -tx1
		little 1 4; printf 'OSPT' | od -An -tx1; little 1 4; little 1 4; little 0 8
		srat_entries "$1" "$2" "$3")
	rest=${rest//[[:space:]]/}
	head=$(printf 'SRAT' | od -An -tx1; little $((10 + ${#rest} / 2)) 4; little 3 1)
	head=${head//[[:space:]]/}
	all=$head$rest
	for ((i = 0; i < ${#all}; i += 2)); do
		sum=$((sum + 0x${all:i:2}))
	done
	all=$head$(little $((-sum & 255)) 1)$rest
	printf '%b' "$(sed 's/../\\x&/g' <<<"$all")" >"$4"
}
