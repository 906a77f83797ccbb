# SPDX-License-Identifier: GPL-2.0
"""Start the lab with osp-bench in it, and give what it printed."""

import json
import os
import subprocess
import sys

BENCH = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(BENCH)
LAB = os.path.join(TOP, 'selftests', 'lab', 'lab')
LAUNCHER = os.path.join(TOP, 'userspace', 'build', 'ospite-static')

# The same for every hypervisor: no security hooks, which would add their own
# cost to every ioctl.
KERNEL_ARGUMENTS = 'lsm='


# What runs if nothing else is asked for.
MODULES = ['kvm', 'ospite']


class Failure(Exception):
    """Something the user can read and mend; no traceback."""


def module_path(kernel):
    """Where the module for one of the lab's kernels is built."""
    return os.path.join(TOP, 'build', kernel, 'ospite.ko')


def build(modules, kernel):
    """Compile osp-bench, the launcher, and Ospite if it is to be run."""
    lab = os.path.dirname(LAB)
    steps = [['make', '-s', '-C', BENCH],
             ['make', '-s', '-C', os.path.join(TOP, 'userspace')]]
    if 'ospite' in modules:
        steps.append([os.path.join(lab, 'build-module'), kernel])
    for step in steps:
        if subprocess.run(step, check=False).returncode:
            raise Failure(f'`{" ".join(step)}` failed; see above')


def run(job, modules, kernel, options=(), on_line=None):
    """Boot the lab once and run `inside` with the arguments @job.

    Calls @on_line for each line of output, as it comes. Returns the lab's
    exit status.
    """
    command = [LAB, '--kernel', kernel, '--append', KERNEL_ARGUMENTS,
               '--file', os.path.join(BENCH, 'osp-bench'),
               '--file', os.path.join(BENCH, 'inside')]
    if 'ospite' in modules:
        command += ['--module', module_path(kernel)]
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
