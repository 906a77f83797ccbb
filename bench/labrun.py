# SPDX-License-Identifier: GPL-2.0
"""Start the lab with osp-bench in it, and give what it printed."""

import json
import os
import subprocess
import sys

BENCH = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(BENCH)
LAB = os.path.join(TOP, 'selftests', 'lab', 'lab')
MODULE = os.path.join(TOP, 'ospite.ko')
LAUNCHER = os.path.join(TOP, 'userspace', 'build', 'ospite-static')

# The same for every hypervisor: no security hooks, which would add their own
# cost to every ioctl.
KERNEL_ARGUMENTS = 'lsm='


class Failure(Exception):
    """Something the user can read and mend; no traceback."""


def build():
    """Compile osp-bench."""
    made = subprocess.run(['make', '-s', '-C', BENCH], check=False)
    if made.returncode:
        raise Failure('osp-bench does not build')


def hypervisors(wanted):
    """The modules to run on: those asked for, or KVM and Ospite if built."""
    if wanted:
        names = wanted
    elif os.path.exists(MODULE):
        names = ['kvm', 'ospite']
    else:
        print('bench: there is no ospite.ko, so only KVM is measured;'
              ' `make` builds it', file=sys.stderr)
        names = ['kvm']
    if 'ospite' in names and not os.path.exists(MODULE):
        raise Failure('there is no ospite.ko: run `make` first')
    return names


def run(job, modules, options=(), on_line=None):
    """Boot the lab once and run `inside` with the arguments @job.

    Calls @on_line for each line of output, as it comes. Returns the lab's
    exit status.
    """
    command = [LAB, '--append', KERNEL_ARGUMENTS,
               '--file', os.path.join(BENCH, 'osp-bench'),
               '--file', os.path.join(BENCH, 'inside')]
    if 'ospite' in modules:
        command += ['--module', MODULE]
    command += [*options, '--', '/lab/inside', *job]
    try:
        lab = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                               errors='replace')
    except OSError as error:
        raise Failure(f'cannot start {LAB}: {error.strerror}') from error
    with lab:
        for line in lab.stdout:
            if on_line:
                on_line(line.rstrip('\r\n'))
    return lab.returncode


def parse(line):
    """The object in a line of `inside`'s output, or None."""
    if not line.startswith('{'):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None


def lab_kernel(name):
    """The bzImage of one of the lab's kernels, fetched if need be."""
    folder = os.path.dirname(LAB)
    script = (f'cd {folder!r} && LAB_DIR=$PWD && . ./lib.sh && . ./kernels.sh'
              f' && kernel_folder {name} >&2 && echo "$KERNEL_DIR"')
    found = subprocess.run(['bash', '-c', script], check=False, text=True,
                           stdout=subprocess.PIPE)
    if found.returncode:
        raise Failure(f'the lab has no kernel {name}')
    return os.path.join(found.stdout.strip(), 'vmlinuz')


def command(main):
    """Run @main as a command: failures are one line, not a traceback."""
    try:
        return main()
    except Failure as failure:
        return f'bench: {failure}'
    except KeyboardInterrupt:
        return 130
