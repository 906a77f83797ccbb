# SPDX-License-Identifier: GPL-2.0
"""Have Bochs' debugger trace the marked operations of a run of the lab."""

import collections
import itertools
import os
import sys

import labrun
import tracelog

# The windows for which the debugger is given commands, more than all rows of
# all hypervisors have.
MAX_WINDOWS = 400

Traced = collections.namedtuple('Traced', 'dev row window symbols')


class Tracing:
    """What the lab needs for a trace, and the trace afterwards.

    @folder takes the logs. Bochs 3.0 does not stop at a magic breakpoint, so
    this is 2.7.
    """

    def __init__(self, folder):
        commands = os.path.join(folder, 'commands')
        self.log = os.path.join(folder, 'log')
        self.printed = os.path.join(folder, 'symbols')
        self.marked = []
        with open(commands, 'w', encoding='ascii') as file:
            file.write(tracelog.debugger_commands(MAX_WINDOWS))
        self.options = [
            '--bochs', '2.7', '--bochs-rc', commands,
            '--bochs-line', 'magic_break: enabled=1',
            '--bochs-line', f'debugger_log: {self.log}',
            '--bochs-line', f'parport1: enabled=1, file={self.printed}',
            '--file', os.path.join(labrun.BENCH, 'lpt')]

    def take(self, entry):
        """A row is about to be traced."""
        self.marked.append(entry)

    def result(self):
        """A list of Traced: for each row the shortest of its windows, the
        one that no interrupt came into."""
        if not os.path.exists(self.log) or not os.path.exists(self.printed):
            print('bench: the lab ended without a trace', file=sys.stderr)
            return []
        tables = tracelog.symbol_tables(self.printed)
        windows = iter(tracelog.windows(self.log))
        traced = []
        for entry in self.marked:
            mine = list(itertools.islice(windows, entry['windows']))
            if not entry['windows']:
                continue  # it failed before it was traced
            if len(mine) < entry['windows']:
                print(f'bench: the trace ends in row {entry["marked"]} on'
                      f' {entry["dev"]}', file=sys.stderr)
                break
            traced.append(Traced(entry['dev'], entry['marked'],
                                 min(mine, key=lambda w: len(w.steps)),
                                 tables[entry['dev']]))
        return traced


def summary(item):
    """Two lines: instructions, exits and the dear instructions."""
    dear = '  '.join(f'{word} {count}' for word, count
                     in sorted(item.window.dear.items()))
    return (f'{item.row} on {item.dev}:'
            f' {item.window.host_instructions()} instructions of the host,'
            f' {item.window.exits()} exits\n    {dear}')
