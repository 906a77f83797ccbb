# SPDX-License-Identifier: GPL-2.0
#
# tap.awk - judges the output of test programs: one verdict a test case.
#
# Reads programs' output framed by "#begin NAME" and "#end NAME STATUS SECONDS"
# (selftests/lab/lab-tests), with TAP in it or none. Writes a line a case to the
# file RESULTS: pass, fail or skip, the program's name, and what; and a summary of
# each program to the standard output, with all it said if something failed.
#
# A program that plans more or fewer cases than it runs has failed, one whose
# exit status and cases disagree too, and so has one without an end.

function record(verdict, what)
{
	gsub(/\t/, " ", what)
	print verdict "\t" program "\t" what >>RESULTS
	count[verdict]++
}

function start(name)
{
	program = name
	lines = loose = ran = plan = bailed = 0
	planned = 0
	count["pass"] = count["fail"] = count["skip"] = 0
}

# The words after "ok 12", without the number, "-" and directives.
function title(line)
{
	sub(/^(not )?ok *[0-9]* *-? */, "", line)
	return line
}

function verdicts(status, i)
{
	if (bailed)
		record("fail", "bailed out: " bailed)
	if (planned && plan != ran)
		record("fail", "planned " plan " cases, ran " ran)
	if (!loose && !planned) {
		if (status == 0)
			record("pass", "exit status 0")
		else if (status == 4)
			record("skip", last ? last : "no reason given")
	}
	if (planned && plan == 0 && !loose)
		record("skip", planreason ? planreason : "no reason given")
	if (status == 124)
		record("fail", "over its time limit")
	else if (status != 0 && status != 4 && !count["fail"])
		record("fail", "exit status " status)
	else if (status == 4 && !count["skip"] && !count["fail"])
		record("fail", "exit status 4 (skip), but nothing skipped")
}

function finish(status, seconds, i)
{
	verdicts(status)
	printf "%s %s: %d passed, %d failed, %d skipped%s\n", \
		count["fail"] ? "not ok" : "ok", program, count["pass"], \
		count["fail"], count["skip"], \
		seconds == "" ? "" : " (" seconds " s)"
	if (count["fail"])
		for (i = 1; i <= lines; i++)
			print "    | " substr(output[i], 1, 300)
	program = ""
}

/^#begin / {
	if (program != "") {
		record("fail", "did not end")
		finish(0)
	}
	start($2)
	last = ""
	next
}

/^#end / && $2 == program {
	finish($3, $4)
	next
}

program != "" {
	output[++lines] = $0
	if ($0 != "")
		last = $0
}

program != "" && /^1\.\.[0-9]+/ {
	planned = 1
	split($1, range, /\.\./)
	plan += range[2]
	planreason = ""
	if (match($0, /# *SKIP/))
		planreason = substr($0, RSTART + RLENGTH + 1)
	next
}

program != "" && /^Bail out!/ {
	bailed = $0
	next
}

# Cases without a number are beside the plan.
program != "" && /^(not )?ok [0-9]/ {
	ran++
}

program != "" && /^ok( |$)/ {
	loose++
	if (match(toupper($0), /# *SKIP/))
		record("skip", title($0))
	else
		record("pass", title($0))
	next
}

program != "" && /^not ok( |$)/ {
	loose++
	if (match($0, /# *(TODO|SKIP)/))
		record("skip", title($0))
	else
		record("fail", title($0))
}

END {
	if (program != "") {
		record("fail", "did not end")
		finish(0)
	}
}
