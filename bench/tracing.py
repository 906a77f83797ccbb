# SPDX-License-Identifier: GPL-2.0
"""Run operations in the lab with Bochs' debugger tracing them."""

import collections
import os
import sys
import tempfile

import labrun
import tracelog

# The windows for which the debugger is given commands, more than all rows of
# all hypervisors have.
MAX_WINDOWS = 400

Traced = collections.namedtuple('Traced', 'dev row window symbols')


def collect(modules, rows, kernel):
    """Trace @rows (all, if none) on each of @modules in one boot.

    Returns a list of Traced, for each row the shortest of its windows: the
    one that no interrupt came into.
    """
    marked = []

    def on_line(line):
        entry = labrun.parse(line)
        if entry and 'marked' in entry:
            marked.append(entry)
        elif entry is None:
            print(line, file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        commands = os.path.join(folder, 'commands')
        log = os.path.join(folder, 'log')
        printed = os.path.join(folder, 'symbols')
        with open(commands, 'w', encoding='ascii') as file:
            file.write(tracelog.debugger_commands(MAX_WINDOWS))
        status = labrun.run(
            ['trace', *modules, '--', *rows], modules, kernel,
            # Bochs 3.0 does not stop at a magic breakpoint.
            ['--bochs', '2.7', '--bochs-rc', commands,
             '--bochs-line', 'magic_break: enabled=1',
             '--bochs-line', f'debugger_log: {log}',
             '--bochs-line', f'parport1: enabled=1, file={printed}',
             '--file', os.path.join(labrun.BENCH, 'lpt')], on_line)
        if not os.path.exists(log) or not os.path.exists(printed):
            raise labrun.Failure(
                f'the lab ended with status {status} and no trace')
        return status, match(marked, list(tracelog.windows(log)),
                             tracelog.symbol_tables(printed))


def match(marked, found, tables):
    """Give each marked row its windows, which come in the same order."""
    expected = sum(entry['windows'] for entry in marked)
    if len(found) != expected:
        raise labrun.Failure(
            f'{expected} windows were marked, but {len(found)} traced')
    traced = []
    for entry in marked:
        count = entry['windows']
        mine, found = found[:count], found[count:]
        traced.append(Traced(entry['dev'], entry['marked'],
                             min(mine, key=lambda w: len(w.steps)),
                             tables[entry['dev']]))
    return traced
